"""Figures of an account against the same formulas in plain Python."""

import math
import statistics
from dataclasses import asdict
from itertools import pairwise

import ffn
import numpy as np
import pandas as pd
import pytest

from forecast_cli.trading.accounting import Account, Market, Terms, simulate
from forecast_cli.trading.performance import (
    Shape,
    TradingRow,
    break_even,
    deflated_sharpe,
    hit_rate,
    probabilistic_sharpe,
    summarize,
)


def account(equity: list[float], turnover: list[float] | None = None) -> Account:
    """An account with costs of 1 % of the turnover."""
    traded = np.array(turnover if turnover is not None else [0.0] * len(equity))
    return Account(
        equity=np.array(equity),
        cash=np.zeros(len(equity)),
        shares=np.zeros((len(equity), 1)),
        turnover=traded,
        costs=0.01 * traded,
        exposure=0.5 * traded,
    )


def twin(equity: list[float], turnover: list[float], periods: float) -> dict[str, float]:
    """The formulas of the docstrings, one number at a time."""
    returns = [after / before - 1 for before, after in pairwise(equity)]
    deviation = statistics.stdev(returns)
    ratio, mean = statistics.fmean(returns) / deviation, statistics.fmean(returns)
    spread = statistics.pstdev(returns)
    third, fourth = (
        statistics.fmean(((r - mean) / spread) ** power for r in returns) for power in (3, 4)
    )
    error = math.sqrt(1 - third * ratio + (fourth - 1) / 4 * ratio**2)
    return {
        "cagr": equity[-1] ** (periods / len(returns)) - 1,
        "volatility": deviation * math.sqrt(periods),
        "sharpe": statistics.fmean(returns) / deviation * math.sqrt(periods),
        "max_drawdown": max(1 - low / max(equity[: t + 1]) for t, low in enumerate(equity)),
        "turnover": statistics.fmean(turnover[1:]) * periods,
        "costs": statistics.fmean(turnover[1:]) * 0.01 * periods,
        "exposure": statistics.fmean(turnover[1:]) / 2,
        "hit_rate": sum(r > 0 for r in returns) / len(returns),
        "probabilistic_sharpe": statistics.NormalDist().cdf(
            ratio * math.sqrt(len(returns) - 1) / error
        ),
    }


@pytest.mark.parametrize("periods", [252, 52])
def test_equals_the_plain_formulas(periods: float) -> None:
    """Arrays and single numbers give the same figures on random accounts."""
    for seed in range(50):
        rng = np.random.default_rng(seed)
        steps = 1 + 0.02 * rng.standard_normal(int(rng.integers(2, 300)))
        equity = [1.0, *np.cumprod(steps).tolist()]
        turnover = [0.0, *rng.random(len(steps)).tolist()]
        row = asdict(summarize("x", account(equity, turnover), periods_per_year=periods))
        assert row.pop("strategy") == "x"
        assert row.pop("break_even_bps") is None
        assert row.pop("deflated_sharpe") is None
        assert row == pytest.approx(twin(equity, turnover, periods), rel=1e-9)


def test_the_more_was_tried_the_less_a_ratio_means() -> None:
    """After one trial deflated and probabilistic Sharpe ratio agree; nobody's choice has none."""
    equity = np.cumprod(1 + 0.01 * np.random.default_rng(0).standard_normal(500) + 0.0006).tolist()
    rows = [summarize("x", account(equity), n_trials=n) for n in (1, 10, 100)]
    deflated = [row.deflated_sharpe or 0.0 for row in rows]
    assert deflated[0] == rows[0].probabilistic_sharpe
    assert deflated[0] > deflated[1] > deflated[2] > 0
    assert summarize("x", account(equity)).deflated_sharpe is None


def test_a_year_of_known_figures() -> None:
    """253 days are 252 returns, one year: its CAGR is the return, its turnover the sum."""
    equity = np.linspace(1.0, 1.5, 253)
    equity[100] = equity[99] / 2
    row = summarize("x", account(equity.tolist(), [0.0] + [0.5] * 252))
    assert row.cagr == pytest.approx(0.5)
    assert row.max_drawdown == pytest.approx(0.5)
    assert row.turnover == pytest.approx(126)
    assert row.costs == pytest.approx(1.26)


@pytest.mark.parametrize("equity", [[], [1.0]])
def test_fewer_than_two_days_define_nothing(equity: list[float]) -> None:
    """Without a return every figure is None."""
    assert summarize("x", account(equity)) == TradingRow(
        strategy="x",
        cagr=None,
        volatility=None,
        sharpe=None,
        max_drawdown=None,
        turnover=None,
        costs=None,
        exposure=None,
        hit_rate=None,
        probabilistic_sharpe=None,
        break_even_bps=None,
    )


def test_one_return_has_no_volatility() -> None:
    """Two days define growth and drawdown, but no spread."""
    row = summarize("x", account([1.0, 0.9]))
    assert (row.volatility, row.sharpe) == (None, None)
    assert row.cagr == pytest.approx(0.9**252 - 1)
    assert row.max_drawdown == pytest.approx(0.1)


@pytest.mark.parametrize("growth", [1.0, 1.001])
def test_no_volatility_no_sharpe_ratio(growth: float) -> None:
    """Equal returns have no Sharpe ratio, also where rounding makes them differ."""
    row = summarize("x", account([growth**day for day in range(50)]))
    assert row.sharpe is None
    assert row.volatility == pytest.approx(0.0, abs=1e-12)
    assert row.max_drawdown == 0.0


