"""Covariates beside the bars: each value from its own moment on, and never before."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import calendar_of, random_walk_bars, small_market, with_prices

from forecast_cli.arrays import DateArray1D, FloatArray1D, IntArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.data.covariates import covariate
from forecast_cli.data.sessions import Calendar
from forecast_cli.errors import MissingInputError
from forecast_cli.features.indicators import build_features, covariate_features, warm_up
from forecast_cli.features.ingredients import ingredients
from forecast_cli.features.market import Market

WALK = random_walk_bars("A", 300, seed=5, clustering=True)
MARKET = small_market(seed=50)
NAMES = tuple(name for one in MARKET.covariates for name in covariate_features(one))


def column(bars: Bars, market: Market, name: str) -> FloatArray1D:
    """One covariate's feature beside a series."""
    found: FloatArray1D = build_features(ingredients(bars, market), (name,))[:, 0]
    return found


def slow_as_of(
    cutoffs: list[int], known: list[int], values: list[float], carry: int
) -> list[float]:
    """The mean of what became known between two cutoffs, carried on, in plain Python."""
    result, before, age, last = [], -math.inf, 0, math.nan
    for cutoff in cutoffs:
        new = [v for moment, v in zip(known, values, strict=True) if before < moment <= cutoff]
        if new:
            age, last = 0, sum(new) / len(new)
        elif not math.isnan(last):
            age += 1
            last = last if age <= carry else 0.0
        result.append(last)
        before = cutoff
    return result


def slow_value(values: list[float]) -> list[float]:
    """Each value in units of the root mean square of the last hundred, itself included."""
    sizes = [
        math.sqrt(sum(v * v for v in values[max(0, i - 99) : i + 1]) / min(i + 1, 100))
        for i in range(len(values))
    ]
    return [value / size if size else 0.0 for value, size in zip(values, sizes, strict=True)]


def ticks(moments: DateArray1D) -> list[int]:
    """Microseconds since 1970."""
    return [int(tick) for tick in moments.astype("datetime64[us]").astype(np.int64)]


days_of_walk = st.sets(st.integers(0, 39), min_size=1).map(lambda days: np.array(sorted(days)))


@given(days_of_walk, st.sets(st.integers(0, 40 * 24), min_size=1), st.integers(0, 6))
def test_instants_count_from_the_first_close_after_them(
    days: IntArray1D, hours: set[int], carry: int
) -> None:
    """As-of join of instants against a slow twin: a stamp at or after the close waits a session."""
    bars, calendar = WALK.take(days), calendar_of(WALK.timestamp)
    stamps = np.array([WALK.timestamp[0] + np.timedelta64(hour, "h") for hour in sorted(hours)])
    values = [1.5 + number for number in range(len(stamps))]
    mood = covariate("mood", None, stamps.astype("datetime64[us]"), np.array(values))
    market = Market(covariates={"mood": {None: mood}}, calendars={"XNYS": calendar}, carry=carry)
    just_after = [tick + 1 for tick in ticks(stamps)]
    expected = slow_as_of(
        ticks(calendar.closes_at(bars.timestamp)), just_after, slow_value(values), carry
    )
    np.testing.assert_allclose(column(bars, market, "mood:value"), expected, rtol=1e-9)


@given(days_of_walk, days_of_walk, st.integers(0, 6))
def test_session_dates_count_from_their_own_close_on(
    days: IntArray1D, dated: IntArray1D, carry: int
) -> None:
    """As-of join of session dates: the bar of the very date knows the value."""
    bars, dates = WALK.take(days), WALK.timestamp[dated]
    values = [1.5 + number for number in range(len(dates))]
    interest = covariate("interest", "A", dates, np.array(values))
    market = Market(covariates={"interest": {"A": interest}}, carry=carry)
    expected = slow_as_of(ticks(bars.timestamp), ticks(dates), slow_value(values), carry)
    np.testing.assert_allclose(column(bars, market, "interest:value"), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("symbol", "other", "lag"),
    [("A", "^VIX", 0), ("A", "^N225", 0), ("A.T", "^VIX", 1), ("A.T", "^N225", 0)],
)
def test_another_exchange_is_seen_when_it_has_closed(symbol: str, other: str, lag: int) -> None:
    """New York sees Tokyo's bar of the same date; Tokyo sees New York's bar of the date before."""
    bars = replace(WALK, symbol=symbol)
    source = random_walk_bars(other, 300, seed=6)
    market = Market(covariates={other: source}, calendars=MARKET.calendars, carry=5)
    of_source = ingredients(source)
    expected = of_source.returns / of_source.volatility
    found = column(bars, market, f"{other}:return")
    np.testing.assert_array_equal(found[101:], expected[101 - lag : 300 - lag])


