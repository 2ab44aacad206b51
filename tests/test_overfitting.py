"""The probability of backtest overfitting: near one half for luck, near zero for skill."""

import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_cli.arrays import FloatArray2D
from forecast_cli.trading.overfitting import PathSharpes, selection
from forecast_cli.trading.performance import sharpe


def slowly(returns: FloatArray2D, n_blocks: int) -> tuple[float, float, float, float]:
    """The same by the book (Bailey et al. 2017, section 2.2), return by return, split by split."""
    blocks = np.array_split(returns, n_blocks)
    logits, chosen, later = [], [], []
    for half in combinations(range(n_blocks), n_blocks // 2):
        rest = [number for number in range(n_blocks) if number not in half]
        before = [sharpe(c, 252) or 0.0 for c in np.concatenate([blocks[i] for i in half]).T]
        after = [sharpe(c, 252) or 0.0 for c in np.concatenate([blocks[i] for i in rest]).T]
        best = int(np.argmax(before))
        below = sum(other < after[best] for other in after)
        ties = sum(other == after[best] for other in after)
        omega = (below + (ties + 1) / 2) / (len(after) + 1)
        logits.append(np.log(omega / (1 - omega)))
        chosen.append(before[best])
        later.append(after[best])
    return (
        float(np.mean(np.array(logits) <= 0)),
        float(np.mean(np.array(later) < 0)),
        float(np.median(chosen)),
        float(np.median(later)),
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(40, 59), st.integers(2, 6))
def test_it_is_what_the_paper_defines(seed: int, n_days: int, n_strategies: int) -> None:
    """Sums of blocks give what going through every split does."""
    rng = np.random.default_rng(seed)
    returns = 0.01 * rng.standard_normal((n_days, n_strategies))
    returns[:, 0] *= rng.integers(0, 2)  # one that may never trade
    found = selection(returns)
    assert found is not None
    assert found.n_blocks == n_days // 10 * 2
    assert found.n_strategies == n_strategies
    assert (found.pbo, found.loss, found.chosen_sharpe, found.later_sharpe) == pytest.approx(
        slowly(returns, found.n_blocks), abs=1e-9
    )


def test_sixteen_blocks_are_split_in_12870_ways() -> None:
    """As the paper has it, from eighty days on."""
    found = selection(0.01 * np.random.default_rng(0).standard_normal((80, 2)))
    assert found is not None
    assert (found.n_blocks, found.n_splits) == (16, 12_870)


def test_luck_is_overfitted_half_of_the_time() -> None:
    """Of strategies without an edge, the best is as likely below the median later as above."""
    draws = [
        selection(0.01 * np.random.default_rng(seed).standard_normal((500, 9)))
        for seed in range(40)
    ]
    pbo = [found.pbo for found in draws if found]
    assert np.mean(pbo) == pytest.approx(0.5, abs=0.1)


def test_skill_is_not_overfitted() -> None:
    """A strategy that is better on every day is chosen, and stays the best."""
    returns = 0.01 * np.random.default_rng(1).standard_normal((500, 9))
    returns[:, 4] = np.abs(returns).max(axis=1)
    found = selection(returns)
    assert found is not None
    assert (found.pbo, found.loss) == (0.0, 0.0)
    assert found.later_sharpe == pytest.approx(found.chosen_sharpe, rel=0.2)


def test_what_only_fits_its_own_half_is_overfitted() -> None:
    """Strategies that win in some blocks and lose as much in all others never win twice."""
    blocks = 16
    noise = 1e-3 * np.random.default_rng(2).standard_normal((160, 2))
    half = np.repeat(np.arange(blocks) % 2, 160 // blocks)[:, None]
    found = selection(noise + np.where(half == [0, 1], 0.01, -0.01))
    assert found is not None
    assert found.pbo > 0.75


@pytest.mark.parametrize("shape", [(500, 1), (500, 0), (19, 5), (0, 5)])
def test_without_a_choice_or_days_there_is_none(shape: tuple[int, int]) -> None:
    """One strategy is no choice; a dozen days are no halves."""
    assert selection(np.zeros(shape)) is None


def test_the_middle_of_the_paths_and_how_many_lose() -> None:
    """An even number of paths has a middle, too."""
    of = PathSharpes(strategy="s", sharpes=(-0.5, 0.1, 0.3, 0.4))
    assert of.median == pytest.approx(0.2)
    assert of.loss == 0.25


def test_a_cross_validation_stands_beside_the_backtest(
    forecast: Callable[..., Run], sample_home: Path, tmp_path: Path
) -> None:
    """It says its price first, changes no score, labels what it found, and resumes as folds do."""
    copytree(sample_home / "bars", tmp_path / "bars")
    options = ("--model", "linear", "--horizon", "1", "--epochs", "1", "--folds", "2")
    test = ("backtest", "^GSPC", *options, "--home", tmp_path)
    cpcv = ("--cv", "cpcv", "--groups", "4", "--embargo", "5")
    plain = json.loads(forecast(*test, "--embargo", "5", "--format", "json").out)
    assert plain["cross_validation"] is None
    run = forecast(*test, *cpcv, "--format", "json")
    assert "cpcv: 6 fits of each model (linear) beside the walk-forward, for 3 paths" in run.err
    found = json.loads(run.out)
    assert found["cross_validation"]["n_fits"] == 6
    assert found["cross_validation"]["plan"] == {"groups": 4, "test_groups": 2, "embargo": 5}
    sharpes = {row["strategy"]: row["sharpes"] for row in found["cross_validation"]["sharpes"]}
    assert set(sharpes) == {"linear sign", "linear long-only"}
    assert all(len(of) == 3 and of == sorted(of) for of in sharpes.values())
    assert found["selection"]["n_strategies"] == 2
    for name in ("scores", "verdict", "folds", "trading", "selection", "n_tried"):
        assert found[name] == plain[name], name
    text = forecast(*test, *cpcv).out
    assert "Not a track record" in text
    assert "1 different trials on these symbols so far" in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--groups", "4"), "groups are those of a cross-validation"),
        (("--cv", "cpcv", "--groups", "3", "--test-groups", "3"), "3 test groups of 3"),
        (("--cv", "cpcv", "--warm-start"), "do not follow one another"),
        (("--warm-start", "--jobs", "2"), "each fold waits for the one before"),
    ],
)
def test_what_cannot_be_validated_is_refused(
    forecast: Callable[..., Run], sample_home: Path, options: tuple[str, ...], says: str
) -> None:
    """Before any work, with one sentence."""
    run = forecast("backtest", "^GSPC", "--model", "linear", "--home", sample_home, *options)
    assert (run.code, run.out) == (2, "")
    assert says in run.err
