"""What following the forecasts would have earned, beside holding the symbols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D, FloatArray2D
from forecast_cli.data.bars import Bars
from forecast_cli.errors import UsageError
from forecast_cli.evaluation.scores import SIGNIFICANCE
from forecast_cli.evaluation.significance import diebold_mariano
from forecast_cli.forecasts import Forecasts, moments
from forecast_cli.trading.accounting import Account, Market, Terms, profits, simulate
from forecast_cli.trading.performance import TradingRow, break_even, summarize
from forecast_cli.trading.positions import (
    DEFAULT_RULES,
    Outlook,
    RuleName,
    RuleSettings,
    buy_and_hold,
    target_positions,
)

BUY_AND_HOLD: Final = "buy and hold"


@dataclass(frozen=True, kw_only=True)
class TradingPlan:
    """How to trade the forecasts.

    rules: by which to choose positions; None for what the model itself would hold where it says so,
    else the sign of the forecast, long and short and long only.
    """

    rules: tuple[RuleName, ...] | None = None
    settings: RuleSettings = field(default_factory=RuleSettings)
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, kw_only=True, eq=False)
class StrategyRun:
    """One strategy's account.

    days: shape (n_days,), the closes at which equity is marked. by_symbol: profit over all days
    after the symbol's own costs, in multiples of the money at the start.
    """

    performance: TradingRow
    days: DateArray1D
    account: Account
    by_symbol: Mapping[str, float]


def check_trading(plan: TradingPlan, symbols: Sequence[str]) -> None:
    """Raise UsageError for a rule that these symbols cannot be traded by, before any work."""
    if "top-bottom" in (plan.rules or ()) and len(symbols) < 2:  # noqa: PLR2004 - a top and a bottom
        raise UsageError(
            f"the strategy top-bottom compares symbols, and there is only {symbols[0]}",
            fix="name more symbols, or leave it out",
        )


def run_strategies(
    model: str,
    forecasts: Forecasts,
    series: Sequence[Bars],
    plan: TradingPlan,
    *,
    n_trials: int = 1,
) -> list[StrategyRun]:
    """Trade the shortest horizon's forecasts by each rule, and hold as a yardstick, last.

    n_trials: models tried on these symbols; each rule is one more thing to choose from. Raises
    UsageError for the rule `position` where the model says none.
    """
    market, targets = target_table(model, forecasts, series, plan)
    n_chosen_from = n_trials * (len(targets) - 1)
    runs = []
    for strategy, positions in targets.items():
        account = simulate(positions, market, plan.terms)
        margin = break_even(positions, market, plan.terms)
        earned = profits(account, market, plan.terms).sum(axis=0)
        runs.append(
            StrategyRun(
                performance=summarize(
                    strategy,
                    account,
                    break_even_bps=margin,
                    n_trials=None if strategy == BUY_AND_HOLD else n_chosen_from,
                ),
                days=market.days,
                account=account,
                by_symbol={b.symbol: float(of) for b, of in zip(series, earned, strict=True)},
            )
        )
    return runs


def earnings_verdict(run: StrategyRun, cost_bps: float) -> str:
    """Whether a strategy earned more than nothing after costs, in a sentence.

    p: two-sided, of a mean daily return of zero, with the long-run variance of Newey and West.
    """
    sharpe = run.performance.sharpe
    if sharpe is None:
        return f"{run.performance.strategy}: no edge found, no position was taken."
    before = run.account.equity[:-1]
    daily = np.diff(run.account.equity) / np.where(before > 0, before, 1.0)
    p = diebold_mariano(-daily, np.zeros(len(daily)), run.days[1:], horizon=1).p
    found = "edge found" if p < SIGNIFICANCE and sharpe > 0 else "no edge found"
    return (
        f"{run.performance.strategy}: {found}, Sharpe ratio {sharpe:.2f} a year after costs of"
        f" {cost_bps:g} basis points a trade (p {p:.3f})."
    )


def target_table(
    model: str, forecasts: Forecasts, series: Sequence[Bars], plan: TradingPlan
) -> tuple[Market, dict[str, FloatArray2D]]:
    """The market, and the positions of each strategy, shape (n_days, n_symbols).

    The days run from the first cutoff to the bar after the last one; equity is shared equally
    among the symbols that have a forecast.
    """
    market = _market(forecasts, series)
    outlook = _outlook(forecasts, market.days, [bars.symbol for bars in series])
    targets = {
        f"{model} {rule}": target_positions(outlook, rule, plan.settings)
        for rule in _rules(model, forecasts, plan)
    }
    return market, targets | {BUY_AND_HOLD: buy_and_hold(outlook)}


def _rules(model: str, forecasts: Forecasts, plan: TradingPlan) -> tuple[RuleName, ...]:
    """The rules asked for, or the default ones."""
    decides = forecasts.position is not None
    if plan.rules is None:
        return ("position",) if decides else DEFAULT_RULES
    if "position" in plan.rules and not decides:
        raise UsageError(
            f"{model} forecasts returns and says no positions, as the strategy position needs",
            fix="choose another strategy",
        )
    return plan.rules


def _market(forecasts: Forecasts, series: Sequence[Bars]) -> Market:
    """Adjusted prices from the first cutoff to the bar after the last one."""
    every = np.unique(np.concatenate([bars.timestamp for bars in series]))
    first = np.searchsorted(every, forecasts.cutoffs.min())
    last = np.searchsorted(every, forecasts.cutoffs.max())
    return market_of_days(every[first : last + 2], series)


def market_of_days(days: DateArray1D, series: Sequence[Bars]) -> Market:
    """Adjusted prices on some days; NaN where a symbol has no bar."""
    opens = np.full((len(days), len(series)), np.nan)
    closes = np.full((len(days), len(series)), np.nan)
    for column, bars in enumerate(series):
        here = (bars.timestamp >= days[0]) & (bars.timestamp <= days[-1])
        rows = np.searchsorted(days, bars.timestamp[here])
        adjustment: FloatArray1D = bars.adj_close / bars.close
        opens[rows, column] = (bars.open * adjustment)[here]
        closes[rows, column] = bars.adj_close[here]
    return Market(days=days, opens=opens, closes=closes)


def _outlook(forecasts: Forecasts, days: DateArray1D, symbols: Sequence[str]) -> Outlook:
    """The shortest horizon's forecasts by day and symbol."""
    columns = {symbol: column for column, symbol in enumerate(symbols)}
    column = np.array([columns[symbol] for symbol in forecasts.symbols.tolist()])
    row = np.searchsorted(days, forecasts.cutoffs)

    def table(values: FloatArray1D) -> FloatArray2D:
        by_day = np.full((len(days), len(symbols)), np.nan)
        by_day[row, column] = values
        return by_day

    mean, variance = moments(forecasts.quantiles[:, 0])
    unknown = np.full(len(forecasts), np.nan)
    return Outlook(
        p_up=table(forecasts.p_up[:, 0]),
        median=table(forecasts.point[:, 0]),
        mean=table(mean),
        variance=table(variance),
        position=table(unknown if forecasts.position is None else forecasts.position[:, 0]),
        horizon=forecasts.horizons[0],
    )
