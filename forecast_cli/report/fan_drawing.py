"""A fan as the paths of a small SVG, made by hand: five hundred fit one page.

What is drawn is numbers alone; templates put them, and the names beside them, into place, escaped.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.report.palette import palette_css
from forecast_cli.report.templating import PAGES
from forecast_cli.report.words import bars, number, percent
from forecast_cli.workflows.fan import FAN_LEVELS, Fan

WIDTH: Final = 320
HEIGHT: Final = 130
_PAST: Final = 0.68
"""Share of the width that the closes take; the horizons take the rest, however far they reach."""
_MARGIN: Final = 4
_LINE: Final = 10
_BASELINE: Final = 3
"""Height of a line of labels, and how far below its middle letters stand."""
_BANDS: Final = ((0, 4), (1, 3))
"""Columns of FAN_LEVELS between which a range lies, the wider one first."""
_MEDIAN: Final = FAN_LEVELS.index(0.5)


@dataclass(frozen=True, kw_only=True)
class FanDrawing:
    """A fan in a box of WIDTH x HEIGHT. closes, median, bands: path data; empty without ranges.

    cutoff: where it stands from the left. alt: the same in words. rows: per horizon the bars
    ahead, the target date, the ends of the 90 % range, median and P(up), as text. labels: prices
    to stand at the right, each behind how far down. first, last, target: days from left to right.
    """

    symbol: str
    model: str
    heading: str
    alt: str
    closes: str
    bands: tuple[str, ...]
    median: str
    cutoff: float
    rows: tuple[tuple[str, ...], ...]
    labels: tuple[tuple[float, str], ...]
    first: str
    last: str
    target: str


def drawn(fan: Fan) -> FanDrawing:
    """The fan, drawn."""
    known = bool(np.isfinite(fan.prices).all())
    prices = fan.prices if known else fan.prices[:0]
    seen = np.concatenate([fan.closes, prices.ravel()])
    low, high = float(seen.min()), float(seen.max())
    scale = (HEIGHT - 2 * _MARGIN) / ((high - low) or 1.0)
    edge = _PAST * WIDTH
    past = np.linspace(_MARGIN, edge, len(fan.closes)) if len(fan.closes) > 1 else [edge]
    ahead = edge + np.array([0, *fan.horizons]) / fan.horizons[-1] * (WIDTH - _MARGIN - edge)

    def down(value: float) -> float:
        return HEIGHT - _MARGIN - scale * (value - low)

    def path(across: Iterable[float], values: Iterable[float]) -> str:
        points = (f"{x:.1f} {down(value):.1f}" for x, value in zip(across, values, strict=True))
        return "M" + "L".join(points)

    def level(column: int) -> FloatArray1D:
        return np.array([fan.last_close, *prices[:, column]])

    marked = [*prices[-1:, [0, -1]].ravel(), fan.last_close]
    return FanDrawing(
        symbol=fan.symbol,
        model=fan.model,
        heading=f"{number(fan.last_close, 2)} on {fan.cutoff}",
        alt=_told(fan, known=known),
        closes=path(past, fan.closes),
        bands=tuple(
            path([*ahead, *ahead[::-1]], [*level(upper), *level(lower)[::-1]]) + "Z"
            for lower, upper in _BANDS
            if known
        ),
        median=path(ahead, level(_MEDIAN)) if known else "",
        cutoff=round(edge, 1),
        rows=tuple(
            (
                bars(horizon),
                str(target),
                *(number(fan.prices[row, column], 2) for column in (0, _MEDIAN, -1)),
                percent(fan.p_up[row], 1),
            )
            for row, (horizon, target) in enumerate(
                zip(fan.horizons, fan.target_dates, strict=True)
            )
        ),
        labels=_apart([(down(value), number(value, 2)) for value in marked]),
        first=str(fan.days[0]),
        last=str(fan.cutoff),
        target=str(fan.target_dates[-1]),
    )


def _apart(labels: Iterable[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """The labels that do not lie on an earlier one, moved to stand beside their value."""
    kept: list[tuple[float, str]] = []
    for down, text in labels:
        if all(abs(down + _BASELINE - other) >= _LINE for other, _ in kept):
            kept.append((round(down + _BASELINE, 1), text))
    return tuple(kept)


def _told(fan: Fan, *, known: bool) -> str:
    first, last = number(fan.closes[0], 2), number(fan.last_close, 2)
    past = f"{len(fan.closes)} closes from {first} on {fan.days[0]} to {last} on {fan.cutoff}"
    if not known:
        return f"{past}; the model gives no range."
    ends = "; ".join(
        f"{bars(horizon)} ahead {number(row[0], 2)} to {number(row[-1], 2)}"
        for horizon, row in zip(fan.horizons, fan.prices, strict=True)
    )
    return f"{past}. 90 % range {ends}."


def fan_svg(fans: Sequence[Fan]) -> str:
    """Some fans, one below the other, as an image that stands alone and follows the scheme."""
    return PAGES.get_template("fan.svg").render(
        fans=[drawn(fan) for fan in fans], palette=palette_css(), width=WIDTH, height=HEIGHT
    )


def fan_page(fans: Sequence[Fan]) -> str:
    """Some fans as a page that needs nothing but itself."""
    return PAGES.get_template("fans.html").render(
        fans=[drawn(fan) for fan in fans], palette=palette_css(), width=WIDTH, height=HEIGHT
    )
