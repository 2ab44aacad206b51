"""Features see the past only, need the history they declare, and do not know the price level."""

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from synthetic import random_walk_bars, small_market, with_prices

from forecast_cli.arrays import FloatArray, FloatArray1D, FloatArray2D
from forecast_cli.data.bars import Bars, concatenate
from forecast_cli.errors import BadDataError, UsageError
from forecast_cli.features.calendar import month_end, turn_of_year
from forecast_cli.features.indicators import (
    INDICATORS,
    build_features,
    covariate_features,
    warm_up,
)
from forecast_cli.features.ingredients import VOLATILITY_SPAN, ingredients, trailing_mean
from forecast_cli.features.market import Market

Features: TypeAlias = Callable[[Bars], FloatArray2D]

MARKET = small_market(seed=50)
COVARIATES = tuple(MARKET.covariates)
OWN = tuple(INDICATORS)
NAMES = (*OWN, *(name for one in COVARIATES for name in covariate_features(one)))
# not aligned to weeks, months or each other: one aligned date can miss a leak
CUTS = (200, 307, 413, 501, 634)
BARS = random_walk_bars("WALK", 700, seed=3, clustering=True)


def features(bars: Bars) -> FloatArray2D:
    """Every feature of a series."""
    return build_features(ingredients(bars, MARKET), NAMES)


def feature(bars: Bars, name: str) -> FloatArray1D:
    """One feature of a series."""
    column: FloatArray1D = build_features(ingredients(bars, MARKET), (name,))[:, 0]
    return column


def bits(values: FloatArray) -> bytes:
    """The bits of an array, all NaN alike."""
    return np.where(np.isnan(values), np.nan, values).tobytes()


def truncation_leaks(compute: Features, bars: Bars) -> list[int]:
    """The cuts at which features of the past differ from those of the whole, by one bit."""
    whole = compute(bars)
    return [cut for cut in CUTS if bits(compute(bars.take(slice(cut)))) != bits(whole[:cut])]


def poison_leaks(compute: Features, bars: Bars, poison: Callable[[Bars], Bars]) -> list[int]:
    """The cuts at which another future changes the features of the past, by one bit."""
    whole = compute(bars)
    found = []
    for cut in CUTS:
        future = poison(bars.take(slice(cut, None)))
        poisoned = replace(concatenate([bars.take(slice(cut)), future]), timestamp=bars.timestamp)
        if bits(compute(poisoned)[:cut]) != bits(whole[:cut]):
            found.append(cut)
    return found


POISONS: dict[str, Callable[[Bars], Bars]] = {
    "reversed x 7": lambda bars: with_prices(bars.take(slice(None, None, -1)), lambda p: 7 * p),
    "a million": lambda bars: with_prices(bars, lambda p: np.full_like(p, 1e6)),
    "NaN": lambda bars: with_prices(bars, lambda p: np.full_like(p, np.nan)),
}


def _column(values: pd.Series) -> FloatArray2D:
    return np.asarray(values, dtype=np.float64).reshape(-1, 1)


PLANTS: dict[str, Features] = {
    "centred mean": lambda bars: _column(pd.Series(bars.close).rolling(5, center=True).mean()),
    "shift(-1)": lambda bars: _column(pd.Series(bars.close).pct_change().shift(-1)),
    "full-sample maximum": lambda bars: bars.close[:, None] / bars.close.max(),
    "re-based on the last price": lambda bars: bars.close[:, None] / bars.close[-1],
    "interpolated between releases": lambda bars: _column(
        pd.Series(bars.close).where(np.arange(len(bars)) % 23 == 0).interpolate()
    ),
    "scaled by the whole series": lambda bars: (
        (bars.close - bars.close.mean()) / bars.close.std()
    )[:, None],
}


def test_features_of_the_past_do_not_change_when_the_future_is_cut_off() -> None:
    """T1: features(bars[:t]) equal features(bars)[:t], bit by bit, at odd dates."""
    assert np.isfinite(features(BARS)[warm_up(NAMES) :]).all()
    assert truncation_leaks(features, BARS) == []


