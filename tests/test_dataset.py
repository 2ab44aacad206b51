"""From bars to windows: every window that can be cut, none that must not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import random_walk_bars

from forecast_cli.config import DEFAULT_FEATURES
from forecast_cli.data.bars import Bars
from forecast_cli.errors import BadDataError
from forecast_cli.features.dataset import bars_needed, build_windows
from forecast_cli.features.indicators import build_features
from forecast_cli.features.ingredients import ingredients
from forecast_cli.features.targets import future_return, known_from
from forecast_cli.features.windows import Windows

LONG = random_walk_bars("LONG", 300, seed=1)
SHORT = random_walk_bars("SHORT", 150, seed=2, start="2001-06-01")
YOUNG = random_walk_bars("YOUNG", 40, seed=3)


def windows(*series: Bars, horizons: tuple[int, ...] = (1, 5), lookback: int = 3) -> Windows:
    """Windows with the features every network starts from."""
    return build_windows(series, horizons=horizons, lookback=lookback, features=DEFAULT_FEATURES)


@pytest.mark.parametrize("features", [("return",), ("trend_10",), DEFAULT_FEATURES])
@pytest.mark.parametrize("lookback", [1, 2, 40])
def test_bars_needed_is_exact(features: tuple[str, ...], lookback: int) -> None:
    """That many bars give one window, ending at the last bar; one bar fewer gives none."""
    needed = bars_needed(lookback, features)
    for n_bars, expected in ((needed, [needed - 1]), (needed - 1, [])):
        series = [LONG.take(slice(n_bars))]
        made = build_windows(series, horizons=(1,), lookback=lookback, features=features)
        assert made.rows.tolist() == expected


@pytest.mark.parametrize("lookback", [1, 7])
def test_a_window_is_the_features_of_its_bars(lookback: int) -> None:
    """Inputs are the last `lookback` feature rows of the window's own symbol, oldest first."""
    made = windows(LONG, SHORT, lookback=lookback)
    tables = {
        bars.symbol: build_features(ingredients(bars), DEFAULT_FEATURES).astype(np.float32)
        for bars in (LONG, SHORT)
    }
    dates = {bars.symbol: bars.timestamp.tolist() for bars in (LONG, SHORT)}
    inputs = made.inputs()
    assert np.isfinite(inputs).all()
    for symbol, cutoff, window in zip(made.symbol_names, made.cutoffs, inputs, strict=True):
        row = dates[symbol].index(cutoff.item())
        np.testing.assert_array_equal(window, tables[symbol][row - lookback + 1 : row + 1])


def test_every_bar_with_enough_history_ends_a_window() -> None:
    """Stride 1, the newest bar with its unknown target included, symbol after symbol."""
    made = windows(LONG, SHORT, lookback=3)
    first = bars_needed(3, DEFAULT_FEATURES) - 1
    expected = [*LONG.timestamp[first:], *SHORT.timestamp[first:]]
    assert made.cutoffs.tolist() == [date.item() for date in expected]
    assert made.symbol_index.tolist() == [0] * (300 - first) + [1] * (150 - first)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 160), min_size=1, max_size=4), st.integers(1, 30))
def test_windows_never_reach_across_symbols(lengths: list[int], lookback: int) -> None:
    """Whatever the lengths, the first row of each window belongs to the symbol of its last row."""
    series = [random_walk_bars(f"S{n}", length, seed=n) for n, length in enumerate(lengths)]
    made = windows(*series, lookback=lookback)
    owner = np.repeat(np.arange(len(series)), lengths)
    assert (owner[made.rows] == made.symbol_index).all()
    assert (owner[made.rows - lookback + 1] == made.symbol_index).all()
    needed = bars_needed(lookback, DEFAULT_FEATURES)
    assert len(made) == sum(max(length - needed + 1, 0) for length in lengths)


