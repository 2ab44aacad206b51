"""The tables of a backtest for people; each fits 80 columns."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.table import Table

from forecast_cli.cli import console
from forecast_cli.cli.sketch import is_plain, sparkline
from forecast_cli.cli.tables import plain_table, right
from forecast_cli.report.measures import fold_coverage
from forecast_cli.report.words import basis_points, number, p_value, percent

if TYPE_CHECKING:
    from rich.console import RenderableType

    from forecast_cli.evaluation.check import Check
    from forecast_cli.evaluation.folds import FoldAudit
    from forecast_cli.evaluation.risk import RiskScore
    from forecast_cli.evaluation.scores import Score
    from forecast_cli.trading.overfitting import Selection
    from forecast_cli.trading.performance import TradingRow
    from forecast_cli.workflows.backtest_result import BacktestResult
    from forecast_cli.workflows.overfitting import CrossValidation

SCORE_LEGEND: Final = (
    "CRPS, MAE, RMSE: per cent of log return, lower is better. skill: per cent of\n"
    "CRPS saved against the best naive row, DM p: its Diebold-Mariano p. held: per\n"
    "cent of returns in the 90 % range. side: per cent of directions foreseen."
)

TRADING_LEGEND: Final = (
    "return, vol.: per cent a year after costs, fall: the largest. PSR: probability\n"
    "that the true Sharpe ratio is above 0; DSR: that it is, after so many trials.\n"
    "turns, costs: multiples and per cent of equity a year. held: invested, in\n"
    "multiples of equity. even: basis points a trade may cost until nothing is earned."
)
_SKETCH: Final = 40
_SKETCH_TEXT: Final = 24
"""Columns of a sparkline at most, and of the words beside it."""
PATH_LEGEND: Final = (
    "Sharpe ratios over all dates, each path from other fits. Not a track record:\n"
    "these fits have learnt from dates after the ones they forecast."
)
RISK_LEGEND: Final = (
    "VaR of holding, ES (expected shortfall) and loss that came beyond it: per cent\n"
    "of log return. Kupiec p: are breaches as many as due; alone p: do they come\n"
    "one by one (Christoffersen); both p: both at once."
)


def score_table(scores: "Sequence[Score]") -> Table:
    """Forecast scores by horizon, the naive rows beside the model's; fits 80 columns."""
    table = plain_table(
        "bars", "forecaster", "CRPS", "skill", "DM p", "held", "MAE", "RMSE", "side", "MCC",
        "Brier", gap=0,
    )  # fmt: skip
    for previous, score in zip((None, *scores), scores, strict=False):
        if previous is not None and previous.horizon != score.horizon:
            table.add_section()
        table.add_row(
            str(score.horizon),
            score.forecaster,
            number(score.crps, 4),
            _hundredths(score.skill_crps, 2),
            p_value(score.dm_p),
            _hundredths(score.coverage_90, 1),
            number(score.mae, 3),
            number(score.rmse, 3),
            _hundredths(score.direction_accuracy, 1),
            number(score.mcc, 2),
            number(score.brier, 4),
            style="dim" if score.naive else "bold",
        )
    return right(table, "bars", *[str(column.header) for column in table.columns[2:]])


def leaderboard_tables(result: "BacktestResult") -> "list[Table | str]":
    """Several models, best first, with what is sure about it; nothing for one; fits 80 columns."""
    if len(result.candidates) == 1:
        return []
    table = plain_table("bars", "model", "skill", "95 % interval", "p", "corrected", "set p", gap=0)
    for horizon, standings in result.leaderboard.items():
        for standing in standings:
            table.add_row(
                str(horizon),
                standing.forecaster,
                _hundredths(standing.skill, 2),
                " to ".join(_hundredths(end, 2) for end in standing.interval or ()) or "-",
                p_value(standing.p),
                p_value(standing.corrected),
                p_value(standing.set_p),
            )
        table.add_section()
    told = [f"{contest.horizon}: p {p_value(contest.spa_p)}" for contest in result.contests]
    legend = (
        f"skill: per cent of {'Brier score' if result.by_direction else 'CRPS'} saved against the"
        " best naive row. corrected: p for\nso many tests. set p: below 0.05 a model is not among"
        " the best. SPA, whether\nany model beats the naive row, by bars ahead:"
        f" {', '.join(told) or '-'}."
    )
    return [right(table, "bars", "skill", "95 % interval", "p", "corrected", "set p"), legend]


def _hundredths(share: float | None, digits: int) -> str:
    """A share in per cent, for a column whose header says so."""
    return number(None if share is None else 100 * share, digits)


def trading_table(rows: "Sequence[TradingRow]") -> Table:
    """What following the forecasts would have earned; fits 80 columns."""
    table = plain_table(
        "strategy", "return", "vol.", "Sharpe", "PSR", "DSR", "fall", "turns", "held", "costs",
        "even", gap=0,
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row.strategy,
            _hundredths(row.cagr, 1),
            _hundredths(row.volatility, 1),
            number(row.sharpe, 2),
            number(row.probabilistic_sharpe, 2),
            number(row.deflated_sharpe, 2),
            _hundredths(row.max_drawdown, 1),
            number(row.turnover, 1),
            number(row.exposure, 2),
            _hundredths(row.costs, 2),
            basis_points(row.break_even_bps),
        )
    return right(table, *[str(column.header) for column in table.columns[1:]])


