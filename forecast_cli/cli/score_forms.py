"""What `forecast score` says, as plain values."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from forecast_cli.cli.forms import SCHEMA_VERSION
from forecast_cli.workflows.conditions import measures

if TYPE_CHECKING:
    from forecast_cli.workflows.score import ScoreResult


def score_form(result: "ScoreResult") -> dict[str, Any]:
    """Everything that was measured. crps: per cent of log return; coverages: shares."""
    return {
        "schema_version": SCHEMA_VERSION,
        "scores": score_rows(result),
        "reliability": [
            {"model": row.model, "horizon": row.horizon, **asdict(of)}
            for row in result.rows
            if row.score
            for of in row.score.reliability
        ],
        "drift": [
            {"model": of.model, **asdict(each), "shifted": each.shifted}
            for of in result.drifts
            for each in of.drifts
        ],
        "drift_unknown": {of.model: of.unknown for of in result.drifts if of.unknown},
    }


def score_rows(result: "ScoreResult") -> list[dict[str, Any]]:
    """One flat row per model and horizon; null where nothing is known."""
    drifts = {of.model: of for of in result.drifts}
    return [measures(row, drifts[row.model]) for row in result.rows]
