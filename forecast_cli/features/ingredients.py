"""What the features of one price series are made of.

Each value at bar t uses bars up to t and no more than a declared number before it, added up in a
fixed order: cutting the series before or behind changes no bit of it. All are ratios: multiplying
every price of a symbol by a constant changes none.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.features.market import NOTHING_ELSE, Market

VOLATILITY_SPAN: Final = 100
"""Returns in the EWMA variance; the ones left out would weigh 0.2 % together."""

_DECAY: Final = 0.94
"""Of the EWMA variance, as RiskMetrics (J.P. Morgan 1996) sets it for daily returns."""

_SMALLEST_VOLATILITY: Final = 1e-5
"""A tenth of a basis point a day: keeps ratios finite where a price stood still."""


@dataclass(frozen=True, eq=False)
class Ingredients:
    """What the features are made of; arrays of shape (n_bars,), NaN before they are known.

    bars: the series. market: what else may be seen. returns: log returns of the adjusted close.
    volatility: their EWMA volatility per bar. range_variance: the variance seen within each bar
    (Garman and Klass 1980, eq. 20 in its practical form), overnight moves not included.
    """

    bars: Bars
    market: Market
    returns: FloatArray1D
    volatility: FloatArray1D
    range_variance: FloatArray1D


def ingredients(bars: Bars, market: Market = NOTHING_ELSE) -> Ingredients:
    """Compute returns, EWMA volatility and range variance of a series."""
    variance_weights: FloatArray1D = _DECAY ** np.arange(VOLATILITY_SPAN, dtype=np.float64)
    returns = past_return(bars.adj_close, 1)
    variance = trailing_mean(returns**2, variance_weights)
    high_low = np.log(bars.high / bars.low)
    close_open = np.log(bars.close / bars.open)
    range_variance = 0.5 * high_low**2 - (2 * np.log(2) - 1) * close_open**2
    return Ingredients(
        bars=bars,
        market=market,
        returns=returns,
        volatility=np.maximum(np.sqrt(variance), _SMALLEST_VOLATILITY),
        # negative only where a vendor's high and low do not contain its open and close
        range_variance=np.maximum(range_variance, 0.0),
    )


def past_return(adj_close: FloatArray1D, length: int) -> FloatArray1D:
    """Log return over the last `length` bars, shape (n_bars,); NaN on the first `length` bars."""
    returns = np.full(len(adj_close), np.nan)
    n_known = max(len(adj_close) - length, 0)
    returns[length:] = np.log(adj_close[length:] / adj_close[:n_known])
    return returns


def trailing_mean(values: FloatArray1D, weights: FloatArray1D) -> FloatArray1D:
    """Weighted mean of the last len(weights) values, the newest first in `weights`.

    Returns shape (n_bars,), NaN while fewer values are known. The lags are added one after another,
    element by element, so that the result at t does not depend on where the series starts or ends;
    a cumulative sum or a library convolution rounds differently from place to place.
    """
    n_bars, n_lags = len(values), len(weights)
    result = np.full(n_bars, np.nan)
    if n_bars >= n_lags:
        total = np.zeros(n_bars - n_lags + 1)
        for lag, weight in enumerate(weights):
            total += weight * values[n_lags - 1 - lag : n_bars - lag]
        result[n_lags - 1 :] = total / weights.sum()
    return result


def mean(values: FloatArray1D, length: int) -> FloatArray1D:
    """Mean of the last `length` values; see `trailing_mean`."""
    return trailing_mean(values, np.ones(length))


def log_ratio(variance: FloatArray1D, volatility: FloatArray1D) -> FloatArray1D:
    """Logarithm of a variance in units of the EWMA variance."""
    # 0.01 keeps a bar without any movement at log(0.01), far below the usual but finite
    return np.log(variance / volatility**2 + 0.01)
