"""Does the program find an edge that is there, and none where there is none? On made-up series.

    python -m benchmarks.published.planted --series 40 --bars 5000

Daily log returns of standard deviation 1 % follow one of three laws:

- walk: independent normal returns; nothing is to be found;
- ar: a return is 0.2 times the one before plus noise, which explains 4 % of its variance;
- momentum: noise around a drift that reverts slowly, mu[t] = 0.95 mu[t-1] + ..., of 0.35 standard
  deviations of the noise; the best forecast explains 3.5 % of the variance.

For `walk` and `ar` it counts how often training says "edge found" (on the last 15 % of the bars,
which it did not learn from) and how often a walk-forward over the second half does; for `walk` and
`momentum` it trades `--objective sharpe` over that half, at 5 basis points a trade. Prints a table
and one line of JSON.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.config import ModelConfig, model_config
from forecast_cli.data.bars import Bars
from forecast_cli.evaluation.folds import Fold, FoldPlan, cut_folds, cut_history
from forecast_cli.evaluation.scores import SIGNIFICANCE, score_all
from forecast_cli.evaluation.walk_forward import Candidate, walk_forward
from forecast_cli.features.windows import concatenate
from forecast_cli.models.baselines import chosen_baselines
from forecast_cli.models.keras_forecaster import KerasForecaster
from forecast_cli.workflows.reading import windows_of
from forecast_cli.workflows.strategies import TradingPlan, run_strategies
from forecast_cli.workflows.train import measure

_VOLATILITY: Final = 0.01


@dataclass(frozen=True, kw_only=True)
class Traded:
    """One series, traded out of sample. Annual; zero where no position was ever taken.

    cost: what trading took, in the unit of the Sharpe ratio.
    """

    sharpe: float
    cost: float


def walk(rng: np.random.Generator, n: int) -> FloatArray1D:
    """Independent normal returns, shape (n,)."""
    return rng.normal(size=n) * _VOLATILITY


def autoregressive(rng: np.random.Generator, n: int) -> FloatArray1D:
    """Returns that lean on the one before, shape (n,)."""
    return _ar1(rng.normal(size=n) * _VOLATILITY, 0.2)


def momentum(rng: np.random.Generator, n: int) -> FloatArray1D:
    """Noise around a slowly reverting drift, shape (n,)."""
    drift = _ar1(rng.normal(size=n) * 0.35 * np.sqrt(1 - 0.95**2), 0.95)
    returns: FloatArray1D = (drift + rng.normal(size=n)) * _VOLATILITY
    return returns


def _ar1(shocks: FloatArray1D, coefficient: float) -> FloatArray1D:
    values = shocks.copy()
    for day in range(1, len(values)):
        values[day] += coefficient * values[day - 1]
    return values


def bars(law: Callable[[np.random.Generator, int], FloatArray1D], n: int, seed: int) -> Bars:
    """A series of a law; four fifths of a day's move happen inside its bar, the rest overnight."""
    rng = np.random.default_rng(seed)
    returns = law(rng, n)
    close = 100 * np.exp(np.cumsum(returns))
    opened = close * np.exp(-0.8 * returns)
    above, below = _VOLATILITY * rng.exponential(0.3, (2, n))
    return Bars(
        symbol=f"S{seed}",
        interval="1d",
        price_basis="adjusted",
        timestamp=np.busday_offset("1990-01-01", np.arange(n), roll="forward"),
        open=opened,
        high=np.maximum(opened, close) * np.exp(above),
        low=np.minimum(opened, close) * np.exp(-below),
        close=close,
        adj_close=close,
        volume=np.full(n, 1e4),
        dividends=np.zeros(n),
        splits=np.zeros(n),
    )


def edge_in_training(forecaster: KerasForecaster, series: Bars) -> bool:
    """Whether `train` would say "edge found"."""
    windows = windows_of([series], forecaster.config).known()
    history = cut_history(windows, series.timestamp[-1])
    forecaster.fit(history.train, history.validation)
    return measure(forecaster, history).edge_found


def edge_in_backtest(forecaster: KerasForecaster, series: Bars) -> bool:
    """Whether `backtest` would say that the network beats the best naive row."""
    folds = _folds(series, forecaster.config)
    naive = chosen_baselines(())
    makers = {"network": lambda: forecaster} | naive
    forecasts = {
        name: walk_forward(
            Candidate(
                name=name, make=make, calibration="adaptive" if name == "network" else "none"
            ),
            folds,
        )
        for name, make in makers.items()
    }
    tested = concatenate([fold.test for fold in folds])
    score = score_all(forecasts, tested, naive=list(naive))[0]
    return (
        score.dm_p is not None
        and score.dm_p < SIGNIFICANCE
        and score.skill_crps is not None
        and score.skill_crps > 0
    )


def trade(forecaster: KerasForecaster, series: Bars) -> Traded:
    """Net Sharpe ratio of the positions, out of sample."""
    candidate = Candidate(name="network", make=lambda: forecaster, calibration="adaptive")
    forecasts = walk_forward(candidate, _folds(series, forecaster.config))
    runs = run_strategies("network", forecasts, [series], TradingPlan())
    row = runs[0].performance
    if row.sharpe is None or not row.volatility or row.costs is None:
        return Traded(sharpe=0.0, cost=0.0)
    return Traded(sharpe=row.sharpe, cost=row.costs / row.volatility)


def _folds(series: Bars, config: ModelConfig) -> list[Fold]:
    return list(cut_folds(windows_of([series], config), FoldPlan()))


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--series", type=int, default=40)
    parser.add_argument("--bars", type=int, default=5000)
    parser.add_argument("--model", default="linear")
    asked = parser.parse_args()
    forecaster = KerasForecaster(model_config(asked.model, horizons=(1,)))
    trader = KerasForecaster(model_config(asked.model, horizons=(1,), objective="sharpe"))
    results: dict[str, object] = vars(asked).copy()
    for name, law in (("walk", walk), ("ar", autoregressive)):
        made = [bars(law, asked.bars, seed) for seed in range(asked.series)]
        results[f"{name}_train"] = sum(edge_in_training(forecaster, each) for each in made)
        results[f"{name}_backtest"] = sum(edge_in_backtest(forecaster, each) for each in made)
        print(  # noqa: T201 - the table
            f"{name:9} edge found in training {results[f'{name}_train']:>3},"
            f" in backtest {results[f'{name}_backtest']:>3} of {asked.series}",
            flush=True,
        )
    for name, law in (("walk", walk), ("momentum", momentum)):
        rows = [trade(trader, bars(law, asked.bars, seed)) for seed in range(asked.series)]
        net = np.array([row.sharpe for row in rows])
        gross = net + [row.cost for row in rows]
        error = float(gross.std(ddof=1) / np.sqrt(len(rows)))
        results[f"{name}_sharpe"] = {
            "positive": int((net > 0).sum()),
            "traded": int((net != 0).sum()),
            "mean_net": float(net.mean()),
            "mean_cost": float(np.mean([row.cost for row in rows])),
            "mean_gross": float(gross.mean()),
            "standard_error": error,
            "series": [asdict(row) for row in rows],
        }
        print(  # noqa: T201 - the table
            f"{name:9} traded in {int((net != 0).sum()):>3}, net Sharpe above 0 in"
            f" {int((net > 0).sum()):>3} of {asked.series}; mean net {net.mean():+.2f}, costs"
            f" {np.mean([row.cost for row in rows]):.2f}, before costs {gross.mean():+.2f}"
            f" (standard error {error:.2f})",
            flush=True,
        )
    print(json.dumps(results))  # noqa: T201 - for scripts


if __name__ == "__main__":
    main()
