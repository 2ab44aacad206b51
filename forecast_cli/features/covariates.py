"""Other series beside a symbol's bars, each value from the moment on at which it was known.

A value counts at a cutoff if it was known by the close of the cutoff's bar:

- a bar of another series is known when its own exchange closes, so that New York sees Tokyo's bar
  of the same date and Tokyo sees New York's bar of the date before;
- a value dated by sessions is known at the close of that session of the symbol's own exchange;
- a value dated by an instant must have been there before the close.

What became known between two bars is averaged, and carried over at most `Market.carry` bars without
news. After that it is 0, which for all of these features says nothing out of the ordinary.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D, IntArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.data.covariates import Covariate
from forecast_cli.data.sessions import calendar_name
from forecast_cli.errors import MissingInputError
from forecast_cli.features.ingredients import Ingredients, ingredients, mean, trailing_mean
from forecast_cli.features.market import Market

_LEVEL_SPAN: Final = 100
_SCALE_SPAN: Final = 100
_CHANGE_SPAN: Final = 20
_JUST_BEFORE: Final = np.timedelta64(1, "us")


def _level(of: Ingredients) -> FloatArray1D:
    # mean over j of log(p[t] / p[t-j]): each past return counts as often as it is part of these
    weights = np.arange(_LEVEL_SPAN - 1, 0, -1, dtype=np.float64)
    above_mean: FloatArray1D = trailing_mean(of.returns, weights) * weights.sum() / _LEVEL_SPAN
    scale: FloatArray1D = of.volatility * np.sqrt(_LEVEL_SPAN)
    return above_mean / scale


OF_SERIES: Final[dict[str, Callable[[Ingredients], FloatArray1D]]] = {
    "return": lambda of: of.returns / of.volatility,
    "level": _level,
    "volatility": lambda of: np.log(of.volatility**2 / (mean(of.returns**2, 100) + 1e-10)) / 2,
}
"""Of another price series: its last return over its volatility; its log price above the mean of 100
bars, in units of ten days' volatility; its volatility against that of the last 100 bars."""

OF_VALUES: Final[dict[str, Callable[[FloatArray1D], FloatArray1D]]] = {
    "value": lambda values: _ratio(values, values),
    "change": lambda values: _ratio(values - _recent_mean(values), values),
}
"""Of stored values, in units of their own root mean square over the last 100: the value, and what
it is above the mean of the last 20."""


def as_of_close(of: Ingredients, name: str, column: str) -> FloatArray1D:
    """A covariate's feature at each bar, shape (n_bars,); NaN before its first value is known."""
    known_in, values = _known(of, name, column)
    in_time = (known_in < len(of.bars)) & np.isfinite(values)
    return _carried(known_in[in_time], values[in_time], len(of.bars), of.market.carry)


def _known(of: Ingredients, name: str, column: str) -> tuple[IntArray1D, FloatArray1D]:
    """The values, and the first row of the bars at whose close each is known."""
    source = of.market.covariates[name]
    bars = of.bars
    if isinstance(source, Bars):
        moments = _moments(of.market, source, calendar_name(bars.symbol))
        cutoffs = _moments(of.market, bars, calendar_name(source.symbol))
        return np.searchsorted(cutoffs, moments), _series_column(of.market, name, column)
    values = source.get(bars.symbol, source.get(None))
    if values is None:
        return np.empty(0, dtype=np.int64), np.empty(0)
    if values.by_session:
        cutoffs, moments = bars.timestamp, values.available_at
    else:
        cutoffs = _closes(of.market, bars)
        moments = values.available_at + _JUST_BEFORE
    return np.searchsorted(cutoffs, moments), _value_column(values, column)


def _moments(market: Market, bars: Bars, other_calendar: str) -> DateArray1D:
    """When each bar is known: on the same exchange its date says it, else the exchange's close."""
    same = calendar_name(bars.symbol) == other_calendar
    return bars.timestamp if same else _closes(market, bars)


def _closes(market: Market, bars: Bars) -> DateArray1D:
    calendar = calendar_name(bars.symbol)
    if calendar not in market.calendars:
        raise MissingInputError(
            f"covariates need the closing times of {calendar}, which are not stored",
            fix=f"fetch {bars.symbol} again: that stores them, too",
        )
    return market.calendars[calendar].closes_at(bars.timestamp)


def _carried(known_in: IntArray1D, values: FloatArray1D, n_bars: int, carry: int) -> FloatArray1D:
    """Mean of the values that became known in each row; in rows without any, the row's before."""
    counts = np.bincount(known_in, minlength=n_bars)
    means = np.bincount(known_in, values, minlength=n_bars) / np.maximum(counts, 1)
    row = np.arange(n_bars)
    last = np.maximum.accumulate(np.where(counts > 0, row, -1)) if n_bars else row
    fresh = np.where(row - last <= carry, means[last], 0.0)
    result: FloatArray1D = np.where(last < 0, np.nan, fresh)
    return result


@lru_cache(maxsize=64)
def _series_column(market: Market, name: str, column: str) -> FloatArray1D:
    source = market.covariates[name]
    assert isinstance(source, Bars)
    return OF_SERIES[column](ingredients(source))


@lru_cache(maxsize=64)
def _value_column(of: Covariate, column: str) -> FloatArray1D:
    return OF_VALUES[column](of.values)


def _ratio(values: FloatArray1D, measure: FloatArray1D) -> FloatArray1D:
    size = np.sqrt(_recent(measure**2, _SCALE_SPAN))
    ratio: FloatArray1D = values / np.where(size > 0, size, 1.0)
    return ratio


def _recent_mean(values: FloatArray1D) -> FloatArray1D:
    return _recent(values, _CHANGE_SPAN)


def _recent(values: FloatArray1D, length: int) -> FloatArray1D:
    """Mean of the last `length` values, or of as many as there are."""
    before = np.zeros(length - 1)
    sums = trailing_mean(np.concatenate([before, values]), np.ones(length))[length - 1 :] * length
    recent: FloatArray1D = sums / np.minimum(np.arange(1, len(values) + 1), length)
    return recent