@given(st.integers(1, 699))
def test_features_of_the_past_hold_at_any_cut(cut: int) -> None:
    """T1 at any date at all."""
    assert bits(features(BARS.take(slice(cut)))) == bits(features(BARS)[:cut])


@pytest.mark.parametrize("poison", POISONS)
def test_features_of_the_past_do_not_change_when_the_future_is_poisoned(poison: str) -> None:
    """T3: reversed, absurd or missing prices after t change no bit up to t."""
    assert poison_leaks(features, BARS, POISONS[poison]) == []


@pytest.mark.parametrize("plant", PLANTS)
def test_the_checker_catches_planted_leaks(plant: str) -> None:
    """A check that never failed proves nothing: every planted leak is found at every cut."""
    assert truncation_leaks(PLANTS[plant], BARS) == list(CUTS)


@pytest.mark.parametrize("plant", PLANTS)
def test_poison_catches_planted_leaks(plant: str) -> None:
    """The poison finds the planted leaks, too, at most cuts."""
    assert len(poison_leaks(PLANTS[plant], BARS, POISONS["reversed x 7"])) >= 4


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("start", [1, 101, 333, 500])
def test_warm_up_is_exact(name: str, start: int) -> None:
    """A series has no value on its first `warm_up` bars, and from there on what it always had."""
    cut = feature(BARS.take(slice(start, None)), name)
    n_unknown = INDICATORS[name].warm_up
    assert np.isnan(cut[:n_unknown]).all()
    assert np.isfinite(cut[n_unknown:]).all()
    assert bits(cut[n_unknown:]) == bits(feature(BARS, name)[start + n_unknown :])


@pytest.mark.parametrize("name", OWN)
def test_warm_up_is_not_longer_than_needed(name: str) -> None:
    """With one bar more than the warm-up there is one value, with the warm-up alone none."""
    n_unknown = INDICATORS[name].warm_up
    assert np.isfinite(feature(BARS.take(slice(n_unknown + 1)), name)).sum() == 1
    assert not np.isfinite(feature(BARS.take(slice(n_unknown)), name)).any()


def test_warm_up_of_several_features_is_the_longest() -> None:
    """All features together need as much as the neediest, and always a volatility."""
    assert warm_up(("return",)) == VOLATILITY_SPAN == 100
    assert warm_up(("return", "trend_10", "range_1")) == 109
    table = features(BARS)
    assert int(np.argmax(np.isfinite(table).all(axis=1))) == warm_up(NAMES)


@pytest.mark.parametrize("factor", [2.0**10, 2.0**-7])
def test_a_power_of_two_changes_no_bit(factor: float) -> None:
    """Ratios only: a split of the whole history by a power of two is invisible."""
    assert bits(features(with_prices(BARS, lambda p: factor * p))) == bits(features(BARS))


@given(st.floats(1e-4, 1e4))
def test_a_constant_factor_changes_nothing_that_matters(factor: float) -> None:
    """Ratios only: another currency or a later re-adjustment moves no feature beyond rounding."""
    scaled = features(with_prices(BARS, lambda p: factor * p))
    np.testing.assert_allclose(scaled, features(BARS), rtol=0, atol=1e-9)


def slow_features(bars: Bars, t: int) -> dict[str, float]:
    """Every feature at bar t by its definition, in plain Python."""
    prices = bars.adj_close.tolist()
    returns = [math.log(prices[i] / prices[i - 1]) if i else math.nan for i in range(t + 1)]

    def volatility(at: int) -> float:
        weights = [0.94**lag for lag in range(100)]
        squares = [returns[at - lag] ** 2 for lag in range(100)]
        weighted = sum(w * s for w, s in zip(weights, squares, strict=True))
        return math.sqrt(weighted / sum(weights))

    def range_variance(at: int) -> float:
        high_low = math.log(bars.high[at] / bars.low[at])
        close_open = math.log(bars.close[at] / bars.open[at])
        return 0.5 * high_low**2 - (2 * math.log(2) - 1) * close_open**2

    def mean(of: Callable[[int], float], length: int) -> float:
        return sum(of(t - lag) for lag in range(length)) / length

    today = volatility(t)

    def ratio(variance: float) -> float:
        return math.log(variance / today**2 + 0.01)

    return {
        "return": returns[t] / today,
        "absolute_return": math.log(abs(returns[t]) / today + 0.1),
        "range_1": ratio(mean(range_variance, 1)),
        "range_5": ratio(mean(range_variance, 5)),
        "range_33": ratio(mean(range_variance, 33)),
        "variance_3": ratio(mean(lambda i: returns[i] ** 2, 3)),
        "variance_100": ratio(mean(lambda i: returns[i] ** 2, 100)),
        "volatility": math.log(today),
        "trend_10": mean(lambda i: returns[i] / volatility(i), 10),
        "downside_10": mean(lambda i: min(returns[i], 0) ** 2, 10) / today**2,
        **{f"momentum_{n}": past(prices, t, n) / today / n**0.5 for n in (5, 21, 63, 252)},
        **{f"rank_{n}": slow_rank(bars, t, n) for n in (1, 21, 252)},
        **slow_technical(bars, t, today),
        **slow_calendar(bars.timestamp[t].item()),
        "volume_surprise": math.log(bars.volume[t] / mean(lambda i: float(bars.volume[i]), 20)),
    }


