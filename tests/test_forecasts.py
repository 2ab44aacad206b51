"""A forecast is a curve of quantiles; point and P(up) are read from it and agree with it."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from forecast_cli.arrays import FloatArray1D
from forecast_cli.forecasts import (
    LEVELS,
    Forecasts,
    concatenate,
    moments,
    probability_up,
    quantiles_at,
    shift_to_median,
    shift_to_probability,
)

FIELDS = ("symbols", "cutoffs", "quantiles", "point", "p_up", "position")
STEEP_CURVE = np.linspace(-0.03, 0.04, 99)

# in steps that a price can make; ties occur
VALUES = st.integers(-500_000, 500_000).map(lambda millionths: millionths / 1e6)
CURVES = stn.arrays(np.float64, 99, elements=VALUES).map(np.sort)
TIED_CURVES = stn.arrays(np.float64, 99, elements=st.sampled_from([-0.02, -0.01, 0, 0.01])).map(
    np.sort
)


def curve_from_steps(steps: FloatArray1D, start: float) -> FloatArray1D:
    """A strictly ascending curve."""
    return start + np.cumsum(steps)


STRICT_CURVES = st.builds(
    curve_from_steps,
    stn.arrays(np.float64, 99, elements=st.floats(1e-6, 0.01)),
    st.floats(-0.9, 0.1),
)


def slow_probability_up(curve: list[float]) -> float:
    """1 - F(0) by definition: the highest level whose quantile is not above 0."""
    if curve[0] > 0:
        return 0.99
    below = max(index for index, value in enumerate(curve) if value <= 0)
    level = (below + 1) / 100
    if below < len(curve) - 1:
        level += 0.01 * -curve[below] / (curve[below + 1] - curve[below])
    return 1 - level


def forecasts(n: int, seed: int = 0) -> Forecasts:
    """Some forecasts, different in every field."""
    rng = np.random.default_rng(seed)
    quantiles = np.sort(rng.normal(scale=0.02, size=(n, 2, 99)), axis=-1)
    return Forecasts(
        symbols=np.array([f"S{seed}{row}" for row in range(n)]),
        cutoffs=np.datetime64("2020-01-01") + np.arange(n),
        horizons=(1, 5),
        quantiles=quantiles,
        point=quantiles_at(quantiles, 0.5),
        p_up=probability_up(quantiles),
        position=rng.uniform(-1, 1, size=(n, 2)),
    )


def test_the_grid() -> None:
    """The levels are 1 % to 99 %."""
    assert LEVELS.tolist() == [percent / 100 for percent in range(1, 100)]


@given(CURVES)
def test_a_level_of_the_grid_is_read_exactly(curve: FloatArray1D) -> None:
    """At a level of the grid no arithmetic touches the curve's value."""
    assert [float(quantiles_at(curve, float(level))) for level in LEVELS] == curve.tolist()


@given(CURVES)
def test_between_two_levels_the_curve_is_a_line(curve: FloatArray1D) -> None:
    """2.5 % lies half way between 2 % and 3 %, and 98.25 % a quarter from 98 % to 99 %."""
    assert quantiles_at(curve, 0.025) == pytest.approx((curve[1] + curve[2]) / 2, abs=1e-12)
    expected = 0.75 * curve[97] + 0.25 * curve[98]
    assert quantiles_at(curve, 0.9825) == pytest.approx(expected, abs=1e-12)


@given(CURVES, st.floats(0.01, 0.99))
def test_any_level_equals_numpy_interpolation(curve: FloatArray1D, level: float) -> None:
    """The reading agrees with np.interp at every level."""
    assert quantiles_at(curve, level) == pytest.approx(np.interp(level, LEVELS, curve), abs=1e-9)


@given(CURVES | TIED_CURVES)
def test_probability_up_is_one_minus_f_of_zero(curve: FloatArray1D) -> None:
    """P(up) is 1 - F(0), flat pieces and values of exactly 0 included."""
    assert probability_up(curve) == pytest.approx(slow_probability_up(curve.tolist()), abs=1e-9)


@given(CURVES | TIED_CURVES)
def test_probability_up_is_never_certain(curve: FloatArray1D) -> None:
    """The grid knows nothing beyond 1 % and 99 %, and P(up) does not pretend to."""
    assert 0.01 <= probability_up(curve) <= 0.99


@pytest.mark.parametrize(("value", "expected"), [(-0.001, 0.01), (0.0, 0.01), (0.001, 0.99)])
def test_probability_up_of_a_curve_without_width(value: float, expected: float) -> None:
    """No change is not up: a price that stands still does not rise."""
    assert probability_up(np.full(99, value)) == pytest.approx(expected)


def test_no_change_is_not_up() -> None:
    """Where 20 % of the returns are exactly 0, they count as not up."""
    curve = np.concatenate(
        [np.linspace(-0.05, -0.001, 40), np.zeros(20), np.linspace(0.001, 1, 39)]
    )
    assert probability_up(curve) == pytest.approx(0.40)


def test_probability_up_of_an_unknown_curve_is_unknown() -> None:
    """NaN stays NaN and does not touch its neighbours."""
    p_up = probability_up(np.stack([STEEP_CURVE, np.full(99, np.nan), STEEP_CURVE]))
    assert np.isnan(p_up).tolist() == [False, True, False]


