"""What is to be said of a backtest's symbols before anyone believes a score of theirs."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from forecast_cli.data.bars import Bars
from forecast_cli.errors import BadDataError
from forecast_cli.features.windows import Windows

_LONG_GAP: Final = np.timedelta64(365, "D")
_FEW_DAYS: Final = 20


def remarks(series: Sequence[Bars], tested: Windows) -> tuple[str, ...]:
    """A sentence for each symbol that has years missing, or too little to be tested on.

    tested: the windows of all tests, over these series. Raises BadDataError where no price moves.
    """
    if not tested.returns.any():
        names = ", ".join(bars.symbol for bars in series)
        raise BadDataError(
            f"the price of {names} does not move on any day tested: there is nothing to forecast",
            fix="fetch other bars, or leave this symbol out",
        )
    return tuple(
        sentence
        for place, bars in enumerate(series)
        for sentence in _of_symbol(bars, tested.take(tested.symbol_index == place), tested)
    )


def _of_symbol(bars: Bars, own: Windows, tested: Windows) -> Iterator[str]:
    steps = np.diff(bars.timestamp)
    if len(steps) and steps.max() > _LONG_GAP:
        before = int(steps.argmax())
        yield (
            f"{bars.symbol}: no bar between {bars.timestamp[before]} and"
            f" {bars.timestamp[before + 1]}; the step across counts as one bar"
        )
    first, last = tested.cutoffs.min(), tested.cutoffs.max()
    if not len(own):
        yield (
            f"{bars.symbol}: not enough data: none of its bars, {bars.timestamp[0]} to"
            f" {bars.timestamp[-1]}, is tested ({first} to {last})"
        )
    elif len(own) < _FEW_DAYS:
        yield f"{bars.symbol}: not enough data: {len(own)} of its days are tested"
    elif not own.returns.any():
        yield f"{bars.symbol}: not enough data: its price does not move on any day tested"
