"""All candidates at once: the best must beat luck, and its equals are named."""

import numpy as np
import pytest
from arch.bootstrap import MCS, SPA, optimal_block_length
from synthetic import bare_windows

from forecast_cli.arrays import FloatArray1D
from forecast_cli.evaluation.contest import Contest, block_length, contest, contests
from forecast_cli.evaluation.losses import losses_of
from forecast_cli.models.baselines import AlwaysUp, Baseline, Drift, RandomWalk

N = 300
NAIVE = ("walk", "drift", "always_up")


def field(edge: float, seed: int = 0) -> dict[str, FloatArray1D]:
    """Two models, the first better by `edge`, the second worse, beside three naive rows."""
    rng = np.random.default_rng(seed)
    day = rng.exponential(size=N)  # bad days are bad for all
    walk = day + 0.3 * rng.normal(size=N)
    return {
        "good": day - edge + 0.3 * rng.normal(size=N),
        "bad": day + 0.5 + 0.3 * rng.normal(size=N),
        "walk": walk,
        "drift": walk + 0.2 + 0.1 * rng.normal(size=N),
        "always_up": np.full(N, np.nan),
    }


def held(losses: dict[str, FloatArray1D]) -> Contest:
    """The contest of a field one bar ahead."""
    result = contest(losses, naive=NAIVE, horizon=1, measure="crps")
    assert result is not None
    return result


def test_equals_arch() -> None:
    """Both p-values are those of the library, on the same blocks and draws."""
    losses = field(0.03)
    result = held(losses)
    block = round(result.block_days)
    spa = SPA(
        losses["walk"],
        np.column_stack([losses["good"], losses["bad"]]),
        block_size=block,
        reps=1000,
        seed=0,
    )
    spa.compute()
    assert result.spa_p == spa.pvalues["consistent"]
    names = ["good", "bad", "walk", "drift"]
    mcs = MCS(
        np.column_stack([losses[name] for name in names]),
        size=0.05,
        block_size=block,
        reps=1000,
        seed=0,
    )
    mcs.compute()
    assert list(result.mcs_p) == names
    included = [name for index, name in enumerate(names) if index in mcs.included]
    assert list(result.confidence_set) == included
    found = [float(mcs.pvalues["Pvalue"][index]) for index in range(len(names))]
    assert list(result.mcs_p.values()) == found


def test_a_planted_edge_is_found() -> None:
    """The better model beats luck and stands alone."""
    result = held(field(0.3))
    assert result.benchmark == "walk"
    assert result.spa_p is not None
    assert result.spa_p < 0.01
    assert result.confidence_set == ("good",)


def test_without_an_edge_none_is_claimed() -> None:
    """An equal of the naive row does not beat it, and both may be the best."""
    result = held(field(0.0, seed=1))
    assert result.spa_p is not None
    assert result.spa_p > 0.05
    assert {"good", "walk"} <= set(result.confidence_set)
    assert "bad" not in result.confidence_set


def test_many_useless_models_beat_nothing() -> None:
    """The best of 15 equals nearly always looks good; of eight times SPA is fooled at most once."""
    fooled, tempting = 0, 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        losses = {f"m{number}": rng.normal(size=N) for number in range(15)}
        losses["walk"] = rng.normal(size=N)
        result = contest(losses, naive=("walk",), horizon=1, measure="crps")
        assert result is not None
        assert result.spa_p is not None
        fooled += result.spa_p < 0.05
        tempting += min(of.mean() for of in losses.values()) < losses["walk"].mean()
    assert fooled <= 1
    assert tempting >= 6


def test_twins_share_their_fate() -> None:
    """Equal forecasters, of whose difference there is no variance, are compared once."""
    losses = field(0.3)
    losses["twin"] = losses["good"] * (1 + 1e-9)
    losses["echo"] = losses["walk"].copy()
    result = held(losses)
    assert result.mcs_p["twin"] == result.mcs_p["good"]
    assert result.mcs_p["echo"] == result.mcs_p["walk"]
    assert result.confidence_set == ("good", "twin")


def test_a_model_that_never_left_the_naive_row_has_no_spa() -> None:
    """There is nothing to test, and both are in the set."""
    walk = field(0.0)["walk"]
    result = held({"same": walk, "walk": walk})
    assert result.spa_p is None
    assert result.confidence_set == ("same", "walk")


@pytest.mark.parametrize("n", [1, 5])
def test_too_few_days_or_no_naive_row_hold_no_contest(n: int) -> None:
    """No more days than the horizon has bars, or nobody to beat."""
    few = {name: of[:n] for name, of in field(0.3).items()}
    assert contest(few, naive=NAIVE, horizon=5, measure="crps") is None
    assert contest(field(0.3), naive=("always_up",), horizon=1, measure="crps") is None


def test_a_contest_is_held_at_each_horizon_by_day() -> None:
    """By CRPS or by Brier score, each symbol of a day counting the same."""
    rng = np.random.default_rng(0)
    windows = bare_windows(
        0.01 * rng.normal(size=(400, 2)),
        cutoffs=np.datetime64("2010-01-01") + np.arange(400) // 2,
        symbol_index=np.arange(400) % 2,
    )
    losses = {}
    rows: dict[str, Baseline] = {"a": Drift(), "walk": RandomWalk(), "up": AlwaysUp()}
    for name, row in rows.items():
        row.fit(windows, windows)
        losses[name] = losses_of(row.predict(windows), windows)
    for by_direction, names in ((False, ["a", "walk"]), (True, ["a", "walk", "up"])):
        found = contests(losses, windows, naive=("walk", "up"), by_direction=by_direction)
        assert [one.horizon for one in found] == [1, 2]
        assert all(list(one.mcs_p) == names for one in found)
        by_day = {
            name: (of.brier if by_direction else of.crps)[:, 1].reshape(-1, 2).mean(axis=1)
            for name, of in losses.items()
        }
        measure = "brier" if by_direction else "crps"
        assert found[1] == contest(by_day, naive=("walk", "up"), horizon=2, measure=measure)


def test_blocks_follow_autocorrelation_and_horizon() -> None:
    """The library's rule; at least the horizon, at most a fifth of the days, at least one day."""
    rng = np.random.default_rng(5)
    noise = rng.normal(size=500)
    sums = np.convolve(noise, np.ones(10), mode="valid")
    rule = float(optimal_block_length(sums)["stationary"].iloc[0])
    assert block_length(sums, horizon=1) == pytest.approx(rule)
    assert block_length(noise, horizon=1) < rule
    assert block_length(noise, horizon=20) == 20
    assert block_length(noise, horizon=250) == 100
    assert block_length(np.ones(50), horizon=1) == 1
    assert block_length(np.ones(3), horizon=1) == 1
