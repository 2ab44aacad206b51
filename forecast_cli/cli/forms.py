"""Results as plain values: the JSON objects and CSV rows that scripts read.

Nothing here prints or decides a layout. Fields are only ever added within a `schema_version`.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from forecast_cli.errors import ForecastError
from forecast_cli.schema import JSON_FORMAT
from forecast_cli.workflows import tables

if TYPE_CHECKING:
    from forecast_cli.cli.setting_list import Setting
    from forecast_cli.data.listing import StoredSeries
    from forecast_cli.features.indicators import Listed
    from forecast_cli.models.supervision import EpochReport
    from forecast_cli.workflows.audit import AuditResult
    from forecast_cli.workflows.backtest_result import BacktestResult
    from forecast_cli.workflows.covariates import StoredCovariate
    from forecast_cli.workflows.data import CheckResult, RemovedSeries, ShownSeries
    from forecast_cli.workflows.doctor import Examination
    from forecast_cli.workflows.fetch import FetchResult
    from forecast_cli.workflows.models import ListedModel
    from forecast_cli.workflows.predict import PredictResult, SymbolForecast
    from forecast_cli.workflows.train import TrainResult
    from forecast_cli.workflows.tune import TuneResult

SCHEMA_VERSION: Final = JSON_FORMAT
_FORMULA: Final = re.compile(r"(?:\A|[\n\r])[ \xa0]*[=+\-@\t\r]")
"""What a spreadsheet runs when it opens a CSV (OWASP, CSV injection): the start of any line."""


def to_json(form: dict[str, Any], *, indent: int | None = 2) -> str:
    """One JSON object; dates as 2024-12-31; NaN and infinity never occur."""
    return json.dumps(form, indent=indent, allow_nan=False, default=str)


def error_form(error: ForecastError) -> dict[str, Any]:
    """What went wrong, and what to do about it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "error": {
            "code": error.exit_code,
            "kind": error.kind,
            "message": error.message,
            "fix": error.fix,
        },
    }


def fetch_form(result: "FetchResult") -> dict[str, Any]:
    """What fetch stored, per symbol."""
    return {
        "schema_version": SCHEMA_VERSION,
        "series": [asdict(series) for series in result.series],
        "failed": [asdict(failed) for failed in result.failed],
    }


def covariates_form(result: "Sequence[StoredCovariate]") -> dict[str, Any]:
    """What is stored as covariates; a symbol of null stands for every one."""
    return {
        "schema_version": SCHEMA_VERSION,
        "covariates": [asdict(stored) for stored in result],
    }


def list_form(series: "list[StoredSeries]") -> dict[str, Any]:
    """What is stored; sessions_behind is null where the calendar is not known."""
    return {"schema_version": SCHEMA_VERSION, "series": [asdict(one) for one in series]}


def show_form(shown: "ShownSeries") -> dict[str, Any]:
    """One stored series; n_omitted bars stand between the first and the last ones."""
    return {"schema_version": SCHEMA_VERSION, **asdict(shown)}


def check_form(result: "CheckResult") -> dict[str, Any]:
    """What the checks found per series; failed: what could not be read."""
    return {"schema_version": SCHEMA_VERSION, **asdict(result)}


def check_rows(result: "CheckResult") -> list[dict[str, Any]]:
    """Flat rows, one per finding; a series that cannot be read has one of code `unreadable`."""
    rows = [
        {
            "symbol": one.symbol,
            "severity": found.severity,
            "code": found.code,
            "n_rows": found.n_rows,
            "first": found.dates[0] if found.dates else None,
            "message": found.message,
            "fix": found.fix,
        }
        for one in result.series
        for found in one.findings
    ]
    rows += [
        {
            "symbol": failed.name,
            "severity": "error",
            "code": "unreadable",
            "n_rows": 0,
            "first": None,
            "message": failed.reason,
            "fix": failed.fix,
        }
        for failed in result.failed
    ]
    return rows


def remove_form(removed: "list[RemovedSeries]", *, dry_run: bool) -> dict[str, Any]:
    """What was removed, or would be."""
    return {
        "schema_version": SCHEMA_VERSION,
        "dry_run": dry_run,
        "removed": [asdict(one) for one in removed],
    }


def train_form(result: "TrainResult") -> dict[str, Any]:
    """A trained model; `measured` is about windows it never learnt from."""
    manifest = result.manifest
    return {
        "schema_version": SCHEMA_VERSION,
        "model": manifest.name,
        "model_version": manifest.version,
        "folder": str(result.folder),
        "config": manifest.config.model_dump(mode="json"),
        "symbols": list(manifest.symbols),
        "skipped": list(result.skipped),
        "train_start": manifest.train_start,
        "train_end": manifest.train_end,
        "known_until": manifest.known_until,
        "measured": manifest.measured.model_dump(mode="json"),
    }


def duration(seconds: float) -> str:
    """A length of time to the second: 0:02:05."""
    return str(timedelta(seconds=round(seconds)))


def epoch_text(report: "EpochReport") -> str:
    """How far a training is, in one line: "epoch 3 of 60, loss 0.2866"."""
    network = f"network {report.network} of {report.n_networks}, " if report.n_networks > 1 else ""
    left = duration(report.seconds_left)
    return (
        f"{network}epoch {report.epoch} of {report.n_epochs}, loss {report.loss:.5f},"
        f" at most {left} left"
    )