def test_an_early_close_is_early() -> None:
    """On a day that ends at noon, the news of the afternoon belongs to the next session."""
    news = np.array(["2001-02-05T17:00"], dtype="datetime64[us]")
    mood = covariate("mood", None, news, np.array([1.0]))
    instants = calendar_of(WALK.timestamp).closes.copy()
    row = int(np.flatnonzero(WALK.timestamp == np.datetime64("2001-02-05"))[0])

    def first_known(calendar: Calendar) -> int:
        market = Market(covariates={"mood": {None: mood}}, calendars={"XNYS": calendar}, carry=5)
        return int(np.flatnonzero(np.isfinite(column(WALK, market, "mood:value")))[0])

    assert first_known(calendar_of(WALK.timestamp)) == row
    instants[row] -= np.timedelta64(5, "h")
    assert first_known(replace(calendar_of(WALK.timestamp), closes=instants)) == row + 1


def test_a_symbol_has_its_own_values_before_those_of_all() -> None:
    """Values of the symbol stand in for those of every symbol; without either, nothing is known."""
    own, every = (
        covariate("mood", symbol, WALK.timestamp, np.full(300, value))
        for symbol, value in (("A", 1.0), (None, -1.0))
    )
    for values, expected in (({"A": own, None: every}, 1), ({"B": own, None: every}, -1)):
        found = column(WALK, Market(covariates={"mood": values}), "mood:value")
        np.testing.assert_allclose(found, expected)
    assert np.isnan(column(WALK, Market(covariates={"mood": {"B": own}}), "mood:value")).all()


def _cut(market: Market, last: np.datetime64) -> Market:
    """The world as it was known at the close of a date, in New York."""
    close = last.astype("datetime64[us]") + np.timedelta64(21, "h")
    tokyo, york, interest, mood = market.covariates.values()
    assert isinstance(tokyo, Bars)
    assert isinstance(york, Bars)
    assert not isinstance(interest, Bars)
    assert not isinstance(mood, Bars)
    known = mood[None].available_at < close
    cut = replace(
        mood[None], available_at=mood[None].available_at[known], values=mood[None].values[known]
    )
    return replace(
        market,
        peers=tuple(bars.until(last) for bars in market.peers),
        covariates={
            "^N225": tokyo.until(last),
            "^GSPC": york.until(last),
            "interest": {None: interest[None].until(last)},
            "mood": {None: cut},
        },
    )


@pytest.mark.parametrize("name", [*NAMES, "rank_1", "rank_21"])
@pytest.mark.parametrize("cut", [203, 307, 413, 501, 634])
def test_features_of_the_past_do_not_change_when_all_else_is_cut_off(name: str, cut: int) -> None:
    """Without the future of peers and covariates the past is the same, by every bit."""
    bars = random_walk_bars("WALK", 700, seed=3, clustering=True)
    known = bars.take(slice(cut + 1))
    before = column(known, _cut(MARKET, bars.timestamp[cut]), name)
    assert before.tobytes() == column(bars, MARKET, name)[: cut + 1].tobytes()
    assert np.isfinite(before[-1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("start", [1, 333, 500])
def test_where_a_symbol_starts_changes_no_covariate(name: str, start: int) -> None:
    """From the warm-up on, the values are those of the whole history, by every bit."""
    bars = random_walk_bars("WALK", 700, seed=3)
    needed = warm_up((name,))
    cut = column(bars.take(slice(start, None)), MARKET, name)[needed:]
    assert cut.tobytes() == column(bars, MARKET, name)[start + needed :].tobytes()


@pytest.mark.parametrize("name", ["^N225:return", "^N225:level", "^N225:volatility"])
def test_a_covariate_does_not_know_its_price_level(name: str) -> None:
    """Ratios only: a power of two changes no bit of another series' features."""
    source = MARKET.covariates["^N225"]
    assert isinstance(source, Bars)
    larger = with_prices(source, lambda price: 2.0**7 * price)
    other = replace(MARKET, covariates={"^N225": larger})
    bars = random_walk_bars("WALK", 700, seed=3)
    assert column(bars, other, name).tobytes() == column(bars, MARKET, name).tobytes()


def test_level_is_the_distance_from_the_mean_of_a_hundred_bars() -> None:
    """The logarithm of the price less its mean, in units of ten days' volatility."""
    source = random_walk_bars("^VIX", 300, seed=6)
    log_price = np.log(source.adj_close)
    distance = log_price[299] - log_price[200:].mean()
    expected = distance / ingredients(source).volatility[299] / 10
    market = Market(covariates={"^VIX": source})
    assert column(WALK, market, "^VIX:level")[299] == pytest.approx(expected)


def test_a_covariate_that_stands_still_is_neutral() -> None:
    """No movement at all is 0 in each feature."""
    source = with_prices(replace(WALK, symbol="^VIX"), lambda price: np.full_like(price, 9))
    market = Market(covariates={"^VIX": source})
    for name in covariate_features("^VIX"):
        np.testing.assert_allclose(column(WALK, market, name)[100:], 0, atol=1e-9)


def test_unknown_closing_times_are_said() -> None:
    """Which exchange, and what to do."""
    market = replace(MARKET, calendars={})
    with pytest.raises(MissingInputError, match="the closing times of XTKS, which are not stored"):
        column(WALK, market, "^N225:return")