def cost_parts(result: "BacktestResult") -> "list[RenderableType]":
    """What fitting took, and what came of it, where that was measured; fits 80 columns."""
    if not result.costs:
        return []
    horizons = [f"CRPS {horizon}" for horizon in result.windows.horizons]
    table = plain_table("refitted", "fits", "epochs", "seconds", *horizons)
    for cost in result.costs:
        crps = [score.crps for score in result.scores if score.forecaster == cost.model]
        table.add_row(
            cost.model,
            str(cost.fits),
            f"{cost.epochs:,}",
            number(cost.seconds, 1),
            *(number(value, 4) for value in crps),
        )
    legend = "warm: each fold started from the weights of the fold before. CRPS by bars ahead."
    return [right(table, "fits", "epochs", "seconds", *horizons), legend]


def overfitting_parts(result: "BacktestResult") -> "list[RenderableType]":
    """How much of the trading table may be luck; fits 80 columns."""
    parts: list[RenderableType] = [
        f"{result.n_tried:,} different trials on these symbols so far, this run's among them."
    ]
    if result.selection:
        parts.append(_selection_text(result.selection))
    if result.cross_validation:
        parts += [_path_table(result.cross_validation), PATH_LEGEND]
    return parts


def _selection_text(found: "Selection") -> str:
    return (
        f"PBO {found.pbo:.2f}: of {found.n_splits:,} ways to choose the best of"
        f" {found.n_strategies} strategies on half of the\ndays, the share after which it ranks in"
        f" the lower half on the others. Its Sharpe\nratio: {found.chosen_sharpe:.2f} where chosen,"
        f" {found.later_sharpe:.2f} after (medians); below 0 in {percent(found.loss, 0)} of cases."
    )


def _path_table(found: "CrossValidation") -> Table:
    """Sharpe ratios over the paths of a combinatorial cross-validation."""
    table = plain_table("cpcv", "paths", "lowest", "median", "highest", "below 0")
    for row in found.sharpes:
        table.add_row(
            row.strategy,
            str(len(row.sharpes)),
            number(row.sharpes[0], 2),
            number(row.median, 2),
            number(row.sharpes[-1], 2),
            percent(row.loss, 0),
        )
    return right(table, "paths", "lowest", "median", "highest", "below 0")


def risk_table(scores: "Sequence[RiskScore]") -> Table:
    """Value at risk against the losses that came; fits 80 columns."""
    table = plain_table(
        "bars", "level", "VaR", "windows", "due", "breaches", "Kupiec p", "alone p", "both p",
        "ES", "came", gap=0,
    )  # fmt: skip
    for score in scores:
        table.add_row(
            str(score.horizon),
            percent(score.level, 0),
            number(score.value_at_risk, 2),
            f"{score.n:,}",
            number((1 - score.level) * score.n, 1),
            f"{score.breaches:,}",
            p_value(score.kupiec_p),
            p_value(score.independence_p),
            p_value(score.coverage_p),
            number(score.expected_shortfall, 2),
            number(score.loss_beyond, 2),
        )
    return right(table, *[str(column.header) for column in table.columns])


def sketch_parts(result: "BacktestResult") -> list[str]:
    """The first strategy's equity and, fold by fold, how often the 90 % range held: in a line each.

    No line where there is no range, or a single fold; fits 80 columns.
    """
    plain, width = is_plain(), min(console.width() - _SKETCH_TEXT, _SKETCH)
    equity, held = result.strategies[0].account.equity, fold_coverage(result)
    low, high = (_hundredths(float(end), 1) for end in (held.min(), held.max()))
    parts = (
        ("equity", equity, f"{equity[0]:.2f} to {equity[-1]:.2f}, {result.trading[0].strategy}"),
        ("held", held, f"{low} to {high} %, fold by fold"),
    )
    return [
        f"{name:<6} {sparkline(of, width, plain=plain)} {told}"
        for name, of, told in parts
        if len(of) > 1 and not np.isnan(of).any()
    ]


def fold_table(folds: "Iterable[FoldAudit]") -> Table:
    """The dates that prove the gap of each fold; fits 80 columns."""
    table = plain_table(
        "fold", "learnt from", "to", "known by", "windows", "tested from", "to", "windows", gap=0
    )
    for position, fold in enumerate(folds, start=1):
        table.add_row(
            str(position),
            str(fold.train_start),
            str(fold.train_end),
            str(fold.train_known),
            f"{fold.n_train:,}",
            str(fold.test_start),
            str(fold.test_end),
            f"{fold.n_test:,}",
        )
    return right(table, "fold", "windows")


def audit_table(checks: "Iterable[Check]") -> Table:
    """Check by check: what was done to what, and what came of it; fits 80 columns."""
    table = plain_table("check", "of", "", "what was seen", gap=0)
    previous = None
    for check in checks:
        if previous not in {None, check.check}:
            table.add_section()
        table.add_row(
            "" if check.check == previous else check.check,
            check.subject,
            "passed" if check.passed else "FAILED",
            check.detail,
            style="" if check.passed else "bold",
        )
        previous = check.check
    return table
