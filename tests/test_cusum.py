"""The CUSUM on coverage: silent while the range holds, and soon heard when it does not."""

import numpy as np
import pytest

from forecast_cli.evaluation.cusum import THRESHOLD, cusum, disjoint

DAYS = np.datetime64("2020-01-01") + np.arange(5000)
NEXT = DAYS + np.timedelta64(1, "D")


def run_length(miss_rate: float, n_states: int = 8000) -> float:
    """Mean observations to an alarm, by the Markov chain of Brook and Evans (1972)."""
    up, down = np.log(0.2 / 0.1), np.log(0.8 / 0.9)
    width = THRESHOLD / n_states
    state = np.arange(n_states) * width
    after_miss = np.rint((state + up) / width).astype(int)
    after_hit = np.rint(np.maximum(state + down, 0) / width).astype(int)
    stays = after_miss < n_states
    lengths = np.zeros(n_states)
    for _ in range(20_000):
        missed = np.where(stays, lengths[np.minimum(after_miss, n_states - 1)], 0.0)
        lengths = 1 + miss_rate * missed + (1 - miss_rate) * lengths[after_hit]
    return float(lengths[0])


@pytest.mark.parametrize(("miss_rate", "expected", "tolerance"), [(0.1, 1000, 60), (0.2, 60, 3)])
def test_run_length(miss_rate: float, expected: float, tolerance: float) -> None:
    """It rings once in 1,000 observations where the range holds, after 60 where 20 % miss it."""
    assert run_length(miss_rate) == pytest.approx(expected, abs=tolerance)


def test_the_sum_is_that_of_the_definition() -> None:
    """Never below 0; ln 2 for a miss, ln(8/9) for a hit."""
    missed = np.array([0.0, 1, 0, 0, 1, 1])
    total = 0.0
    for one in missed:
        total = max(0.0, total + (np.log(2) if one else np.log(8 / 9)))
    found = cusum(missed, DAYS[:6], NEXT[:6])
    assert found.statistic == pytest.approx(total)
    assert (found.n, found.alarm) == (6, False)


def test_an_alarm_says_since_when_and_ends() -> None:
    """The fifth miss in a row rings (5 ln 2 = 3.47); hits bring the sum down again."""
    missed = np.ones(7)
    assert cusum(missed[:4], DAYS[:4], NEXT[:4]).since is None
    found = cusum(missed, DAYS[:7], NEXT[:7])
    assert found.alarm
    assert found.since == DAYS[4]
    calm = np.append(missed, np.zeros(60))
    assert not cusum(calm, DAYS[:67], NEXT[:67]).alarm


def test_symbols_of_a_day_are_one_observation() -> None:
    """Ten symbols that all miss say what one says."""
    many = cusum(np.ones(50), np.repeat(DAYS[:5], 10), np.repeat(NEXT[:5], 10))
    one = cusum(np.ones(5), DAYS[:5], NEXT[:5])
    assert many.n == 5
    assert many.statistic == pytest.approx(one.statistic)


def test_no_bar_is_in_two_observations() -> None:
    """Five bars ahead, every fifth cutoff counts."""
    known_from = DAYS + np.timedelta64(5, "D")
    assert disjoint(DAYS[:12], known_from[:12]).tolist() == [0, 5, 10]
    assert cusum(np.ones(12), DAYS[:12], known_from[:12]).n == 3
