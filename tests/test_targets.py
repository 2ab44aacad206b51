"""The target is the log return over the horizon, and the only thing that looks forward."""

import ast
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

import forecast_cli
from forecast_cli.arrays import FloatArray1D
from forecast_cli.features.targets import future_return, known_from

PRICES = stn.arrays(np.float64, st.integers(0, 40), elements=st.floats(0.01, 1e6))
HORIZONS = st.integers(1, 50)


@given(PRICES, HORIZONS)
def test_future_return_equals_the_definition(prices: FloatArray1D, horizon: int) -> None:
    """log(price in h bars / price now); NaN on the last h bars, or on all of a shorter series."""
    expected = [
        math.log(prices[t + horizon] / prices[t]) if t + horizon < len(prices) else math.nan
        for t in range(len(prices))
    ]
    np.testing.assert_allclose(future_return(prices, horizon), expected, atol=1e-12)


@given(st.integers(0, 40), HORIZONS)
def test_a_target_is_known_when_its_last_bar_closes(n: int, horizon: int) -> None:
    """known_from is the date of the bar h bars on, across weekends; NaT on the last h bars."""
    dates = np.busday_offset("2024-03-01", np.arange(n), roll="forward")
    known = known_from(dates, horizon)
    assert len(known) == n
    for t in range(n):
        if t + horizon < n:
            assert known[t] == dates[t + horizon]
        else:
            assert np.isnat(known[t])


@given(PRICES, HORIZONS)
def test_unknown_target_and_unknown_date_go_together(prices: FloatArray1D, horizon: int) -> None:
    """A bar has a target exactly where it has a date at which the target is known."""
    dates = np.datetime64("2024-03-01") + np.arange(len(prices))
    unknown = np.isnat(known_from(dates, horizon))
    assert unknown.tolist() == np.isnan(future_return(prices, horizon)).tolist()
    assert unknown.sum() == min(horizon, len(prices))


@given(PRICES, st.integers(1, 5))
def test_longer_returns_are_sums_of_daily_ones(prices: FloatArray1D, horizon: int) -> None:
    """A log return over h bars is the sum of the h daily ones."""
    daily = future_return(prices, 1)
    summed = [daily[t : t + horizon].sum() for t in range(max(len(prices) - horizon, 0))]
    np.testing.assert_allclose(future_return(prices, horizon)[: len(summed)], summed, atol=1e-9)


def negative_shifts(source: str) -> list[int]:
    """Lines that may move later rows to earlier ones.

    `values[h:]` beside `values[:-h]`, `np.roll`, and `shift(-1)`; a constant end as in `[:-1]` is
    how differences of neighbours are taken, and is left alone.
    """
    lines = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Slice(upper=ast.UnaryOp(op=ast.USub(), operand=end)):
                if not isinstance(end, ast.Constant):
                    lines.append(end.lineno)
            case ast.Call(func=ast.Attribute(attr="roll")):
                lines.append(node.lineno)
            case ast.Call(func=ast.Attribute(attr="shift"), args=[ast.UnaryOp(op=ast.USub()), *_]):
                lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    "plant", ["past = prices[:-h]", "np.roll(returns, -1)", "frame.shift(-1)", "frame.shift(-h, 1)"]
)
def test_the_search_finds_planted_shifts(plant: str) -> None:
    """The search below can fail."""
    assert negative_shifts(plant) == [1]


def test_the_program_looks_forward_in_one_place_only() -> None:
    """One negative shift in the program: features/targets.py."""
    package = Path(forecast_cli.__file__).parent
    looking = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if negative_shifts(path.read_text(encoding="utf-8"))
    }
    assert looking == {"features/targets.py"}