def past(prices: list[float], t: int, n: int) -> float:
    """The log return over n bars up to t."""
    return math.log(prices[t] / prices[t - n]) if t >= n else math.nan


def slow_rank(bars: Bars, t: int, n: int) -> float:
    """Mean rank among the peers of the day, by its definition."""
    own = past(bars.adj_close.tolist(), t, n)
    returns = [own]
    for peer in MARKET.peers:
        rows = [i for i, day in enumerate(peer.timestamp) if day == bars.timestamp[t] and i >= n]
        returns += [past(peer.adj_close.tolist(), rows[0], n)] if rows else []
    ranks = [i for i, value in enumerate(sorted(returns)) if value == own]
    if math.isnan(own) or len(returns) == 1:
        return own * 0
    return 2 * sum(ranks) / len(ranks) / (len(returns) - 1) - 1


def slow_calendar(day: date) -> dict[str, float]:
    """The date's features, day by day."""
    left, following = 0, day + timedelta(1)
    while following.month == day.month:
        left += following.weekday() < 5
        following += timedelta(1)
    year = (date(day.year + 1, 1, 1) - date(day.year, 1, 1)).days
    gone = (day - date(day.year, 1, 1)).days
    return {
        "weekday_cos": math.cos(2 * math.pi * day.weekday() / 7),
        "weekday_sin": math.sin(2 * math.pi * day.weekday() / 7),
        "month_end": 1 / (1 + left),
        "turn_of_year": math.cos(2 * math.pi * gone / year),
    }


def smoothed(values: list[float], length: int, weight: float) -> list[float]:
    """Exponential smoothing that starts from the mean of the first `length` values."""
    result = [sum(values[:length]) / length]
    for value in values[length:]:
        result.append(result[-1] + weight * (value - result[-1]))
    return result


def slow_technical(bars: Bars, t: int, today: float) -> dict[str, float]:
    """RSI and ATR by Wilder, MACD by Appel, over the last 200 bars."""
    if t < 199:
        return dict.fromkeys(("rsi_14", "atr_14", "macd"), math.nan)
    tail = bars.take(slice(t - 199, t + 1))
    close, high, low = (getattr(tail, name).tolist() for name in ("adj_close", "high", "low"))
    steps = [after - before for before, after in pairwise(close)]
    up = smoothed([max(step, 0) for step in steps], 14, 1 / 14)[-1]
    down = smoothed([max(-step, 0) for step in steps], 14, 1 / 14)[-1]
    ranges = [max(high[i], close[i - 1]) - min(low[i], close[i - 1]) for i in range(1, len(close))]
    fast, slow = smoothed(close[14:], 12, 2 / 13), smoothed(close, 26, 2 / 27)
    line = [quick - lazy for quick, lazy in zip(fast[-len(slow) :], slow, strict=True)]
    average_range = smoothed(ranges, 14, 1 / 14)[-1]
    return {
        "rsi_14": 2 * up / (up + down) - 1,
        "atr_14": math.log(average_range / close[-1] / today + 0.01),
        "macd": (line[-1] - smoothed(line, 9, 2 / 10)[-1]) / close[-1] / today,
    }


