"""Figures of an account against the same formulas in plain Python."""

import math
import statistics
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest

from forecast_cli.trading.accounting import Account
from forecast_cli.trading.performance import TradingRow, summarize


def account(equity: list[float], turnover: list[float] | None = None) -> Account:
    """An account with costs of 1 % of the turnover."""
    traded = np.array(turnover if turnover is not None else [0.0] * len(equity))
    return Account(equity=np.array(equity), turnover=traded, costs=0.01 * traded)


def twin(equity: list[float], turnover: list[float], periods: float) -> dict[str, float]:
    """The formulas of the docstrings, one number at a time."""
    returns = [after / before - 1 for before, after in pairwise(equity)]
    deviation = statistics.stdev(returns)
    return {
        "cagr": equity[-1] ** (periods / len(returns)) - 1,
        "volatility": deviation * math.sqrt(periods),
        "sharpe": statistics.fmean(returns) / deviation * math.sqrt(periods),
        "max_drawdown": max(1 - low / max(equity[: t + 1]) for t, low in enumerate(equity)),
        "turnover": statistics.fmean(turnover[1:]) * periods,
        "costs": statistics.fmean(turnover[1:]) * 0.01 * periods,
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
        assert row == pytest.approx(twin(equity, turnover, periods), rel=1e-9)


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
