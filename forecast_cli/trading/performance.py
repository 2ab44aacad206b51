"""Figures that sum up an account: growth, risk, and what trading took."""

from dataclasses import dataclass

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.trading.accounting import Account

# Deviation of equal returns that differ by rounding only, in units of a daily return.
ZERO_VOLATILITY = 1e-12


@dataclass(frozen=True, kw_only=True)
class TradingRow:
    """One strategy in the table of a backtest. Fractions, not percent; None where undefined."""

    strategy: str
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    max_drawdown: float | None
    turnover: float | None
    """Bought plus sold per year, in multiples of equity."""
    costs: float | None
    """Paid per year, as a fraction of equity."""


def summarize(strategy: str, account: Account, *, periods_per_year: float = 252) -> TradingRow:
    """The figures of an account.

    The first day is the start and no trading day, so n days give n - 1 returns, turnovers and
    costs. Fewer than two days leave every figure undefined.

    Args:
        strategy: name of the row.
        account: from `accounting.simulate`.
        periods_per_year: bars in a year; 252 for daily bars of an exchange.
    """
    returns = _returns(account.equity)
    return TradingRow(
        strategy=strategy,
        cagr=cagr(account.equity, periods_per_year),
        volatility=volatility(returns, periods_per_year),
        sharpe=sharpe(returns, periods_per_year),
        max_drawdown=max_drawdown(account.equity),
        turnover=_per_year(account.turnover[1:], periods_per_year),
        costs=_per_year(account.costs[1:], periods_per_year),
    )


def cagr(equity: FloatArray1D, periods_per_year: float) -> float | None:
    """Compound annual growth rate: (equity[-1] / equity[0]) ** (1 / years) - 1.

    With years = (n_days - 1) / periods_per_year; -1 after ruin; None for fewer than two days.

    Args:
        equity: shape (n_days,), starting above 0.
        periods_per_year: bars in a year.
    """
    n_returns = len(equity) - 1
    if n_returns < 1:
        return None
    # a large gain in a few days may compound beyond the largest float: inf, not a warning
    with np.errstate(over="ignore"):
        growth = np.float64(equity[-1] / equity[0]) ** (periods_per_year / n_returns)
    return float(growth) - 1.0


def volatility(returns: FloatArray1D, periods_per_year: float) -> float | None:
    """Annualised standard deviation: std(returns, ddof=1) * sqrt(periods_per_year).

    The square root holds for returns without serial correlation (Lo 2002).

    Args:
        returns: simple returns per bar, shape (n_returns,); None for fewer than two.
        periods_per_year: bars in a year.
    """
    if len(returns) <= 1:
        return None
    return float(np.std(returns, ddof=1) * np.sqrt(periods_per_year))


def sharpe(returns: FloatArray1D, periods_per_year: float) -> float | None:
    """Annualised Sharpe ratio: mean(returns) / std(returns, ddof=1) * sqrt(periods_per_year).

    Sharpe 1994, equations 3 to 6, with a risk-free rate of zero, as `accounting` pays none on
    cash. None for fewer than two returns and where the volatility is zero.

    Args:
        returns: simple returns per bar, shape (n_returns,).
        periods_per_year: bars in a year.
    """
    deviation = volatility(returns, 1.0)
    if deviation is None or deviation < ZERO_VOLATILITY:
        return None
    return float(np.mean(returns)) / deviation * float(np.sqrt(periods_per_year))


def max_drawdown(equity: FloatArray1D) -> float | None:
    """Largest loss from an earlier peak: max over t of 1 - equity[t] / max(equity[: t + 1]).

    Measured at closes, from 0 (never below an earlier close) to 1 (ruin).

    Args:
        equity: shape (n_days,), starting above 0; None for fewer than two days.
    """
    if len(equity) <= 1:
        return None
    return float(np.max(1.0 - equity / np.maximum.accumulate(equity)))


def _returns(equity: FloatArray1D) -> FloatArray1D:
    """Simple returns per bar, shape (max(n_days - 1, 0),); 0 after ruin, with nothing to lose."""
    before = equity[:-1]
    return np.diff(equity) / np.where(before > 0, before, 1.0)


def _per_year(fractions: FloatArray1D, periods_per_year: float) -> float | None:
    """Mean per bar times bars per year."""
    return float(np.mean(fractions)) * periods_per_year if len(fractions) else None