@pytest.mark.parametrize("t", [109, 250, 699])
def test_features_equal_their_definitions(t: int) -> None:
    """Array code and the definitions spelled out agree."""
    expected = slow_features(BARS, t)
    assert expected.keys() == set(OWN)
    row = build_features(ingredients(BARS, MARKET), OWN)[t].tolist()
    found = dict(zip(OWN, row, strict=True))
    assert found == pytest.approx(expected, nan_ok=True)


def test_returns_come_from_the_adjusted_close() -> None:
    """A dividend does not look like a loss: returns and volatility use the adjusted close."""
    adjusted = replace(BARS, adj_close=BARS.close * np.linspace(0.5, 1, len(BARS)))
    expected = np.diff(np.log(adjusted.adj_close))
    np.testing.assert_allclose(ingredients(adjusted).returns[1:], expected, atol=1e-12)
    assert bits(ingredients(adjusted).range_variance) == bits(ingredients(BARS).range_variance)


@given(
    stn.arrays(np.float64, st.integers(0, 30), elements=st.floats(-10, 10)),
    stn.arrays(np.float64, st.integers(1, 12), elements=st.floats(0.1, 10)),
)
def test_trailing_mean_equals_the_plain_definition(
    values: FloatArray1D, weights: FloatArray1D
) -> None:
    """The newest value gets the first weight; NaN while there are fewer values than weights."""
    expected = [
        math.nan
        if t + 1 < len(weights)
        else sum(w * values[t - lag] for lag, w in enumerate(weights)) / sum(weights)
        for t in range(len(values))
    ]
    np.testing.assert_allclose(trailing_mean(values, weights), expected, atol=1e-9)


@pytest.mark.parametrize("length", [1, 3, 33, 100])
def test_equal_weights_are_a_rolling_mean(length: int) -> None:
    """With equal weights the trailing mean is that of pandas."""
    values = np.random.default_rng(0).normal(size=300)
    expected = pd.Series(values).rolling(length).mean()
    np.testing.assert_allclose(trailing_mean(values, np.ones(length)), expected, atol=1e-12)


def test_volatility_is_the_exponentially_weighted_one() -> None:
    """The EWMA variance is that of pandas over the same 100 last squared returns."""
    squared = pd.Series(np.diff(np.log(BARS.adj_close)) ** 2)
    expected = [
        math.sqrt(squared[t - 100 : t].ewm(alpha=0.06, adjust=True).mean().iloc[-1])
        for t in range(100, len(BARS))
    ]
    np.testing.assert_allclose(ingredients(BARS).volatility[100:], expected, rtol=1e-12)


def test_a_price_that_stands_still_gives_finite_features() -> None:
    """No movement at all is no division by zero."""
    still = with_prices(BARS, lambda p: np.full_like(p, 42.0))
    assert np.isfinite(features(still)[warm_up(NAMES) :]).all()


def test_bars_without_a_range_give_finite_features() -> None:
    """Close-only files, where open, high and low are the close, are usable."""
    flat = replace(BARS, open=BARS.close, high=BARS.close, low=BARS.close)
    assert np.isfinite(features(flat)[warm_up(NAMES) :]).all()


def test_a_jump_gives_finite_features() -> None:
    """A price that is a million times the one before is odd, and still a number."""
    jump = np.where(np.arange(len(BARS)) < 400, 1.0, 1e6)
    assert np.isfinite(features(with_prices(BARS, lambda p: p * jump))[warm_up(NAMES) :]).all()


def test_a_range_that_does_not_hold_its_bar_has_no_negative_variance() -> None:
    """Where a vendor's high and low do not contain open and close, the variance is 0, not less."""
    odd = replace(BARS, high=BARS.close, low=BARS.close, open=1.1 * BARS.close)
    assert (ingredients(odd).range_variance == 0).all()


@pytest.mark.parametrize("n", [0, 1, 50, 100])
def test_a_short_series_has_no_features(n: int) -> None:
    """With too few bars every value is unknown, and nothing fails."""
    table = features(BARS.take(slice(n)))
    assert table.shape == (n, len(NAMES))
    assert not np.isfinite(table).all(axis=1).any()