@given(STRICT_CURVES, st.floats(0.01, 0.99))
def test_a_shifted_curve_says_the_probability_asked_for(curve: FloatArray1D, p_up: float) -> None:
    """Direction forecasts: the curve's own P(up) is the one that was forecast."""
    shifted = shift_to_probability(curve[None], np.array([[p_up]]))
    assert probability_up(shifted)[0, 0] == pytest.approx(p_up, abs=1e-6)


@given(CURVES, st.floats(-1, 1))
def test_a_curve_moved_to_a_point_has_it_as_its_median(curve: FloatArray1D, point: float) -> None:
    """Point forecasts: the curve of history, as wide as it was, around the point."""
    (moved,) = shift_to_median(curve[None], np.array([[point]]))[0]
    assert quantiles_at(moved, 0.5) == pytest.approx(point, abs=1e-12)
    np.testing.assert_allclose(np.diff(moved), np.diff(curve), atol=1e-12)


@pytest.mark.parametrize("p_up", [0.0, 0.004, 0.996, 1.0])
def test_a_shift_stops_at_the_grid(p_up: float) -> None:
    """A P(up) beyond 1 % and 99 % is as far as the curve can say it."""
    shifted = shift_to_probability(STEEP_CURVE[None], np.array([[p_up]]))
    assert probability_up(shifted)[0, 0] == pytest.approx(np.clip(p_up, 0.01, 0.99))


@given(CURVES, stn.arrays(np.float64, (3, 1), elements=st.floats(0, 1)))
def test_a_shift_keeps_order_and_width(curve: FloatArray1D, p_up: FloatArray1D) -> None:
    """Shifting moves a curve sideways: levels stay in order and as far apart as in history."""
    shifted = shift_to_probability(curve[None], p_up.reshape(-1, 1))
    assert (np.diff(shifted, axis=-1) >= 0).all()
    assert np.ptp(shifted, axis=-1) == pytest.approx(np.ptp(curve), abs=1e-12)


@given(STRICT_CURVES)
def test_at_the_base_rate_a_shift_changes_nothing(curve: FloatArray1D) -> None:
    """A direction forecast at the historical rate is history itself."""
    base_rate = probability_up(curve[None])
    shifted = shift_to_probability(curve[None], base_rate[None])
    at_edge = curve[0] > 0 or curve[-1] < 0
    if not at_edge:
        np.testing.assert_allclose(shifted[0], curve[None], atol=1e-9)


def test_each_horizon_is_shifted_by_its_own_history() -> None:
    """Curves and probabilities are matched by horizon."""
    history = np.stack([STEEP_CURVE, 3 * STEEP_CURVE])
    p_up = np.array([[0.3, 0.6], [0.7, 0.5]])
    shifted = shift_to_probability(history, p_up)
    assert shifted.shape == (2, 2, 99)
    np.testing.assert_allclose(probability_up(shifted), p_up)
    np.testing.assert_allclose(np.ptp(shifted, axis=-1), [[0.07, 0.21]] * 2)


def test_with_quantiles_point_and_probability_follow() -> None:
    """A forecast never carries a point or a P(up) of another curve."""
    made = forecasts(3)
    moved = made.with_quantiles(made.quantiles + 0.01)
    np.testing.assert_array_equal(moved.point, moved.quantiles[:, :, 49])
    np.testing.assert_array_equal(moved.p_up, probability_up(moved.quantiles))
    assert (moved.p_up > made.p_up).all()


@pytest.mark.parametrize(
    "rows", [slice(1, 3), np.array([1, 2]), np.array([False, True, True, False])]
)
def test_take_picks_the_same_rows_everywhere(rows: slice) -> None:
    """Slice, indices or mask: every field is cut alike."""
    made, taken = forecasts(4), forecasts(4).take(rows)
    assert len(taken) == 2
    assert taken.horizons == made.horizons
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(taken, name), getattr(made, name)[1:3])


def test_concatenate_undoes_take() -> None:
    """Parts joined in order are the whole."""
    made = forecasts(5)
    joined = concatenate([made.take(slice(0, 2)), made.take(slice(2, 2)), made.take(slice(2, 5))])
    assert len(joined) == 5
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(joined, name), getattr(made, name))


def test_a_forecaster_without_positions_has_none() -> None:
    """Taken from or joined: None stays None."""
    made = replace(forecasts(3), position=None)
    assert made.take(slice(0, 1)).position is None
    assert concatenate([made, made]).position is None


def test_moments_of_a_curve() -> None:
    """Mean and variance follow shift and stretch; a normal law's variance is 3 % small."""
    normal = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
    mean, variance = moments(np.stack([normal, 0.5 + 2 * normal, np.full(99, np.nan)]))
    assert mean[:2] == pytest.approx([0, 0.5], abs=1e-12)
    assert variance[0] == pytest.approx(0.97, abs=0.005)
    assert variance[1] == pytest.approx(4 * variance[0])
    assert np.isnan([mean[2], variance[2]]).all()
    levels = np.array(LEVELS)  # uniform: mean 1/2, variance 1/12
    assert moments(levels)[0] == pytest.approx(0.5)
    assert moments(levels)[1] == pytest.approx(1 / 12, rel=0.01)
