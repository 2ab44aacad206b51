"""Past-only, scale-free features of one price series.

Each value at bar t uses bars up to t and no more than its declared `warm_up` before it, added up in
a fixed order: cutting the series before or behind changes no bit of it. All are ratios: multiplying
every price of a symbol by a constant changes none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.data.bars import Bars
from forecast_cli.errors import BadDataError

VOLATILITY_SPAN: Final = 100
"""Returns in the EWMA variance; the ones left out would weigh 0.2 % together."""

_DECAY: Final = 0.94
"""Of the EWMA variance, as RiskMetrics (J.P. Morgan 1996) sets it for daily returns."""

_SMALLEST_VOLATILITY: Final = 1e-5
"""A tenth of a basis point a day: keeps ratios finite where a price stood still."""


@dataclass(frozen=True, eq=False)
class Ingredients:
    """What the features are made of, each of shape (n_bars,); NaN before it is known.

    returns: log returns of the adjusted close. volatility: their EWMA volatility per bar.
    range_variance: the variance seen within each bar (Garman and Klass 1980, eq. 20 in its
    practical form), overnight moves not included.
    """

    returns: FloatArray1D
    volatility: FloatArray1D
    range_variance: FloatArray1D


@dataclass(frozen=True)
class Indicator:
    """One feature: how it is computed, where it comes from, and how far back it looks.

    warm_up: bars before the first one that has a value.
    """

    compute: Callable[[Ingredients], FloatArray1D]
    source: str
    warm_up: int = VOLATILITY_SPAN


def ingredients(bars: Bars) -> Ingredients:
    """Compute returns, EWMA volatility and range variance of a series."""
    returns = np.full(len(bars), np.nan)
    returns[1:] = np.log(bars.adj_close[1:] / bars.adj_close[:-1])
    weights: FloatArray1D = _DECAY ** np.arange(VOLATILITY_SPAN, dtype=np.float64)
    variance = trailing_mean(returns**2, weights)
    high_low = np.log(bars.high / bars.low)
    close_open = np.log(bars.close / bars.open)
    range_variance = 0.5 * high_low**2 - (2 * np.log(2) - 1) * close_open**2
    return Ingredients(
        returns=returns,
        volatility=np.maximum(np.sqrt(variance), _SMALLEST_VOLATILITY),
        # negative only where a vendor's high and low do not contain its open and close
        range_variance=np.maximum(range_variance, 0.0),
    )


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


def _mean(values: FloatArray1D, length: int) -> FloatArray1D:
    return trailing_mean(values, np.ones(length))


def _log_ratio(variance: FloatArray1D, volatility: FloatArray1D) -> FloatArray1D:
    # 0.01 keeps a bar without any movement at log(0.01), far below the usual but finite
    return np.log(variance / volatility**2 + 0.01)


def _range(length: int) -> Indicator:
    def compute(of: Ingredients) -> FloatArray1D:
        return _log_ratio(_mean(of.range_variance, length), of.volatility)

    return Indicator(compute, "Garman and Klass 1980; horizons after Corsi 2009 (HAR)")


def _variance(length: int) -> Indicator:
    def compute(of: Ingredients) -> FloatArray1D:
        return _log_ratio(_mean(of.returns**2, length), of.volatility)

    return Indicator(compute, "Corsi 2009 (HAR), on squared returns")


INDICATORS: Final[dict[str, Indicator]] = {
    "return": Indicator(lambda of: of.returns / of.volatility, "standardised return"),
    "absolute_return": Indicator(
        lambda of: np.log(np.abs(of.returns) / of.volatility + 0.1), "size of the last move"
    ),
    "range_1": _range(1),
    "range_5": _range(5),
    "range_33": _range(33),
    "variance_3": _variance(3),
    "variance_100": _variance(100),
    "volatility": Indicator(lambda of: np.log(of.volatility), "RiskMetrics, J.P. Morgan 1996"),
    "trend_10": Indicator(
        lambda of: _mean(of.returns / of.volatility, 10),
        "time-series momentum, Moskowitz, Ooi and Pedersen 2012",
        warm_up=VOLATILITY_SPAN + 9,
    ),
    "downside_10": Indicator(
        lambda of: _mean(np.minimum(of.returns, 0) ** 2, 10) / of.volatility**2,
        "leverage effect, Black 1976; as in GJR-GARCH",
    ),
}


def warm_up(names: tuple[str, ...]) -> int:
    """Bars before the first one that has all these features and a volatility.

    Raises BadDataError for a name that does not exist.
    """
    _check_names(names)
    return max(VOLATILITY_SPAN, *(INDICATORS[name].warm_up for name in names))


def build_features(of: Ingredients, names: tuple[str, ...]) -> FloatArray2D:
    """Features by name, shape (n_bars, n_features); NaN in rows before they are known.

    Raises BadDataError for a name that does not exist.
    """
    _check_names(names)
    table: FloatArray2D = np.column_stack([INDICATORS[name].compute(of) for name in names])
    return table


def _check_names(names: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in INDICATORS]
    if unknown:
        raise BadDataError(
            f"unknown feature {', '.join(unknown)}", fix=f"choose from {', '.join(INDICATORS)}"
        )
