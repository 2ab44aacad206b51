"""What `forecast score` shows to people."""

from typing import TYPE_CHECKING

from rich.table import Table

from forecast_cli.cli.score_forms import score_rows
from forecast_cli.cli.tables import plain_table, right
from forecast_cli.evaluation.cusum import THRESHOLD
from forecast_cli.evaluation.drift import FEWEST, SHIFTED
from forecast_cli.report.words import bars, number, p_value, percent

if TYPE_CHECKING:
    from forecast_cli.workflows.score import LiveScore, ScoreResult


def score_table(result: "ScoreResult") -> Table:
    """One row per model and horizon whose forecasts have met what came."""
    measured = ("CRPS %", "skill %", "p", "in 50 %", "in 80 %", "in 90 %", "Brier", "ECE")
    table = plain_table("model", "ahead", "scored", "worth", *measured)
    for row in score_rows(result):
        if row["n"]:
            table.add_row(
                row["model"],
                bars(row["horizon"]),
                f"{row['n']:,}",
                number(row["n_effective"], 0),
                number(row["crps"], 4),
                percent(row["skill"], 1),
                p_value(row["dm_p"]),
                *(percent(row[f"coverage_{level}"], 1) for level in (50, 80, 90)),
                number(row["brier"], 4),
                number(row["ece"], 3),
            )
    return right(table, "scored", "worth", *measured)


def score_notes(result: "ScoreResult") -> list[str]:
    """What the table does not show, line by line."""
    said = [f"{row.model}, {bars(row.horizon)}: {_counts(row)}." for row in result.rows]
    for row in result.rows:
        if row.cusum:
            state = f"ALARM since {row.cusum.since}" if row.cusum.alarm else "no alarm"
            said.append(
                f"{row.model}, {bars(row.horizon)}: CUSUM of misses of the 90 % range"
                f" {row.cusum.statistic:.2f} of {THRESHOLD}, {state}."
            )
    for of in result.drifts:
        if of.unknown:
            said.append(f"{of.model}: drift of inputs is unknown: {of.unknown}.")
            continue
        worst = max(of.drifts, key=lambda each: each.psi)
        outside = max(of.drifts, key=lambda each: each.outside)
        shifted = [each.feature for each in of.drifts if each.shifted]
        state = f"shifted (above {SHIFTED}): {', '.join(shifted)}" if shifted else "none shifted"
        if worst.n < FEWEST:
            state = f"too few to tell, {FEWEST} are needed"
        said.append(
            f"{of.model}: largest PSI of {worst.n:,} recent inputs {worst.psi:.2f}"
            f" ({worst.feature}), {state}; at most {percent(outside.outside, 1)} beyond the"
            f" training range ({outside.feature})."
        )
    return said


def _counts(row: "LiveScore") -> str:
    said = [f"{row.n_scored:,} scored"]
    if row.n_pending:
        said.append(f"{row.n_pending:,} to come, the next on {row.next_target}")
    if row.n_backfilled:
        said.append(f"{row.n_backfilled:,} made after the fact")
    if row.n_gone:
        said.append(f"{row.n_gone:,} of bars that are no longer stored")
    if row.n_repeated:
        said.append(f"{row.n_repeated:,} later ones of the same cutoffs, which do not count")
    return ", ".join(said)
