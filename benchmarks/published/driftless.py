"""Networks on markets without an edge: 100 driftless random walks, each trained, tested and traded.

A rule that earns something here looks ahead. Run: python -m benchmarks.published.driftless
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.data.store import BarStore
from forecast_cli.evaluation.folds import FoldPlan
from forecast_cli.evaluation.scores import SIGNIFICANCE, Score
from forecast_cli.trading.accounting import Terms, simulate
from forecast_cli.workflows.backtest import backtest
from forecast_cli.workflows.backtest_result import BacktestResult
from forecast_cli.workflows.strategies import TradingPlan, target_table

N_WALKS: Final = 100
N_BARS: Final = 900
N_SYMBOLS: Final = 2
COST_BPS: Final = 10.0
PLAN: Final = TradingPlan(
    rules=("sign", "long-only", "threshold", "mean-variance", "vol-target", "top-bottom")
)


def main() -> None:
    """Print a JSON line, then a table."""
    gains: dict[str, list[tuple[float, float, float]]] = {}
    n_claims = 0
    for seed in range(N_WALKS):
        series = [walk(f"W{symbol}", N_SYMBOLS * seed + symbol) for symbol in range(N_SYMBOLS)]
        result = tested(series)
        n_claims += any(claimed(score) for score in result.model_scores)
        for name, gain in traded(result, series).items():
            gains.setdefault(name, []).append(gain)
    rows = [row(name, np.array(of)) for name, of in gains.items()]
    told = {"walks": N_WALKS, "edges_claimed": n_claims, "rows": rows}
    sys.stdout.write(json.dumps(told) + "\n")
    for each in rows:
        sys.stdout.write(
            f"  {each['strategy']:<24} free: {each['free_bps']:>7.3f} bp a day, t {each['t']:>6.2f}"
            f"   at 10 bp a trade: lost {each['lost_bps']:>7.3f}, costs {each['costs_bps']:>7.3f}\n"
        )
    sys.stdout.write(f"  an edge was claimed on {n_claims} of {N_WALKS} walks\n")


def walk(symbol: str, seed: int) -> Bars:
    """A price whose every step, overnight too, is fair: simple returns of mean 0."""
    rng = np.random.default_rng(seed)
    steps = 1 + 0.01 * rng.standard_t(5, (N_BARS, 2)) * np.sqrt([0.15, 0.45])
    prices: FloatArray1D = 100 * np.multiply.accumulate(steps.ravel())
    opens, closes = prices[0::2], prices[1::2]
    above, below = np.exp(0.004 * rng.exponential(1.0, (2, N_BARS)))
    return Bars(
        symbol=symbol,
        interval="1d",
        price_basis="adjusted",
        timestamp=np.busday_offset("2001-01-01", np.arange(N_BARS), roll="forward"),
        open=opens,
        high=np.maximum(opens, closes) * above,
        low=np.minimum(opens, closes) / below,
        close=closes,
        adj_close=closes,
        volume=np.full(N_BARS, 1e6),
        dividends=np.zeros(N_BARS),
        splits=np.zeros(N_BARS),
    )


def tested(series: list[Bars]) -> BacktestResult:
    """One fold of a linear network, trained on the first half."""
    with tempfile.TemporaryDirectory() as folder:
        store = BarStore(Path(folder))
        for bars in series:
            store.write(bars)
        return backtest([], model="linear", home=Path(folder), plan=FoldPlan(folds=1))


def claimed(score: Score) -> bool:
    """Whether the verdict is that the model beats the best naive row."""
    better = score.skill_crps is not None and score.skill_crps > 0
    return better and score.dm_p is not None and score.dm_p < SIGNIFICANCE


def traded(result: BacktestResult, series: list[Bars]) -> Mapping[str, tuple[float, float, float]]:
    """Mean gain a day without costs, what costs took of it, and what they were, per strategy."""
    made = result.forecasts[result.model]
    market, targets = target_table(result.model, made, series, PLAN)
    gains = {}
    for name, positions in targets.items():
        free, paid = (simulate(positions, market, Terms(cost_bps=bps)) for bps in (0.0, COST_BPS))
        before, after = (float(daily(account.equity).mean()) for account in (free, paid))
        gains[name] = (before, before - after, float(paid.costs[1:].mean()))
    return gains


def daily(equity: FloatArray1D) -> FloatArray1D:
    """Simple returns, shape (n_days - 1,)."""
    return np.diff(equity) / equity[:-1]


def row(name: str, gains: FloatArray1D) -> dict[str, str | float]:
    """Means over all walks in basis points a day; t: of the gain without costs."""
    free = gains[:, 0]
    return {
        "strategy": name,
        "free_bps": float(free.mean()) * 1e4,
        "t": float(free.mean() / free.std(ddof=1) * np.sqrt(len(free))),
        "lost_bps": float(gains[:, 1].mean()) * 1e4,
        "costs_bps": float(gains[:, 2].mean()) * 1e4,
    }


if __name__ == "__main__":
    main()
