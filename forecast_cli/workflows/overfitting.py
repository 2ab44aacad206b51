"""Would the best of this run be the best elsewhere? Estimates that take no part in the scores."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.errors import UsageError
from forecast_cli.evaluation.combinatorial import GroupAudit, audit_groups, paths
from forecast_cli.evaluation.fold_cache import FoldCache
from forecast_cli.evaluation.folds import CombinatorialPlan, cut_combinations
from forecast_cli.evaluation.walk_forward import walk_forward
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.trading.accounting import simulate
from forecast_cli.trading.overfitting import PathSharpes, Selection, selection
from forecast_cli.trading.performance import returns_of, sharpe
from forecast_cli.workflows.entries import Entry
from forecast_cli.workflows.strategies import BUY_AND_HOLD, TradingPlan, target_table

_A_YEAR = 252


@dataclass(frozen=True, kw_only=True)
class CrossValidation:
    """What a combinatorial purged cross-validation found; never a track record.

    n_fits: of all models together. audits: of the test groups in each fold.
    """

    plan: CombinatorialPlan
    n_fits: int
    sharpes: tuple[PathSharpes, ...]
    audits: tuple[GroupAudit, ...]


def check_cross_validation(entries: Sequence[Entry]) -> None:
    """Raise UsageError for models that are not fitted, before any work."""
    trained = [entry.candidate.name for entry in entries if entry.known_until is not None]
    if trained:
        raise UsageError(
            f"{trained[0]!r} is a trained model, tested as it stands: there is nothing to refit in"
            " a cross-validation",
            fix="leave --cv out, or test a network",
        )


def choice(
    forecasts: Mapping[str, Forecasts], series: Sequence[Bars], plan: TradingPlan
) -> Selection | None:
    """How choosing among the strategies of all models would have gone; None without a choice."""
    columns = [
        returns
        for model, made in forecasts.items()
        for _, returns in _net_returns(model, made, series, plan)
    ]
    return selection(np.column_stack(columns), periods_per_year=_A_YEAR)


def cross_validate(
    entries: Sequence[Entry],
    windows: Sequence[Windows],
    series: Sequence[Bars],
    trading: TradingPlan,
    plan: CombinatorialPlan,
    *,
    n_processes: int = 1,
    cache: FoldCache | None = None,
    on_fold: Callable[[int], None] = lambda _: None,
) -> CrossValidation:
    """Sharpe ratios of each model's strategies over all paths.

    windows: of each entry. The others are as in `walk_forward`. Raises UsageError and BadDataError
    as `cut_combinations` does.
    """
    ratios: dict[str, list[float]] = {}
    cut = [list(cut_combinations(of_entry, plan)) for of_entry in windows]
    for entry, folds in zip(entries, cut, strict=True):
        forecasts = walk_forward(
            entry.candidate, folds, n_processes=n_processes, cache=cache, on_fold=on_fold
        )
        for path in paths(forecasts, folds, plan):
            for strategy, returns in _net_returns(entry.candidate.name, path, series, trading):
                # one that never trades has no volatility, and earns nothing
                ratios.setdefault(strategy, []).append(sharpe(returns, _A_YEAR) or 0.0)
    return CrossValidation(
        plan=plan,
        n_fits=plan.n_fits * len(entries),
        sharpes=tuple(
            PathSharpes(strategy=strategy, sharpes=tuple(sorted(of)))
            for strategy, of in ratios.items()
        ),
        audits=tuple(audit_groups(cut[0], plan)),
    )


def _net_returns(
    model: str, forecasts: Forecasts, series: Sequence[Bars], plan: TradingPlan
) -> Iterator[tuple[str, FloatArray1D]]:
    """Daily returns after costs of each strategy of a model, by its name."""
    market, targets = target_table(model, forecasts, series, plan)
    for strategy, positions in targets.items():
        if strategy != BUY_AND_HOLD:
            yield strategy, returns_of(simulate(positions, market, plan.terms).equity)