def test_ruin_is_a_loss_of_everything() -> None:
    """After ruin there is nothing to lose: every figure stays finite."""
    row = summarize("x", account([1.0, 1.2, 0.0, 0.0, 0.0]))
    assert (row.cagr, row.max_drawdown) == (-1.0, 1.0)
    assert row.volatility == pytest.approx(statistics.stdev([0.2, -1, 0, 0]) * math.sqrt(252))
    assert row.sharpe is not None
    assert row.sharpe < 0


def test_growth_beyond_all_floats_is_infinite() -> None:
    """A hundredfold gain in one day, compounded over a year, does not fit a float."""
    assert summarize("x", account([1.0, 100.0])).cagr == math.inf


def test_ratios_equal_those_of_a_library() -> None:
    """Sharpe ratio and drawdown as ffn has them, growth and volatility as pandas, to 1e-9."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        returns = 0.01 * rng.standard_t(4, 500) + 0.0003
        equity = pd.Series(np.cumprod(np.append(1.0, 1 + returns)))
        daily = pd.Series(returns)
        row = summarize("x", account(equity.tolist()))
        assert row.cagr == pytest.approx(np.prod(1 + returns) ** (252 / 500) - 1, rel=1e-9)
        assert row.volatility == pytest.approx(daily.std() * 252**0.5, rel=1e-9)
        assert row.sharpe == pytest.approx(ffn.calc_sharpe(daily, nperiods=252), rel=1e-9)
        assert row.max_drawdown == pytest.approx(-ffn.calc_max_drawdown(equity), rel=1e-9)


@pytest.mark.parametrize(
    ("skew", "kurtosis", "published"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)]
)
def test_probabilistic_sharpe_is_the_papers(skew: float, kurtosis: float, published: float) -> None:
    """Bailey and Lopez de Prado 2012: two years of months, 0.458 a month, normal law or not."""
    of = Shape(n_returns=24, skew=skew, kurtosis=kurtosis)
    assert probabilistic_sharpe(0.458, of) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize(
    ("n_trials", "skew", "kurtosis", "published"),
    [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
)
def test_deflated_sharpe_is_the_papers(
    n_trials: int, skew: float, kurtosis: float, published: float
) -> None:
    """Bailey and Lopez de Prado 2014: 2.5 a year over five years, trials vary by 1/2 a year."""
    of = Shape(n_returns=1250, skew=skew, kurtosis=kurtosis)
    found = deflated_sharpe(
        2.5 / math.sqrt(250), of, n_trials=n_trials, variance_of_trials=0.5 / 250
    )
    assert found == pytest.approx(published, abs=5e-5)


def test_one_trial_deflates_nothing() -> None:
    """A single trial is the probabilistic ratio; where its root is negative there is none."""
    of = Shape(n_returns=100, skew=0.5, kurtosis=4.0)
    assert deflated_sharpe(0.1, of, n_trials=1, variance_of_trials=1.0) == probabilistic_sharpe(
        0.1, of
    )
    assert probabilistic_sharpe(2.0, Shape(n_returns=100, skew=3.0, kurtosis=1.5)) is None


def test_hits_are_gains_among_days_that_moved() -> None:
    """Days without a position count neither way."""
    assert hit_rate(np.array([0.0, 0.1, 0.2, -0.1, 0.0])) == pytest.approx(2 / 3)
    assert hit_rate(np.zeros(3)) is None


def market(seed: int, *, drift: float) -> Market:
    """A year of two symbols."""
    rng = np.random.default_rng(seed)
    closes = np.exp(np.cumsum(drift + 0.01 * rng.standard_normal((252, 2)), axis=0))
    return Market(days=np.datetime64("2020-01-01") + np.arange(252), opens=closes, closes=closes)


def test_break_even_is_where_nothing_is_left() -> None:
    """At that cost the account ends as it began, to 1e-9; interest and limits stay as they are."""
    rng = np.random.default_rng(1)
    terms = Terms(half_spread_bps=3, borrow_rate=0.02, max_turnover=0.8)
    for seed in range(5):
        rising = market(seed, drift=0.004)
        positions = np.where(rng.random((252, 2)) < 0.7, 0.5, 0.0)
        bps = break_even(positions, rising, terms)
        assert bps is not None
        assert bps > 1
        end = simulate(positions, rising, terms.at(bps)).equity[-1]
        assert end == pytest.approx(1.0, abs=1e-9)


def test_break_even_of_a_single_purchase_in_closed_form() -> None:
    """Bought once and held, the gain is gone when the cost of the purchase equals it."""
    held = market(3, drift=0.001)
    gain = float((held.closes[-1] / held.closes[1]).mean()) - 1
    bps = break_even(np.full((252, 2), 0.5), held, Terms())
    assert bps == pytest.approx(gain * 1e4, rel=1e-9)


def test_break_even_at_the_edges() -> None:
    """None without a trade and where no cost is enough; 0 for what loses even for free."""
    rising, full = market(0, drift=0.01), np.full((252, 2), 0.5)
    assert break_even(0 * full, rising, Terms()) is None
    assert break_even(full / 10, rising, Terms()) is None
    assert break_even(full, market(0, drift=-0.01), Terms()) == 0.0
    # a purchase that costs what it is worth leaves nothing
    assert break_even(full, rising, Terms()) == pytest.approx(10_000, rel=0.03)
