"""Pictures of text: a line of blocks, and a fan of ranges; in ASCII where that is all there is."""

import os
import sys
from collections.abc import Sequence
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.report.words import number
from forecast_cli.workflows.fan import FAN_LEVELS, Fan

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_PLAIN_BLOCKS: Final = "_.-=+*%#"
_MARKS: Final = {"past": "•", "median": "─", "inner": "▒", "outer": "░", "edge": "│"}
_PLAIN_MARKS: Final = {"past": "*", "median": "-", "inner": "=", "outer": ":", "edge": "|"}
_RANGES: Final = (("outer", 0, 4), ("inner", 1, 3))
_PAST: Final = 0.6
"""Share of the width that the closes take."""
_FEWEST: Final = 8


def is_plain() -> bool:
    """Whether only ASCII can be shown: the user's locale is C or POSIX, or stdout cannot say more.

    Python itself writes UTF-8 in the C locale (PEP 538), whatever the terminal can show.
    """
    asked = os.environ.get("LC_ALL") or os.environ.get("LANG", "")
    if asked in {"C", "POSIX"}:
        return True
    try:
        (_BLOCKS + "".join(_MARKS.values())).encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return True
    return False


def sparkline(values: FloatArray1D, width: int, *, plain: bool) -> str:
    """Values as one line of at most `width` characters, from the lowest to the highest."""
    seen = _sampled(values[np.isfinite(values)], width)
    if not len(seen):
        return ""
    blocks = _PLAIN_BLOCKS if plain else _BLOCKS
    low, high = seen.min(), seen.max()
    if high == low:
        return blocks[len(blocks) // 2] * len(seen)
    steps = np.round((seen - low) / (high - low) * (len(blocks) - 1)).astype(int)
    return "".join(blocks[step] for step in steps)


def _sampled(values: FloatArray1D, width: int) -> FloatArray1D:
    """At most `width` of the values, evenly, the first and the last among them."""
    if len(values) <= width:
        return values
    rows = np.linspace(0, len(values) - 1, width).round().astype(np.int64)
    sampled: FloatArray1D = values[rows]
    return sampled


def fan_lines(fan: Fan, width: int, *, height: int = 12, plain: bool) -> list[str]:
    """A fan on a canvas of text: prices at the left, days below. width: of a whole line."""
    known = bool(np.isfinite(fan.prices).all())
    prices = fan.prices if known else fan.prices[:0]
    low = float(min([fan.closes.min(), *prices.ravel()]))
    high = float(max([fan.closes.max(), *prices.ravel()]))
    labels = _labels(low, high, height)
    margin = max(map(len, labels)) + 1
    inner = max(_FEWEST, width - margin - 1)
    canvas = [[" "] * inner for _ in range(height)]

    def row(price: float) -> int:
        return round((high - price) / ((high - low) or 1.0) * (height - 1))

    marks = _PLAIN_MARKS if plain else _MARKS
    n_past = int(_PAST * inner)
    for column, close in enumerate(_sampled(fan.closes, n_past)):
        canvas[row(close)][column] = marks["past"]
    start = min(n_past, len(fan.closes))
    for column in range(start, inner if known else start):
        ends = _ahead(fan, (column - start + 1) / (inner - start))
        for name, lower, upper in _RANGES:
            for line in range(row(ends[upper]), row(ends[lower]) + 1):
                canvas[line][column] = marks[name]
        canvas[row(ends[FAN_LEVELS.index(0.5)])][column] = marks["median"]
    drawn = [
        f"{label:>{margin}}{marks['edge']}{''.join(line).rstrip()}"
        for label, line in zip(labels, canvas, strict=True)
    ]
    return [*drawn, *_days(fan, margin + 1, start, inner)]


def _labels(low: float, high: float, height: int) -> list[str]:
    """The price at every third line, and at the last one."""
    prices = np.linspace(high, low, height)
    shown = [(at % 3 == 0 and at < height - 2) or at == height - 1 for at in range(height)]
    return [number(price, 2) if so else "" for price, so in zip(prices, shown, strict=True)]


def _ahead(fan: Fan, share: float) -> FloatArray1D:
    """The quantiles of the price at a share of the way to the last horizon, shape (5,)."""
    bars = [0, *fan.horizons]
    levels = np.vstack([np.full(len(FAN_LEVELS), fan.last_close), fan.prices])
    at = share * fan.horizons[-1]
    return np.array([np.interp(at, bars, level) for level in levels.T])


def _days(fan: Fan, margin: int, start: int, inner: int) -> Sequence[str]:
    """The first day, the cutoff and the last target, as far as there is room."""
    first, cutoff, target = str(fan.days[0]), str(fan.cutoff), str(fan.target_dates[-1])
    line = [" "] * (margin + inner)
    line[margin + inner - len(target) :] = target
    for at, text in ((max(margin, margin + start - len(cutoff)), cutoff), (margin, first)):
        around = line[max(0, at - 1) : at + len(text) + 1]
        if at + len(text) < len(line) and set(around) <= {" "}:
            line[at : at + len(text)] = text
    return ["".join(line)]
