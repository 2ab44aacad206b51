"""Fans as a PNG, for where an SVG cannot be shown."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forecast_cli.report.palette import colour
from forecast_cli.report.svg import draw_png
from forecast_cli.workflows.fan import FAN_LEVELS, Fan

_RANGES: Final = ((0, 4), (1, 3))
_WIDTH: Final = 7.0
_HEIGHT: Final = 3.0
"""Inches, of each fan."""


def fan_png(fans: Sequence[Fan]) -> bytes:
    """Some fans, one below the other, on a light ground."""
    return draw_png(partial(_paint, fans), width=_WIDTH, height=_HEIGHT * len(fans))


def _paint(fans: Sequence[Fan], figure: Figure) -> None:
    panels = figure.subplots(len(fans), 1, squeeze=False)[:, 0]
    for axes, fan in zip(panels, fans, strict=True):
        _paint_one(axes, fan)


def _paint_one(axes: Axes, fan: Fan) -> None:
    past = np.arange(1 - len(fan.closes), 1)
    ahead = [0, *fan.horizons]
    levels = np.vstack([np.full(len(FAN_LEVELS), fan.last_close), fan.prices])
    for ends in _RANGES:
        lower, upper = levels[:, ends].T
        axes.fill_between(ahead, lower, upper, color=colour("model"), alpha=0.25, linewidth=0)
    axes.plot(ahead, levels[:, FAN_LEVELS.index(0.5)], color=colour("model"))
    axes.plot(past, fan.closes, color=colour("ink"))
    axes.set_title(f"{fan.symbol}, {fan.model}: 90 and 50 % range", loc="left")
    axes.set_xlabel(f"sessions from {fan.cutoff}")
    axes.margins(x=0.01)
