"""Drift of inputs: recent values against the deciles of training."""

import numpy as np
import pytest

from forecast_cli.evaluation.drift import FEWEST, deciles, drift, stability_index

RNG = np.random.default_rng(2)
TRAINING = RNG.normal(size=(20_000, 1)).astype(np.float32)
LEARNT = deciles(TRAINING)[0]


def test_deciles_run_from_the_lowest_to_the_highest_value() -> None:
    """Eleven numbers a feature."""
    ends = [TRAINING.min(), np.median(TRAINING), TRAINING.max()]
    np.testing.assert_allclose(LEARNT[[0, 5, 10]], ends, atol=1e-3)


def test_psi_is_that_of_the_definition() -> None:
    """sum (a - e) ln(a / e) over the ten parts, by a histogram made another way."""
    recent = RNG.normal(0.7, 1.3, size=3000)
    edges = np.array([-np.inf, *LEARNT[1:-1], np.inf])
    actual = np.histogram(recent, edges)[0] / 3000
    expected = np.sum((actual - 0.1) * np.log(actual / 0.1))
    assert stability_index(LEARNT, recent) == pytest.approx(expected)


def test_nothing_has_changed() -> None:
    """Of n values of the same law the PSI is 9 / n on average."""
    draws = [stability_index(LEARNT, RNG.normal(size=400)) for _ in range(400)]
    assert np.mean(draws) == pytest.approx(9 / 400, rel=0.15)


def test_a_shift_is_flagged_where_there_are_enough_values() -> None:
    """One deviation: flagged of 100 values, and not of 99."""
    recent = RNG.normal(1, 1, size=FEWEST)
    assert drift("return", LEARNT, recent).shifted
    assert not drift("return", LEARNT, recent[1:]).shifted
    assert not drift("return", LEARNT, RNG.normal(size=1000)).shifted


def test_what_lies_beyond_training_is_counted() -> None:
    """Lower than the lowest, higher than the highest."""
    recent = np.array([-99.0, 0.0, 0.1, 99.0])
    assert drift("return", LEARNT, recent).outside == 0.5


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_a_feature_of_two_values_has_two_parts(share: float) -> None:
    """Equal deciles do not make empty parts: the same law has next to no PSI."""
    training = (np.arange(1000) < 1000 * share).astype(np.float32)[:, None]
    assert stability_index(deciles(training)[0], training[:, 0].astype(float)) < 0.02
