"""Forecasts of daily returns: the protocol that `indices`, `stocks20` and `panel2017` share.

Returns are of the adjusted close, on each series' own dates, in per cent. Targets are the next
return and the sum of the next five; a window is tested when both targets lie within the test period
and its symbol has 505 returns by then. CRPS is twice the mean pinball loss over the levels 1 % to
99 %. Networks are refitted on all that is known, their calibration goes on day by day.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.published.tables import Column, mean_and_sd, print_json, print_table
from forecast_cli.arrays import DateArray1D, FloatArray1D
from forecast_cli.config import ModelConfig, NetworkName, model_config
from forecast_cli.data.bars import Bars
from forecast_cli.data.reader import read_each
from forecast_cli.data.series import ReadOptions, RefusedSeries
from forecast_cli.evaluation import metrics
from forecast_cli.evaluation.folds import Fold, FoldPlan, cut_folds
from forecast_cli.evaluation.forecaster import Forecaster
from forecast_cli.evaluation.significance import diebold_mariano
from forecast_cli.evaluation.walk_forward import Candidate, walk_forward
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows, concatenate
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.baselines import BASELINES
from forecast_cli.models.keras_forecaster import KerasForecaster

KNOWN_RETURNS: Final = 505
HORIZONS: Final = (1, 5)
NAIVE: Final = ("history_250", "ewma_history")
GJR: Final = "gjr_garch_t"
PERCENT: Final = 100.0


@dataclass(frozen=True, kw_only=True)
class Study:
    """One data set with its test period.

    files: below the data folder. first, last: of the target dates. refit_every: cutoffs per fold.
    networks: tested by default.
    econometric: rows beside the naive ones. published: lines of other tables, by horizon.
    """

    name: str
    files: tuple[str, ...]
    first: str
    last: str
    refit_every: int
    batch_size: int
    networks: tuple[NetworkName, ...]
    published: Mapping[int, tuple[str, ...]]
    econometric: tuple[str, ...] = ()
    date_format: str | None = None


@dataclass(frozen=True, eq=False)
class Scored:
    """What one row scored at one horizon: losses per window, in the order of the windows."""

    crps: FloatArray1D
    held: FloatArray1D
    width: FloatArray1D
    brier: FloatArray1D
    hits: FloatArray1D
    ece: float


def main(study: Study) -> None:
    """Run a study from the command line."""
    parser = argparse.ArgumentParser(description=f"The table {study.name}.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--first", default=study.first, help="first target date")
    parser.add_argument("--last", default=study.last, help="last target date")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--network", action="append", help="repeat for several", default=None)
    chosen = parser.parse_args()
    study = replace(
        study,
        first=chosen.first,
        last=chosen.last,
        networks=tuple(chosen.network or study.networks),
    )
    run(study, chosen.data, n_seeds=chosen.seeds)


def run(study: Study, data: Path, *, n_seeds: int) -> None:
    """Fit, forecast, score and print."""
    series = read(study, data)
    scored: dict[str, list[list[Scored]]] = {}
    tested = folds_of(study, series, model_config("linear"))
    windows = concatenate([fold.test for fold in tested])
    for name in (*NAIVE, *study.econometric):
        candidate = Candidate(name=name, make=BASELINES[name])
        scored[name] = [score(walk_forward(candidate, tested), windows)]
    for network in study.networks:
        scored[network] = []
        for seed in range(n_seeds):
            config = model_config(network, seed=seed, batch_size=study.batch_size)
            folds = folds_of(study, series, config)
            candidate = Candidate(
                name=network, make=partial(_compiled, config), calibration="adaptive"
            )
            scored[network].append(score(walk_forward(candidate, folds), windows))
    for column, horizon in enumerate(HORIZONS):
        report(
            study,
            {name: [row[column] for row in rows] for name, rows in scored.items()},
            windows,
            horizon,
        )


def read(study: Study, data: Path) -> list[Bars]:
    """The series of a study, as `forecast fetch` would read them."""
    parts = [
        part
        for name in study.files
        for part in read_each(
            data / name,
            today=date.today(),  # noqa: DTZ011 - the reader's own calendar day
            options=ReadOptions(date_format=study.date_format),
        )
    ]
    return [part.bars for part in parts if not isinstance(part, RefusedSeries)]


def folds_of(study: Study, series: Sequence[Bars], config: ModelConfig) -> list[Fold]:
    """The folds, with the test windows that the protocol asks for; other cutoffs are left out."""
    windows = build_windows(
        series, horizons=HORIZONS, lookback=config.lookback, features=config.features
    )
    cutoffs = np.unique(windows.cutoffs)
    # the cutoff whose first target is the first of the test period
    start = cutoffs[np.searchsorted(cutoffs, np.datetime64(study.first)) - 1]
    plan = FoldPlan(test_start=start, refit_every=study.refit_every)
    folds = [
        replace(fold, test=fold.test.take(_asked_for(fold.test, study)))
        for fold in cut_folds(windows, plan)
    ]
    return [fold for fold in folds if len(fold.test)]


def _asked_for(test: Windows, study: Study) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    (first_bars,) = np.nonzero(np.isnan(test.bar_returns))
    first_bar = first_bars[np.searchsorted(first_bars, test.rows, side="right") - 1]
    long_enough = test.rows - first_bar >= KNOWN_RETURNS
    return long_enough & (test.known_from <= np.datetime64(study.last))


def _compiled(config: ModelConfig) -> Forecaster:
    """One compiled network per seed, fitted afresh in each fold."""
    if config not in _COMPILED:
        _COMPILED.clear()
        _COMPILED[config] = KerasForecaster(config)
    return _COMPILED[config]


_COMPILED: dict[ModelConfig, KerasForecaster] = {}


def score(made: Forecasts, windows: Windows) -> list[Scored]:
    """Losses at each horizon; raises AssertionError for forecasts of other windows."""
    assert np.array_equal(made.cutoffs, windows.cutoffs)
    assert np.array_equal(made.symbols, windows.symbol_names)
    found = []
    for column in range(len(HORIZONS)):
        returns, curves = windows.returns[:, column], made.quantiles[:, column]
        p_up = made.p_up[:, column]
        found.append(
            Scored(
                crps=PERCENT * metrics.crps(returns, curves),
                held=metrics.inside(returns, curves, 0.9),
                width=PERCENT * (curves[:, 94] - curves[:, 4]),
                brier=metrics.brier(returns, p_up),
                hits=metrics.direction_hits(returns, p_up),
                ece=metrics.calibration_error(metrics.reliability(returns, p_up)),
            )
        )
    return found


COLUMNS: Final = (
    Column("CRPS", "crps", 4),
    Column("sd", "crps_sd", 4),
    Column("cover", "cover", 2),
    Column("width", "width", 3),
    Column("Brier", "brier", 4),
    Column("ECE", "ece", 4),
    Column("side", "side", 2),
    Column("to naive", "to_naive", 4),
    Column("se", "to_naive_se", 4),
    Column("p", "to_naive_p", 3),
    Column("to GJR", "to_gjr", 4),
    Column("se", "to_gjr_se", 4),
    Column("p", "to_gjr_p", 3),
)


def report(
    study: Study, rows: Mapping[str, Sequence[Scored]], windows: Windows, horizon: int
) -> None:
    """One table: means over seeds, differences in CRPS with errors clustered by day."""
    # a row's seeds count as one forecaster of their mean loss: no seed is chosen
    crps = {name: np.mean([one.crps for one in row], axis=0) for name, row in rows.items()}
    best = min(NAIVE, key=lambda name: float(crps[name].mean()))
    table = []
    for name, row in rows.items():
        mean, sd = mean_and_sd([float(one.crps.mean()) for one in row])
        table.append(
            {
                "row": name,
                "seeds": len(row),
                "crps": mean,
                "crps_sd": sd,
                "cover": PERCENT * _mean(row, "held"),
                "width": _mean(row, "width"),
                "brier": _mean(row, "brier"),
                "ece": float(np.mean([one.ece for one in row])),
                "side": PERCENT * _mean(row, "hits"),
                **_difference("to_naive", crps[name], crps[best], windows.cutoffs, horizon),
                **_difference("to_gjr", crps[name], crps.get(GJR), windows.cutoffs, horizon),
            }
        )
    n_days = len(np.unique(windows.cutoffs))
    title = (
        f"{study.name}, {horizon} day(s) ahead: {len(windows)} forecasts on {n_days} cutoffs,"
        f" {windows.cutoffs.min()} to {windows.cutoffs.max()},"
        f" {len(np.unique(windows.symbol_index))} symbols; to naive: {best}"
    )
    print_table(title, table, COLUMNS, published=study.published[horizon])
    print_json({"study": study.name, "horizon": horizon, "title": title, "rows": table})


def _mean(row: Sequence[Scored], name: str) -> float:
    return float(np.mean([getattr(one, name).mean() for one in row]))


def _difference(
    name: str, own: FloatArray1D, other: FloatArray1D | None, cutoffs: DateArray1D, horizon: int
) -> dict[str, Any]:
    """Mean difference, its standard error over days, and the Diebold-Mariano p."""
    if other is None:
        return {}
    test = diebold_mariano(own, other, cutoffs, horizon=horizon)
    difference = float((own - other).mean())
    if np.isnan(test.p):
        return {name: difference}
    return {name: difference, f"{name}_se": difference / test.statistic, f"{name}_p": test.p}
