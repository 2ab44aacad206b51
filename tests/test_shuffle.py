"""Targets of other days: what belongs together moves together, and nobody foresees any of it."""

from dataclasses import replace

import numpy as np
import planted
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import bare_windows, random_walk_bars

from forecast_cli.evaluation.folds import FoldPlan, cut_folds
from forecast_cli.evaluation.shuffle import ALARM, ShuffledScore, shuffled, shuffled_score
from forecast_cli.evaluation.walk_forward import Candidate
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows
from forecast_cli.models.baselines import BASELINES, DEFAULT_BASELINES
from forecast_cli.models.probe import LeastSquares

ROWS = [Candidate(name=name, make=BASELINES[name]) for name in DEFAULT_BASELINES]


def panel(n_days: int, n_symbols: int = 2, horizons: tuple[int, ...] = (1, 5)) -> Windows:
    """A window per day and symbol; each target is the number of its day, plus a tenth's symbol."""
    days = np.repeat(np.arange(n_days), n_symbols)
    index = np.tile(np.arange(n_symbols), n_days)
    targets = np.column_stack([days + index / 10] * len(horizons))
    return bare_windows(
        targets,
        horizons=horizons,
        cutoffs=np.datetime64("2010-01-01") + days,
        symbol_index=index,
    )


@settings(deadline=None)
@given(st.integers(20, 400), st.integers(1, 3), st.integers(1, 12), st.integers(0, 99))
def test_days_move_in_blocks_and_no_day_stays(
    n_days: int, n_symbols: int, horizon: int, seed: int
) -> None:
    """A permutation of whole days, all symbols of a day together, in runs of a block at least."""
    length = max(2 * horizon, 10)
    windows = panel(n_days, n_symbols, horizons=(horizon,))
    moved = shuffled(windows, seed=seed)
    n_moved = n_days // length * length
    if n_moved < 2 * length:
        n_moved = 0 if n_moved < length else n_moved
    source = np.floor(moved.targets[:, 0]).astype(int)
    own = (moved.cutoffs - np.datetime64("2010-01-01")).astype(int)
    assert sorted(set(own.tolist())) == sorted(set(source.tolist()))
    assert len(moved) == n_moved * n_symbols
    np.testing.assert_allclose(moved.targets[:, 0] - source, moved.symbol_index / 10, atol=1e-9)
    if n_moved > length:
        assert (source != own).all()
    steps = np.diff(source[:: n_symbols or 1])
    assert (steps != 1).sum() <= max(n_moved // length - 1, 0)


def test_only_targets_move() -> None:
    """Features, scales and dates stay; the same seed gives the same, another one another."""
    windows = panel(200)
    moved = shuffled(windows)
    kept = windows.take(np.isin(windows.rows, moved.rows))
    for name in ("rows", "cutoffs", "known_from", "symbol_index", "scale"):
        np.testing.assert_array_equal(getattr(moved, name), getattr(kept, name))
    assert moved.features is windows.features
    np.testing.assert_array_equal(moved.targets, shuffled(windows).targets)
    assert not np.array_equal(moved.targets, shuffled(windows, seed=1).targets)


def test_a_symbol_without_the_day_is_left_out() -> None:
    """A symbol that ends early has no target on later days: these windows go, others stay."""
    windows = panel(200)
    whole = windows.take((windows.symbol_index == 0) | (np.arange(len(windows)) < 200))
    moved = shuffled(whole)
    assert (moved.symbol_index == 0).sum() == 200
    assert 0 < (moved.symbol_index == 1).sum() < 100
    np.testing.assert_allclose(moved.targets[:, 0] % 1, moved.symbol_index / 10, atol=1e-9)


@pytest.mark.parametrize(
    ("skill", "p", "passes"),
    [
        (0.1, ALARM, False),
        (0.1, 2.01 * ALARM, True),
        (-0.1, 0.0, True),
        (0.0, float("nan"), True),
    ],
)
def test_the_alarm_is_one_sided(skill: float, p: float, passes: bool) -> None:  # noqa: FBT001 - a table
    """Half of the two-sided p below a thousandth, and only of a skill above 0."""
    score = ShuffledScore(n_days=500, horizons=(1,), skill=(skill,), p=(p,))
    assert score.as_chance is passes


def test_several_horizons_share_the_alarm() -> None:
    """Bonferroni: the alarm is for all horizons together."""
    p = 1.5 * ALARM
    assert not ShuffledScore(n_days=9, horizons=(1,), skill=(0.1,), p=(p,)).as_chance
    assert ShuffledScore(n_days=9, horizons=(1, 5), skill=(0.1, 0.1), p=(p, p)).as_chance


def test_real_skill_goes_and_reading_the_answers_stays() -> None:
    """A planted edge is worth nothing on shuffled targets; a peek at them is seen at once."""
    series = [random_walk_bars(f"S{i}", 900, seed=i) for i in range(2)]
    windows = build_windows(series, horizons=(1,), lookback=1, features=("return",)).known()
    # an edge without any leak: the target leans on the newest return
    edge = 0.5 * windows.features[windows.rows].astype(np.float64)
    learnable = replace(windows, targets=windows.targets + edge)
    fold = list(cut_folds(learnable, FoldPlan(folds=2)))[1]
    honest = Candidate(name="honest", make=LeastSquares)
    peeking = Candidate(name="peeking", make=planted.Peeking)
    assert shuffled_score(honest, ROWS, learnable, fold).as_chance
    caught = shuffled_score(peeking, ROWS, learnable, fold)
    assert not caught.as_chance
    assert caught.skill[0] > 0.05