def test_a_symbol_gives_the_same_windows_alone_and_among_others() -> None:
    """Neighbours change nothing."""
    among, alone = windows(LONG, YOUNG, SHORT), windows(SHORT)
    among = among.take(among.symbol_names == "SHORT")
    np.testing.assert_array_equal(among.inputs(), alone.inputs())
    for name in ("cutoffs", "known_from", "scale", "targets"):
        np.testing.assert_array_equal(getattr(among, name), getattr(alone, name))


def test_a_symbol_with_too_few_bars_gives_no_window() -> None:
    """It is in the list of symbols, and that is all."""
    made = windows(YOUNG, LONG)
    assert made.symbols == ("YOUNG", "LONG")
    assert set(made.symbol_names) == {"LONG"}
    assert len(windows(YOUNG)) == 0


def test_scale_grows_with_the_root_of_the_horizon() -> None:
    """The scale is the EWMA volatility known at the cutoff, times sqrt(h)."""
    made = windows(LONG, horizons=(1, 4, 9))
    volatility = ingredients(LONG).volatility[made.rows]
    np.testing.assert_allclose(made.scale, np.outer(volatility, [1, 2, 3]))


def test_targets_are_future_returns_in_units_of_the_scale() -> None:
    """Each column is the log return over its own horizon; times scale it is the return again."""
    made = windows(LONG, horizons=(1, 5, 20))
    assert made.horizons == (1, 5, 20)
    for column, horizon in enumerate(made.horizons):
        expected = future_return(LONG.adj_close, horizon)[made.rows]
        np.testing.assert_allclose(made.returns[:, column], expected, rtol=1e-12, atol=0)
        np.testing.assert_allclose(made.targets[:, column], expected / made.scale[:, column])


def test_a_window_is_known_when_its_longest_target_is() -> None:
    """known_from follows the longest horizon: shorter targets may be known before."""
    made = windows(LONG, horizons=(1, 5))
    np.testing.assert_array_equal(made.known_from, known_from(LONG.timestamp, 5)[made.rows])
    unknown = np.isnat(made.known_from)
    assert unknown.tolist() == [False] * (len(made) - 5) + [True] * 5
    assert np.isnan(made.targets).sum(axis=0).tolist() == [1, 5]
    assert np.isfinite(made.known().targets).all()
    assert len(made.known()) == len(made) - 5


def test_each_series_ends_for_itself() -> None:
    """Where one symbol ended early, its last targets are unknown although others go on."""
    ended = LONG.take(slice(200))
    made = windows(ended, LONG, horizons=(1, 5))
    last_known = [
        made.known().take(made.known().symbol_index == index).cutoffs.max() for index in (0, 1)
    ]
    assert last_known == [LONG.timestamp[194], LONG.timestamp[294]]


def test_the_future_is_not_in_a_window() -> None:
    """Another future changes neither inputs nor scale of any window up to the cut."""
    cut = 237
    before, after = windows(LONG.take(slice(cut))), windows(LONG)
    after = after.take(after.cutoffs <= LONG.timestamp[cut - 1])
    np.testing.assert_array_equal(before.inputs(), after.inputs())
    np.testing.assert_array_equal(before.scale, after.scale)


def test_windows_do_not_know_the_price_level() -> None:
    """A price twice as high gives the same inputs, scale and targets."""
    names = ("open", "high", "low", "close", "adj_close")
    doubled = Bars(**(vars(LONG) | {name: 2 * getattr(LONG, name) for name in names}))
    for name in ("features", "scale", "targets"):
        np.testing.assert_array_equal(getattr(windows(doubled), name), getattr(windows(LONG), name))


def test_unknown_feature_is_refused() -> None:
    """A feature that does not exist is an error a user can read."""
    with pytest.raises(BadDataError, match="unknown feature rsi"):
        build_windows([LONG], horizons=(1,), lookback=1, features=("rsi",))
    with pytest.raises(BadDataError, match="unknown feature rsi"):
        bars_needed(1, ("rsi",))
