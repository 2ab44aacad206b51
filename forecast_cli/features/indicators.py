"""The features by name: what each is, where it comes from and how far back it looks.

Past-only and scale-free, as `features.ingredients` and its neighbours make them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.config import DEFAULT_FEATURES
from forecast_cli.errors import BadDataError
from forecast_cli.features import technical
from forecast_cli.features.calendar import month_end, turn_of_year, weekday_angle
from forecast_cli.features.covariates import OF_SERIES, OF_VALUES, as_of_close
from forecast_cli.features.ingredients import (
    VOLATILITY_SPAN,
    Ingredients,
    log_ratio,
    mean,
    past_return,
)
from forecast_cli.features.ranks import rank

_VOLUME_SPAN: Final = 20
_RANK_PREFIX: Final = "rank_"


@dataclass(frozen=True)
class Indicator:
    """One feature: how it is computed, where it comes from, and how far back it looks.

    warm_up: bars before the first one that has a value.
    """

    compute: Callable[[Ingredients], FloatArray1D]
    source: str
    warm_up: int = VOLATILITY_SPAN


def _range(length: int) -> Indicator:
    def compute(of: Ingredients) -> FloatArray1D:
        return log_ratio(mean(of.range_variance, length), of.volatility)

    return Indicator(compute, "Garman and Klass 1980; horizons after Corsi 2009 (HAR)")


def _variance(length: int) -> Indicator:
    def compute(of: Ingredients) -> FloatArray1D:
        return log_ratio(mean(of.returns**2, length), of.volatility)

    return Indicator(compute, "Corsi 2009 (HAR), on squared returns")


def _momentum(length: int) -> Indicator:
    def compute(of: Ingredients) -> FloatArray1D:
        scale: FloatArray1D = of.volatility * np.sqrt(length)
        return past_return(of.bars.adj_close, length) / scale

    source = "return over volatility, Lim, Zohren and Roberts 2019"
    return Indicator(compute, source, warm_up=max(length, VOLATILITY_SPAN))


def _rank(length: int) -> Indicator:
    source = "rank among peers, Jegadeesh and Titman 1993"
    return Indicator(lambda of: rank(of, length), source, warm_up=length)


def _volume_surprise(of: Ingredients) -> FloatArray1D:
    volume = of.bars.volume
    usual = mean(volume, _VOLUME_SPAN)
    traded = volume > 0
    ratio = np.where(traded, volume, 1.0) / np.where(traded, usual, 1.0)
    surprise: FloatArray1D = np.where(np.isnan(usual), np.nan, np.log(ratio))
    return surprise


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
        lambda of: mean(of.returns / of.volatility, 10),
        "time-series momentum, Moskowitz, Ooi and Pedersen 2012",
        warm_up=VOLATILITY_SPAN + 9,
    ),
    "downside_10": Indicator(
        lambda of: mean(np.minimum(of.returns, 0) ** 2, 10) / of.volatility**2,
        "leverage effect, Black 1976; as in GJR-GARCH",
    ),
    "momentum_5": _momentum(5),
    "momentum_21": _momentum(21),
    "momentum_63": _momentum(63),
    "momentum_252": _momentum(252),
    "rsi_14": Indicator(technical.rsi, "Wilder 1978, by TA-Lib", warm_up=technical.TAIL - 1),
    "atr_14": Indicator(technical.atr, "Wilder 1978, by TA-Lib", warm_up=technical.TAIL - 1),
    "macd": Indicator(technical.macd, "Appel 1979, by TA-Lib", warm_up=technical.TAIL - 1),
    "weekday_cos": Indicator(
        lambda of: np.cos(weekday_angle(of.bars.timestamp)), "day of the week, French 1980", 0
    ),
    "weekday_sin": Indicator(
        lambda of: np.sin(weekday_angle(of.bars.timestamp)), "day of the week, French 1980", 0
    ),
    "month_end": Indicator(
        lambda of: month_end(of.bars.timestamp), "turn of the month, Ariel 1987", 0
    ),
    "turn_of_year": Indicator(
        lambda of: turn_of_year(of.bars.timestamp), "January effect, Rozeff and Kinney 1976", 0
    ),
    "volume_surprise": Indicator(
        _volume_surprise, "volume against 20 bars, Karpoff 1987; 0 without volume", _VOLUME_SPAN - 1
    ),
    "rank_1": _rank(1),
    "rank_21": _rank(21),
    "rank_252": _rank(252),
}

_OF_COVARIATE: Final[Mapping[bool, Sequence[str]]] = MappingProxyType(
    {True: tuple(OF_VALUES), False: tuple(OF_SERIES)}
)


@dataclass(frozen=True)
class Listed:
    """A feature as a user sees it. warm_up: bars before the first one that has a value."""

    name: str
    default: bool
    warm_up: int
    source: str


def listed() -> list[Listed]:
    """Every feature that can be named; `SYMBOL` and `name` stand for any covariate."""
    own = [
        Listed(name, name in DEFAULT_FEATURES, indicator.warm_up, indicator.source)
        for name, indicator in INDICATORS.items()
    ]
    kinds = {"SYMBOL": "another symbol, as of the close", "name": "stored values, as of the close"}
    return own + [
        Listed(name, default=False, warm_up=VOLATILITY_SPAN, source=source)
        for kind, source in kinds.items()
        for name in covariate_features(kind)
    ]


def covariate_features(covariate: str) -> tuple[str, ...]:
    """The features of one covariate: `^VIX:return`, ... of a series, `mood:value`, ... of a name.

    A symbol is written in upper case, the name of stored values in lower case.
    """
    columns = _OF_COVARIATE[covariate == covariate.lower()]
    return tuple(f"{covariate}:{column}" for column in columns)


def covariates_of(names: Sequence[str]) -> tuple[str, ...]:
    """The covariates that some features belong to, each once, in order."""
    found = (name.rpartition(":")[0] for name in names if name not in INDICATORS)
    return tuple(dict.fromkeys(found))


def needs_peers(names: Sequence[str]) -> bool:
    """Whether a feature among these ranks a symbol among others."""
    return any(name.startswith(_RANK_PREFIX) for name in names)


def warm_up(names: Sequence[str]) -> int:
    """Bars before the first one that has all these features and a volatility.

    Raises BadDataError for a name that does not exist.
    """
    return max(VOLATILITY_SPAN, *(indicator.warm_up for indicator in _chosen(names)))


def build_features(of: Ingredients, names: Sequence[str]) -> FloatArray2D:
    """Features by name, shape (n_bars, n_features); NaN in rows before they are known.

    Raises BadDataError for a name that does not exist, UsageError for one that needs TA-Lib where
    that is not installed.
    """
    table: FloatArray2D = np.column_stack([each.compute(of) for each in _chosen(names)])
    return table


def check_names(names: Sequence[str]) -> None:
    """Raise BadDataError, naming them, for features that do not exist."""
    unknown = [name for name in names if _indicator(name) is None]
    if unknown:
        raise BadDataError(
            f"unknown feature {', '.join(unknown)}", fix=f"choose from {', '.join(INDICATORS)}"
        )


def _chosen(names: Sequence[str]) -> list[Indicator]:
    check_names(names)
    return [indicator for name in names if (indicator := _indicator(name)) is not None]


def _indicator(name: str) -> Indicator | None:
    covariate, _, column = name.rpartition(":")
    if not covariate or name not in covariate_features(covariate):
        return INDICATORS.get(name)
    # It needs no bar of the symbol itself but those over which a value may be carried
    return Indicator(lambda of: as_of_close(of, covariate, column), "covariate")
