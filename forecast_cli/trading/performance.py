"""Figures that sum up an account: growth, risk, what trading took, and how sure all that is."""

from dataclasses import dataclass
from math import e
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.trading.accounting import BPS, Account, Market, Terms, simulate

# Deviation of equal returns that differ by rounding only, in units of a daily return.
ZERO_VOLATILITY: Final = 1e-12

_ALL_OF_IT: Final = 1 / BPS
"""A trade that costs all the money it moves, in basis points."""
_BREAK_EVEN_DIGITS: Final = 1e-9


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
    exposure: float | None
    """Mean of the money in long plus in short positions, in multiples of equity."""
    hit_rate: float | None
    """Days with a gain, of the days with a gain or a loss."""
    probabilistic_sharpe: float | None
    """Probability that the true Sharpe ratio is above 0."""
    break_even_bps: float | None
    """What a trade may cost until nothing is earned."""
    deflated_sharpe: float | None = None
    """The same probability, given that this is the best of many trials; None for a yardstick."""


def summarize(
    strategy: str,
    account: Account,
    *,
    break_even_bps: float | None = None,
    n_trials: int | None = None,
    periods_per_year: float = 252,
) -> TradingRow:
    """The figures of an account.

    The first day is the start and no trading day, so n days give n - 1 returns, turnovers and
    costs. Fewer than two days leave every figure undefined.

    Args:
        strategy: name of the row.
        account: from `accounting.simulate`.
        break_even_bps: from `break_even`.
        n_trials: how many were tried before this one was looked at; None for one that nobody chose.
        periods_per_year: bars in a year; 252 for daily bars of an exchange.
    """
    returns = returns_of(account.equity)
    ratio = sharpe(returns, 1.0)
    return TradingRow(
        strategy=strategy,
        cagr=cagr(account.equity, periods_per_year),
        volatility=volatility(returns, periods_per_year),
        sharpe=sharpe(returns, periods_per_year),
        max_drawdown=max_drawdown(account.equity),
        turnover=_per_year(account.turnover[1:], periods_per_year),
        costs=_per_year(account.costs[1:], periods_per_year),
        exposure=_per_year(account.exposure[1:], 1.0),
        hit_rate=hit_rate(returns),
        probabilistic_sharpe=None if ratio is None else probabilistic_sharpe(ratio, shape(returns)),
        break_even_bps=break_even_bps,
        deflated_sharpe=_deflated(ratio, returns, n_trials),
    )


def _deflated(ratio: float | None, returns: FloatArray1D, n_trials: int | None) -> float | None:
    """Trials without any edge have Sharpe ratios of variance 1 / n_returns (Lo 2002)."""
    if ratio is None or n_trials is None:
        return None
    return deflated_sharpe(
        ratio, shape(returns), n_trials=n_trials, variance_of_trials=1 / len(returns)
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


def hit_rate(returns: FloatArray1D) -> float | None:
    """Share of gains among gains and losses; None without either. returns: shape (n_returns,)."""
    moved = np.count_nonzero(returns)
    return float(np.count_nonzero(returns > 0) / moved) if moved else None


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Of returns per bar: how many, and how unlike a normal law, which has skew 0, kurtosis 3."""

    n_returns: int
    skew: float
    kurtosis: float


def shape(returns: FloatArray1D) -> Shape:
    """Third and fourth standardised moments; returns: shape (n_returns,), not all the same."""
    standardised = (returns - returns.mean()) / returns.std()
    return Shape(
        n_returns=len(returns),
        skew=float(np.mean(standardised**3)),
        kurtosis=float(np.mean(standardised**4)),
    )


def probabilistic_sharpe(sharpe: float, of: Shape, *, benchmark: float = 0.0) -> float | None:
    """Probability that the true Sharpe ratio exceeds a benchmark.

        Phi((sharpe - benchmark) * sqrt(n_returns - 1)
            / sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe ** 2))

    Bailey and Lopez de Prado 2012. None where the root is not defined.

    Args:
        sharpe: observed, per bar, not annualised.
        of: the returns it was observed on, at least 2.
        benchmark: what is to be exceeded, per bar.
    """
    spread = 1 - of.skew * sharpe + (of.kurtosis - 1) / 4 * sharpe**2
    if spread <= 0:
        return None
    return float(ndtr((sharpe - benchmark) * np.sqrt((of.n_returns - 1) / spread)))


def deflated_sharpe(
    sharpe: float, of: Shape, *, n_trials: int, variance_of_trials: float
) -> float | None:
    """Probability that the best of several trials has a true Sharpe ratio above 0.

    The benchmark of `probabilistic_sharpe` becomes what the best of `n_trials` strategies without
    any edge is expected to show,

        sqrt(variance_of_trials) * ((1 - g) * Phi^-1(1 - 1 / n_trials)
                                    + g * Phi^-1(1 - 1 / (n_trials * e)))

    with g the Euler-Mascheroni constant (Bailey and Lopez de Prado 2014).

    Args:
        sharpe: of the best trial, per bar, not annualised.
        of: the returns it was observed on.
        n_trials: independent trials made; 1 deflates nothing.
        variance_of_trials: of the Sharpe ratios of all trials, per bar.
    """
    expected = 0.0
    if n_trials > 1:
        first, second = ndtri(1 - 1 / n_trials), ndtri(1 - 1 / (n_trials * e))
        best = (1 - np.euler_gamma) * first + np.euler_gamma * second
        expected = float(np.sqrt(variance_of_trials) * best)
    return probabilistic_sharpe(sharpe, of, benchmark=expected)


def break_even(positions: FloatArray2D, market: Market, terms: Terms) -> float | None:
    """The cost of a trade, in basis points, at which the account ends with what it started with.

    Cash earns nothing, so that is where the edge over cash is gone. Interest stays as in the terms.
    Found by Brent's method on the account itself, to 1e-9; where the account jumps, as into ruin,
    the cost at which it does. 0 where nothing is earned even for free; None without a trade, and
    where no cost below the money traded takes the edge away.
    """
    free = simulate(positions, market, terms.at(0.0))
    if not free.turnover.any():
        return None
    if free.equity[-1] <= 1:
        return 0.0

    def gain(trade_bps: float) -> float:
        return float(simulate(positions, market, terms.at(trade_bps)).equity[-1]) - 1

    above = float(np.log(free.equity[-1]) / free.turnover.sum()) / BPS
    while gain(min(above, _ALL_OF_IT)) > 0:
        if above >= _ALL_OF_IT:
            return None
        above *= 2
    return float(brentq(gain, 0.0, min(above, _ALL_OF_IT), xtol=_BREAK_EVEN_DIGITS))


def max_drawdown(equity: FloatArray1D) -> float | None:
    """Largest loss from an earlier peak: max over t of 1 - equity[t] / max(equity[: t + 1]).

    Measured at closes, from 0 (never below an earlier close) to 1 (ruin).

    Args:
        equity: shape (n_days,), starting above 0; None for fewer than two days.
    """
    if len(equity) <= 1:
        return None
    return float(np.max(1.0 - equity / np.maximum.accumulate(equity)))


def returns_of(equity: FloatArray1D) -> FloatArray1D:
    """Simple returns per bar, shape (max(n_days - 1, 0),); 0 after ruin, with nothing to lose."""
    before = equity[:-1]
    return np.diff(equity) / np.where(before > 0, before, 1.0)


def _per_year(fractions: FloatArray1D, periods_per_year: float) -> float | None:
    """Mean per bar times bars per year."""
    return float(np.mean(fractions)) * periods_per_year if len(fractions) else None
