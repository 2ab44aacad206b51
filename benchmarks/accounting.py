"""Portfolio accounting of 500 symbols over 5,000 days, beside a plain loop over days in pandas.

Ours also checks prices, holds back nothing for costs, and keeps cash and shares of every day.
Run: python -m benchmarks.accounting
"""

import resource
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.measuring import Measurement, report
from forecast_cli.arrays import FloatArray2D
from forecast_cli.trading.accounting import Market, Terms, simulate

N_DAYS: Final = 5_000
N_SYMBOLS: Final = 500
_REPEATS: Final = 5
_COST_BPS: Final = 5.0


def accounting() -> None:
    """Long and short by a sign that changes on half the days, at the next open with costs."""
    rng = np.random.default_rng(0)
    path = 100 * np.multiply.accumulate(1 + 0.01 * rng.uniform(-1, 1, (2 * N_DAYS, N_SYMBOLS)))
    opens, closes = path[0::2].copy(), path[1::2].copy()
    positions = np.sign(rng.standard_normal((N_DAYS, N_SYMBOLS))) / N_SYMBOLS
    jobs = {
        "simulate": lambda: ours(positions, opens, closes),
        "script: a loop over days in pandas": lambda: script(positions, opens, closes),
    }
    left, right = ours(positions, opens, closes), script(positions, opens, closes)
    assert abs(left / right - 1) < 1e-9, (left, right)  # noqa: PLR2004 - one account
    report(f"accounting, {N_SYMBOLS} symbols x {N_DAYS:,} days", in_turn(jobs))


def in_turn(jobs: dict[str, Callable[[], float]]) -> list[Measurement]:
    """Wall and CPU times, A B A B ..., within this process, whose peak memory is that of both."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(_REPEATS):
        for name, job in jobs.items():
            started, used = time.perf_counter(), time.process_time()
            job()
            times[name].append((time.perf_counter() - started, time.process_time() - used))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    measured = []
    for name, each in times.items():
        seconds, cpu_seconds = zip(*each, strict=True)
        measured.append(Measurement(name, seconds, cpu_seconds, peak_mb))
    return measured


def ours(positions: FloatArray2D, opens: FloatArray2D, closes: FloatArray2D) -> float:
    """Equity at the end."""
    days = np.datetime64("2000-01-01") + np.arange(N_DAYS)
    market = Market(days=days, opens=opens, closes=closes)
    return float(simulate(positions, market, Terms(cost_bps=_COST_BPS)).equity[-1])


def script(positions: FloatArray2D, opens: FloatArray2D, closes: FloatArray2D) -> float:
    """What everybody writes: frames, and a row of each per day."""
    targets, first, last = (pd.DataFrame(values) for values in (positions, opens, closes))
    cash, shares = 1.0, pd.Series(0.0, index=targets.columns)
    before = shares
    equity = [1.0]
    for day in range(1, N_DAYS):
        price, target = first.iloc[day], targets.iloc[day - 1]
        value = cash + (shares * price).sum()
        orders = (target * value / price - shares).where(target != before, 0.0)
        before = target
        money = orders * price
        cash -= money.sum() + money.abs().sum() * _COST_BPS / 10_000
        shares = shares + orders
        equity.append(cash + (shares * last.iloc[day]).sum())
    return float(equity[-1])


if __name__ == "__main__":
    accounting()