def test_features_come_in_the_order_asked_for() -> None:
    """Columns follow the names."""
    two = build_features(ingredients(BARS), ("volatility", "return"))
    assert bits(two) == bits(features(BARS)[:, [NAMES.index("volatility"), 0]])


def test_unknown_feature_is_refused() -> None:
    """A name that does not exist is named, with those that do."""
    for refuse in (lambda names: build_features(ingredients(BARS), names), warm_up):
        with pytest.raises(BadDataError) as caught:
            refuse(("return", "rsi", "moon"))
        assert caught.value.message == "unknown feature rsi, moon"
        assert caught.value.fix == f"choose from {', '.join(OWN)}"


def test_every_feature_names_its_source() -> None:
    """No feature without a reason."""
    assert all(indicator.source for indicator in INDICATORS.values())


def test_no_volume_is_neutral() -> None:
    """Absent volume, today or ever, says 0 and never NaN."""
    silent = replace(BARS, volume=np.where(np.arange(len(BARS)) % 3 == 0, 0.0, BARS.volume))
    surprise = feature(silent, "volume_surprise")
    assert (surprise[21::3] == 0).all()
    assert np.isfinite(surprise[19:]).all()
    assert np.abs(surprise[19:]).max() > 0
    never = feature(replace(BARS, volume=np.zeros(len(BARS))), "volume_surprise")
    assert (never[19:] == 0).all()


def test_a_rank_lies_between_minus_one_and_one() -> None:
    """The best of the day is 1, the worst -1, equals share, and one alone is 0."""

    def ending(symbol: str, end: float) -> Bars:
        price = np.append(np.ones(29), end)
        return replace(with_prices(BARS.take(slice(-30, None)), lambda _: price), symbol=symbol)

    series = [ending(f"S{i}", end) for i, end in enumerate((0.9, 1.0, 1.0, 1.1))]

    def rank(bars: Bars, *peers: Bars) -> float:
        market = Market(peers=peers)
        return float(build_features(ingredients(bars, market), ("rank_1",))[-1, 0])

    assert [rank(bars, *series) for bars in series] == [-1, 0, 0, 1]
    assert rank(series[0]) == rank(series[0], series[0]) == 0
    # one that was not learnt from is ranked among those that were
    assert rank(ending("NEW", 1.05), *series) == pytest.approx(0.5)
    # not listed on the day; listed elsewhere, where the day ends at another time
    gone = series[3].take(slice(0, 29))
    assert rank(series[0], series[1], gone) == rank(series[0], series[1])
    assert rank(series[0], ending("S.T", 0.8)) == 0


def test_without_talib_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """TA-Lib is an extra."""
    monkeypatch.setitem(sys.modules, "talib", None)
    for name in ("rsi_14", "atr_14", "macd"):
        with pytest.raises(UsageError, match="need TA-Lib, which is not installed") as caught:
            feature(BARS, name)
        assert caught.value.fix == "pip install 'forecast-cli[talib]'"


@pytest.mark.parametrize("start", [0, 100, 250])
def test_two_hundred_bars_are_enough_for_talib(start: int) -> None:
    """What TA-Lib says over the whole history differs from what it says over the tail by 1e-5."""
    talib = pytest.importorskip("talib")
    bars = BARS.take(slice(start, None))
    whole = talib.RSI(bars.adj_close, 14) / 50 - 1
    np.testing.assert_allclose(feature(bars, "rsi_14")[199:], whole[199:], rtol=0, atol=1e-5)


def test_every_month_and_year_ends_on_its_last_weekday() -> None:
    """Known on the day itself: 1 on the last weekday of a month, below 1 before, never above."""
    days = np.arange("1999-12-01", "2030-01-10", dtype="datetime64[D]")
    closeness = month_end(days)
    last = np.busday_offset(np.arange("2000-01", "2030-02", dtype="datetime64[M]"), -1, "forward")
    assert (closeness[np.isin(days, last)] == 1).all()
    weekdays = np.is_busday(days) & ~np.isin(days, last)
    assert (closeness[weekdays] <= 0.5).all()
    assert turn_of_year(np.array(["2024-01-01"], dtype="datetime64[D]")) == pytest.approx(1)
