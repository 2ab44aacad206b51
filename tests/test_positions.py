"""Positions follow the forecasts of the last `horizon` days and nothing else."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from forecast_cli.arrays import FloatArray2D
from forecast_cli.cli.trading import Strategy
from forecast_cli.trading.positions import (
    DEFAULT_RULES,
    RULES,
    Outlook,
    RuleName,
    RuleSettings,
    buy_and_hold,
    target_positions,
)

NAN = np.nan
UNIT_RULES: list[RuleName] = [
    "sign", "long-only", "threshold", "mean-variance", "top-bottom", "position",
]  # fmt: skip


def column(*values: float) -> FloatArray2D:
    """One symbol, one value per day."""
    return np.array(values)[:, np.newaxis]


def outlook(p_up: FloatArray2D, *, horizon: int = 1, **tables: FloatArray2D) -> Outlook:
    """Forecasts of a given P(up); what else is not said is NaN."""
    unknown = np.full(p_up.shape, NAN)
    return Outlook(
        p_up=p_up,
        median=tables.get("median", unknown),
        mean=tables.get("mean", unknown),
        variance=tables.get("variance", unknown),
        position=tables.get("position", unknown),
        horizon=horizon,
    )


def random_outlook(seed: int, *, horizon: int = 1, n_days: int = 40, n_symbols: int = 4) -> Outlook:
    """Forecasts on a coarse grid, so that 0.5 and ties occur, with a third of the days missing."""
    rng = np.random.default_rng(seed)
    shape = n_days, n_symbols
    missing = rng.random(shape) < 0.3
    missing_as_nan = np.where(missing, NAN, 0.0)
    return Outlook(
        p_up=rng.integers(0, 11, shape) / 10 + missing_as_nan,
        median=rng.integers(-3, 4, shape) / 1000 + missing_as_nan,
        mean=rng.integers(-3, 4, shape) / 1000 + missing_as_nan,
        variance=rng.choice([0.0, 1e-4, 4e-4], shape) + missing_as_nan,
        position=rng.uniform(-1, 1, shape) + missing_as_nan,
        horizon=horizon,
    )


def stakes(rule: RuleName, given: Outlook, **settings: float) -> list[float]:
    """Stakes of a rule, row after row."""
    made: list[float] = RULES[rule](given, RuleSettings(**settings)).ravel().tolist()
    return made


def twin(p_up: FloatArray2D, horizon: int, below: float) -> list[list[float]]:
    """`sign` in plain Python: one portfolio per day, each kept for `horizon` days."""
    portfolios: list[list[float]] = []
    for row in p_up.tolist():
        n_forecasts = sum(p == p for p in row)  # noqa: PLR0124 - NaN is not equal to itself
        signals = [1.0 if p > 0.5 else below if p < 0.5 else 0.0 for p in row]
        portfolios.append([signal / n_forecasts if signal else 0.0 for signal in signals])
    kept = [portfolios[max(day - horizon + 1, 0) : day + 1] for day in range(len(portfolios))]
    return [[sum(weights) / horizon for weights in zip(*recent, strict=True)] for recent in kept]


@pytest.mark.parametrize(("rule", "below"), [("sign", -1.0), ("long-only", 0.0)])
def test_signal_is_the_side_of_one_half(rule: RuleName, below: float) -> None:
    """Long above 0.5, short or flat below, flat at 0.5 exactly."""
    made = stakes(rule, outlook(column(0.51, 0.5, 0.49, 1.0, 0.0)))
    assert made == [1.0, 0.0, below, 1.0, below]


def test_threshold_trades_what_is_sure_enough() -> None:
    """Long above it, short below one minus it, flat between and on it."""
    made = stakes("threshold", outlook(column(0.61, 0.59, 0.5, 0.41, 0.39)), threshold=0.6)
    assert made == [1.0, 0.0, 0.0, 0.0, -1.0]


def test_mean_variance_is_mertons_share() -> None:
    """Mean / (risk aversion * variance), bounded by one share; nothing without a variance."""
    given = outlook(
        np.full((5, 1), 0.6),
        mean=column(1e-4, -1e-4, 0, 1, 1),
        variance=column(1e-4, 1e-4, 1e-4, 1e-4, 0),
    )
    made = stakes("mean-variance", given, risk_aversion=4)
    assert made[:4] == pytest.approx([0.25, -0.25, 0, 1])
    assert np.isnan(made[4])


def test_volatility_target_divides_by_the_forecast_volatility() -> None:
    """Half the stake at twice the target, at most double money in calm; scaled from the horizon."""
    daily = (0.1 / 252**0.5) ** 2
    variance = column(4 * daily, daily, daily / 100, 0)
    given = outlook(column(0.6, 0.4, 0.6, 0.6), variance=variance)
    made = stakes("vol-target", given, target_volatility=0.1)
    assert made[:3] == pytest.approx([0.5, -1.0, 2.0])
    assert np.isnan(made[3])
    five = replace(given, horizon=5, variance=5 * variance)
    assert stakes("vol-target", five, target_volatility=0.1)[:2] == pytest.approx([0.5, -1.0])


def test_top_and_bottom_share_half_the_equity_each() -> None:
    """One in five on each side of ten: four positions of a quarter; NaN takes no part."""
    median = np.array([[3.0, 1, 4, 1.5, 9, 2, 6, 5, 3.5, 8, NAN]])
    given = outlook(np.where(np.isnan(median), NAN, 0.5), median=median)
    made = target_positions(given, "top-bottom", RuleSettings())
    assert made.tolist() == [[0, -0.25, 0, -0.25, 0.25, 0, 0, 0, 0, 0.25, 0]]


def test_top_and_bottom_without_a_difference_trade_nothing() -> None:
    """Ties on both sides, a single forecast, or none: flat. Without medians P(up) ranks."""
    same = np.array([[0.5, 0.5, 0.5], [0.5, NAN, NAN], [NAN, NAN, NAN]])
    assert stakes("top-bottom", outlook(same, median=same)) == [0.0] * 9
    made = stakes("top-bottom", outlook(np.array([[0.6, 0.5, 0.4]])))
    assert made == pytest.approx([1.5, 0, -1.5])  # of a third each


def test_position_is_the_forecasters_own() -> None:
    """What it says is held, whatever its P(up)."""
    given = outlook(column(0.1, 0.9, 0.9), position=column(0.3, -1.0, NAN))
    made = target_positions(given, "position", RuleSettings())
    assert made.ravel().tolist() == [0.3, -1.0, 0.0]


def test_no_forecast_is_no_position() -> None:
    """A day without a forecast adds nothing; its portfolio share stays in cash."""
    made = target_positions(outlook(column(0.9, NAN, 0.9)), "sign", RuleSettings())
    assert made.ravel().tolist() == [1.0, 0.0, 1.0]


def test_horizon_averages_the_last_days() -> None:
    """The position is the mean of the last h stakes; days before the first count as 0."""
    given = outlook(column(0.9, 0.9, 0.9, 0.1, 0.1, NAN), horizon=4)
    made = target_positions(given, "sign", RuleSettings())
    assert made.ravel().tolist() == [0.25, 0.5, 0.75, 0.5, 0.0, -0.25]


def test_equal_weight_among_the_forecast_symbols() -> None:
    """A weight is one over the number of symbols forecast that day, flat ones included."""
    p_up = np.array([[0.9, 0.1, 0.5, 0.9], [0.9, NAN, NAN, 0.1]])
    made = target_positions(outlook(p_up), "sign", RuleSettings())
    assert made.tolist() == [[0.25, -0.25, 0.0, 0.25], [0.5, 0.0, 0.0, -0.5]]


@pytest.mark.parametrize(("rule", "below"), [("sign", -1.0), ("long-only", 0.0)])
@pytest.mark.parametrize("horizon", [1, 2, 5, 60])
def test_equals_the_plain_definition(rule: RuleName, below: float, horizon: int) -> None:
    """Array code and the definition spelled out agree, gaps and a short history included."""
    for seed in range(20):
        given = random_outlook(seed, horizon=horizon)
        made = target_positions(given, rule, RuleSettings())
        np.testing.assert_allclose(made, twin(given.p_up, horizon, below), atol=1e-12)


@pytest.mark.parametrize("rule", UNIT_RULES)
@pytest.mark.parametrize("horizon", [1, 10])
def test_gross_exposure_is_at_most_one(rule: RuleName, horizon: int) -> None:
    """All rules but `vol-target` ask for no leverage, even where symbols change every day."""
    assert {*UNIT_RULES, "vol-target"} == set(RULES)
    for seed in range(20):
        made = target_positions(random_outlook(seed, horizon=horizon), rule, RuleSettings())
        assert 0 < np.abs(made).sum(axis=1).max() <= 1 + 1e-12


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("cut", [1, 7, 39])
def test_later_forecasts_change_no_earlier_position(rule: RuleName, cut: int) -> None:
    """Row t knows rows up to t: cutting the future off leaves it as it was."""
    given = random_outlook(1, horizon=5)
    names = ("p_up", "median", "mean", "variance", "position")
    past = replace(given, **{name: getattr(given, name)[:cut] for name in names})
    whole = target_positions(given, rule, RuleSettings())
    assert (target_positions(past, rule, RuleSettings()) == whole[:cut]).all()
    assert (buy_and_hold(past) == buy_and_hold(given)[:cut]).all()


def test_buy_and_hold_weighs_listed_symbols_equally() -> None:
    """1/n from a symbol's first forecast on; a gap does not sell it."""
    p_up = np.array([[NAN, NAN], [0.1, NAN], [0.9, 0.5], [NAN, 0.2], [NAN, NAN]])
    positions = buy_and_hold(outlook(p_up))
    assert positions.tolist() == [[0, 0], [1, 0], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (3, 0)])
def test_small_inputs(rule: RuleName, shape: tuple[int, int]) -> None:
    """No days, one day and no symbols keep their shape."""
    given = outlook(np.full(shape, 0.9), horizon=5)
    assert target_positions(given, rule, RuleSettings()).shape == shape
    assert buy_and_hold(given).shape == shape


def test_every_rule_can_be_asked_for() -> None:
    """The command line, the type and the table name the same rules."""
    assert [chosen.value for chosen in Strategy] == list(RULES) == list(get_args(RuleName))
    assert set(DEFAULT_RULES) <= set(RULES)