def models_form(models: "Sequence[ListedModel]") -> dict[str, Any]:
    """The trained models; `fault` says why one cannot be opened."""
    rows = []
    for model in models:
        known = model.manifest
        row: dict[str, Any] = {
            "model": model.name,
            "fault": model.fault,
            "pinned": model.pinned,
            "n_versions": model.n_versions,
            "n_bytes": model.n_bytes,
        }
        if known:
            row |= {
                "model_version": known.version,
                "config": known.config.model_dump(mode="json"),
                "symbols": list(known.symbols),
                "known_until": known.known_until,
                "edge_found": known.measured.edge_found,
            }
        rows.append(row)
    return {"schema_version": SCHEMA_VERSION, "models": rows}


def tune_form(result: "TuneResult") -> dict[str, Any]:
    """What a search tried, best first; `loss` is null where a trial was given up early."""
    return {
        "schema_version": SCHEMA_VERSION,
        "config": result.config.model_dump(mode="json"),
        "trials": [asdict(trial) for trial in result.trials],
        "default_loss": result.default_loss,
        "n_new": result.n_new,
        "n_tried_ever": result.n_tried_ever,
        "study": str(result.study),
    }


def features_form(features: "Sequence[Listed]") -> dict[str, Any]:
    """What a network can see; warm_up in bars."""
    return {
        "schema_version": SCHEMA_VERSION,
        "features": [asdict(feature) for feature in features],
    }


def settings_form(settings: "Sequence[Setting]", files: "Sequence[Path]") -> dict[str, Any]:
    """What is set, and the files that were read, the one that goes first at the head."""
    return {
        "schema_version": SCHEMA_VERSION,
        "files": [str(path) for path in files],
        "settings": [asdict(setting) for setting in settings],
    }


def predict_form(result: "PredictResult") -> dict[str, Any]:
    """Forecasts; quantiles are log returns, keyed by level.

    stale: whether bars that the model learnt from have been revised; stale_reason says which.
    pinned: whether a user has chosen the version to stay in use.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "forecasts": [forecast_form(forecast) for forecast in result.forecasts],
        "failed": [asdict(failure) for failure in result.failed],
        "stale": result.stale_reason is not None,
        "stale_reason": result.stale_reason,
        "pinned": result.pinned,
    }


def forecast_form(forecast: "SymbolForecast") -> dict[str, Any]:
    """One forecast as JSON has it."""
    form = dict(vars(forecast))
    for name in ("quantiles", "price_quantiles"):
        form[name] = {f"{level:g}": value for level, value in form[name].items()}
    return form


def to_csv(rows: list[dict[str, Any]]) -> str:
    """CSV text with a header; text that a spreadsheet would run as a formula is quoted with '."""
    return tables.to_csv([{name: _harmless(value) for name, value in row.items()} for row in rows])


def backtest_form(result: "BacktestResult") -> dict[str, Any]:
    """Everything a backtest found, scores in per cent of log return."""
    return {
        "schema_version": SCHEMA_VERSION,
        "model": result.model,
        "verdict": result.verdict,
        "config": result.config.model_dump(mode="json"),
        "plan": _plain(result.plan) | {"cost_bps": result.trading_plan.terms.trade_bps},
        "data": _plain(result.data),
        "folds": [_plain(fold) for fold in result.folds],
        "unit": "per cent of log return: crps, mae, rmse, pinball, width, risk",
        "scores": [_plain(score) for score in result.scores],
        "n_tried": result.n_tried,
        "lock": _plain(result.lock),
        "costs": [_plain(cost) for cost in result.costs],
        "selection": _plain(result.selection),
        "cross_validation": _plain(result.cross_validation),
        "trading": [
            _plain(run.performance) | {"by_symbol": _plain(run.by_symbol)}
            for run in result.strategies
        ],
        "models": [
            {"model": name, "config": config.model_dump(mode="json")}
            for name, config in result.candidates.items()
        ],
        "leaderboard": [
            {"horizon": horizon, "models": _plain(standings)}
            for horizon, standings in result.leaderboard.items()
        ],
        "contests": [_plain(contest) for contest in result.contests],
        "trading_plan": _plain(result.trading_plan),
        "risk": [_plain(score) for score in result.risk],
        "canaries": [_plain(check) for check in result.canaries],
    }


def audit_form(result: "AuditResult") -> dict[str, Any]:
    """Every check of an audit; passed says whether all did."""
    return {
        "schema_version": SCHEMA_VERSION,
        "models": list(result.models),
        "data": _plain(result.data),
        "passed": not result.failed,
        "n_checks": len(result.checks),
        "checks": [_plain(check) for check in result.checks],
    }


def doctor_form(result: "Examination") -> dict[str, Any]:
    """Every check; exit_code: of a fault, what it would end the run with, else null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "home": str(result.home),
        "healthy": not result.faults,
        "checks": [
            {
                "check": one.check,
                "status": one.status,
                "found": one.found,
                "fix": one.fix,
                "exit_code": one.error and one.error.exit_code,
            }
            for one in result.diagnoses
        ],
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - walks any result
    """Dataclasses as dictionaries, dates as text; infinities and NaN as null."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(of) for key, of in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(of) for of in value]
    if isinstance(value, float):
        return value if value - value == 0 else None
    if value is None or isinstance(value, (str, int)):
        return value
    return str(value)  # dates, numpy's included


def _harmless(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = f"'{value}" if _FORMULA.search(value) else value
    # Python's csv quotes the line end that it writes, and no other
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines(forms: Iterable[dict[str, Any]]) -> str:
    """One JSON object per line."""
    return "".join(f"{to_json(form, indent=None)}\n" for form in forms)
