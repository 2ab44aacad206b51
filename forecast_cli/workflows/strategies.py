"""What following the forecasts would have earned, beside holding the symbols."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D, FloatArray2D
from forecast_cli.data.bars import Bars
from forecast_cli.evaluation.scores import SIGNIFICANCE
from forecast_cli.evaluation.significance import diebold_mariano
from forecast_cli.forecasts import Forecasts
from forecast_cli.trading.accounting import Account, simulate
from forecast_cli.trading.performance import TradingRow, summarize
from forecast_cli.trading.positions import buy_and_hold, overlapping_portfolios, target_positions


@dataclass(frozen=True, kw_only=True, eq=False)
class StrategyRun:
    """One strategy's account. days: shape (n_days,), the closes at which equity is marked."""

    performance: TradingRow
    days: DateArray1D
    account: Account


def run_strategies(
    model: str, forecasts: Forecasts, series: Sequence[Bars], cost_bps: float
) -> list[StrategyRun]:
    """Trade the shortest horizon, and hold the symbols as a yardstick.

    A forecaster that decides itself has its positions traded; of all others it is P(up), long and
    short and long only.

    The days run from the first cutoff to the bar after the last one; equity is shared equally
    among the symbols that have a forecast.
    """
    days = _trading_days(forecasts, series)
    opens, closes = _prices(series, days)
    runs = []
    for strategy, positions in _plans(model, forecasts, days, series).items():
        account = simulate(positions, opens=opens, closes=closes, cost_bps=cost_bps)
        performance = summarize(strategy, account)
        runs.append(StrategyRun(performance=performance, days=days, account=account))
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


def _plans(
    model: str, forecasts: Forecasts, days: DateArray1D, series: Sequence[Bars]
) -> dict[str, FloatArray2D]:
    """Target positions by strategy, each of shape (n_days, n_symbols)."""
    symbols = [bars.symbol for bars in series]
    p_up = _by_day(forecasts, forecasts.p_up, days, symbols)
    horizon = forecasts.horizons[0]
    held = {"buy and hold": buy_and_hold(p_up)}
    if forecasts.position is not None:
        stakes = _by_day(forecasts, forecasts.position, days, symbols)
        return {f"{model} position": overlapping_portfolios(stakes, horizon=horizon), **held}
    return {
        f"{model} long/short": target_positions(p_up, horizon=horizon, rule="long_short"),
        f"{model} long/flat": target_positions(p_up, horizon=horizon, rule="long_flat"),
        **held,
    }


def _trading_days(forecasts: Forecasts, series: Sequence[Bars]) -> DateArray1D:
    days = np.unique(np.concatenate([bars.timestamp for bars in series]))
    first = np.searchsorted(days, forecasts.cutoffs.min())
    last = np.searchsorted(days, forecasts.cutoffs.max())
    chosen: DateArray1D = days[first : last + 2]
    return chosen


def _by_day(
    forecasts: Forecasts, values: FloatArray2D, days: DateArray1D, symbols: Sequence[str]
) -> FloatArray2D:
    """Values of the shortest horizon, shape (n_days, n_symbols); NaN where there are none."""
    columns = {symbol: column for column, symbol in enumerate(symbols)}
    table = np.full((len(days), len(symbols)), np.nan)
    column = np.array([columns[symbol] for symbol in forecasts.symbols.tolist()])
    table[np.searchsorted(days, forecasts.cutoffs), column] = values[:, 0]
    return table


def _prices(series: Sequence[Bars], days: DateArray1D) -> tuple[FloatArray2D, FloatArray2D]:
    """Adjusted opens and closes, shape (n_days, n_symbols); NaN where a symbol has no bar."""
    opens = np.full((len(days), len(series)), np.nan)
    closes = np.full((len(days), len(series)), np.nan)
    for column, bars in enumerate(series):
        here = (bars.timestamp >= days[0]) & (bars.timestamp <= days[-1])
        rows = np.searchsorted(days, bars.timestamp[here])
        adjustment: FloatArray1D = bars.adj_close / bars.close
        opens[rows, column] = (bars.open * adjustment)[here]
        closes[rows, column] = bars.adj_close[here]
    return opens, closes
