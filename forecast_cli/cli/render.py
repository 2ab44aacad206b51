"""What each command shows of its result: which form, which table, what goes to stderr."""

import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast_cli.cli import console, forms
from forecast_cli.cli.options import ForecastFormat, ResultFormat, RowsFormat
from forecast_cli.errors import (
    BadDataError,
    InternalCheckError,
    MissingInputError,
    PartialError,
    TryAgainError,
    UsageError,
)
from forecast_cli.files import write_bytes
from forecast_cli.findings import CODES

if TYPE_CHECKING:
    from forecast_cli.cli.setting_list import Setting
    from forecast_cli.data.listing import StoredSeries
    from forecast_cli.evaluation.folds import CombinatorialPlan
    from forecast_cli.features.indicators import Listed
    from forecast_cli.findings import Finding
    from forecast_cli.workflows.audit import AuditResult
    from forecast_cli.workflows.backtest_result import BacktestResult
    from forecast_cli.workflows.board import Board
    from forecast_cli.workflows.covariates import StoredCovariate
    from forecast_cli.workflows.data import CheckResult, RemovedSeries, ShownSeries
    from forecast_cli.workflows.doctor import Examination
    from forecast_cli.workflows.fan import Fan
    from forecast_cli.workflows.fetch import FetchResult
    from forecast_cli.workflows.models import ListedModel, Verification
    from forecast_cli.workflows.predict import PredictResult
    from forecast_cli.workflows.score import ScoreResult
    from forecast_cli.workflows.show import ShownSymbol
    from forecast_cli.workflows.train import TrainResult
    from forecast_cli.workflows.tune import TuneResult

_OLD = timedelta(days=7)
_SPELT_OUT = 3
_MOST_DRAWN = 12


def fetched(result: "FetchResult", form: ResultFormat, *, quiet: bool) -> None:
    """Show what was stored; of findings, what a fetch has not told before.

    Raises TryAgainError when a rate limit stopped the run, PartialError when some symbols failed.
    """
    report_findings(result)
    for failed in result.failed:
        console.say(failed.reason, kind="failed")
    for fix in dict.fromkeys(failed.fix for failed in result.failed if failed.fix):
        console.say(fix, kind="fix")
    if not quiet:
        if form is ResultFormat.json:
            console.emit(forms.to_json(forms.fetch_form(result)) + "\n")
        else:
            from forecast_cli.cli.tables import fetch_table

            console.show(fetch_table(result))
    count = f"{len(result.failed)} of {len(result.failed) + len(result.series)}"
    if result.rate_limited:
        raise TryAgainError(
            f"a rate limit stopped the run: {count} failed or were not tried;"
            " what was fetched is stored",
            fix="wait an hour, then run the same command again",
        )
    if result.failed:
        raise PartialError(f"{count} failed; the others are stored")


def report_findings(result: "FetchResult") -> None:
    """Say of the findings what a fetch has not told before."""
    _report(
        (series.symbol, found)
        for series in result.series
        if series.changed
        for found in series.findings
        if series.is_news(found)
    )


def covariates_fetched(
    result: "Sequence[StoredCovariate]", form: ResultFormat, *, quiet: bool
) -> None:
    """Show what was stored as covariates."""
    if quiet:
        return
    if form is ResultFormat.json:
        console.emit(forms.to_json(forms.covariates_form(result)) + "\n")
        return
    from forecast_cli.cli.tables import covariates_table

    console.show(covariates_table(result))


def _report(findings: "Iterable[tuple[str, Finding]]") -> None:
    """Warnings, each kind of which many symbols share in one line; notes on a terminal only."""
    kinds: dict[str, list[tuple[str, Finding]]] = {}
    for symbol, found in findings:
        kinds.setdefault(found.code, []).append((symbol, found))
    for alike in kinds.values():
        if len(alike) <= _SPELT_OUT:
            texts = [f"{symbol}: {found.message}" for symbol, found in alike]
        else:
            symbols = ", ".join(symbol for symbol, _ in alike[:_SPELT_OUT])
            what = f"{len(alike):,} series ({symbols}, ...): {CODES[alike[0][1].code].what}"
            texts = [f"{what}; forecast data check names the rows"]
        for text in texts:
            if alike[0][1].severity == "note":
                console.note(f"note: {text}")
            else:
                console.say(text, kind="warning")


def series_listed(series: "list[StoredSeries]", form: RowsFormat) -> None:
    """Show what is stored."""
    if form is RowsFormat.table:
        from forecast_cli.cli.data_tables import list_table

        console.show(list_table(series))
        return
    _emit_rows(forms.list_form(series), [asdict(one) for one in series], form)


def series_shown(series: "ShownSeries", form: RowsFormat) -> None:
    """Show one stored series; as rows, its bars."""
    if form is RowsFormat.table:
        from forecast_cli.cli.data_tables import show_tables

        console.show(*show_tables(series))
        return
    _emit_rows(forms.show_form(series), series.bars, form)


def series_checked(result: "CheckResult", form: RowsFormat, *, quiet: bool) -> None:
    """Show what the checks found.

    Raises an error of its kind for the first series that cannot be read, BadDataError for findings
    that are errors; a quiet run names those on stderr.
    """
    if form is RowsFormat.table:
        _show_checked(result, quiet=quiet)
    elif not quiet:
        _emit_rows(forms.check_form(result), forms.check_rows(result), form)
    n_errors = result.count("error")
    kinds = {failed.exit_code for failed in result.failed}
    if kinds == {MissingInputError.exit_code} and not result.series:
        raise MissingInputError(result.failed[0].reason, fix=result.failed[0].fix)
    if n_errors or result.failed:
        n_bad = len(result.failed) + sum(
            any(found.severity == "error" for found in one.findings) for one in result.series
        )
        total = len(result.series) + len(result.failed)
        raise BadDataError(
            f"{n_bad:,} of {total:,} series have errors",
            fix="fetch these symbols again, or choose another policy under [checks]",
        )


def _show_checked(result: "CheckResult", *, quiet: bool) -> None:
    from forecast_cli.cli.data_tables import check_summary, findings_table

    found = [(one.symbol, finding) for one in result.series for finding in one.findings]
    if quiet:
        for symbol, finding in found:
            if finding.severity == "error":
                console.say(f"{symbol}: {finding.message}", kind="error")
    else:
        console.show(*([findings_table(found)] if found else []), check_summary(result))
    for failed in result.failed:
        console.say(failed.reason, kind="failed")


def series_removed(
    series: "list[RemovedSeries]", form: RowsFormat, *, dry_run: bool, quiet: bool
) -> None:
    """Show what is gone, or would be."""
    if quiet:
        return
    if form is RowsFormat.table:
        from forecast_cli.cli.data_tables import remove_table

        console.show(remove_table(series), "nothing was removed" if dry_run else "removed")
        return
    form_ = forms.remove_form(series, dry_run=dry_run)
    _emit_rows(form_, [asdict(one) for one in series], form)


def _emit_rows(form: "dict[str, Any]", rows: "list[dict[str, Any]]", wanted: RowsFormat) -> None:
    if wanted is RowsFormat.json:
        console.emit(forms.to_json(form) + "\n")
    elif wanted is RowsFormat.jsonl:
        console.emit(forms.lines(rows))
    else:
        console.emit(forms.to_csv(rows))


def trained(result: "TrainResult", form: ResultFormat, *, quiet: bool) -> None:
    """Show what was learnt and where it lies."""
    for symbol in result.skipped:
        console.say(f"{symbol}: too few bars for one window; not learnt from", kind="warning")
    for sentence in result.notes:
        console.say(sentence, kind="note")
    if quiet:
        return
    if form is ResultFormat.json:
        console.emit(forms.to_json(forms.train_form(result)) + "\n")
        return
    from forecast_cli.cli.tables import train_table

    console.show(train_table(result))


def tuned(result: "TuneResult", form: ResultFormat, *, quiet: bool) -> None:
    """Show what was tried, and how to train with the best of it."""
    for sentence in result.notes:
        console.say(sentence, kind="note")
    if quiet:
        return
    if form is ResultFormat.json:
        console.emit(forms.to_json(forms.tune_form(result)) + "\n")
        return
    from forecast_cli.cli import tables

    console.show(tables.tune_table(result), tables.tune_note(result))


def features_listed(features: "Sequence[Listed]", form: ResultFormat) -> None:
    """Show what a network can see."""
    if form is ResultFormat.json:
        console.emit(forms.to_json(forms.features_form(features)) + "\n")
        return
    from forecast_cli.cli.tables import features_table

    console.show(features_table(features))


def settings_shown(
    settings: "Sequence[Setting]",
    files: Sequence[Path],
    unknown: Sequence[str],
    form: ResultFormat,
) -> None:
    """Show what is set; say which files were read, and which variables (unknown) set nothing."""
    for name in unknown:
        console.say(f"{name}: is the name of no setting", kind="warning")
    if form is ResultFormat.json:
        console.emit(forms.to_json(forms.settings_form(settings, files)) + "\n")
        return
    from forecast_cli.cli.tables import settings_table

    read = ", then ".join(str(path) for path in files)
    said = f"read: {read}" if files else "no forecast.toml here, and none of this user"
    console.show(settings_table(settings), said)


def predicted(result: "PredictResult", to: console.Destination, fans: "Sequence[Fan]" = ()) -> None:
    """Deliver forecasts, drawn where there are fans; raise PartialError when some have failed."""
    if fans:
        _deliver_fans(result, fans, to)
    else:
        deliver_forecasts(result, to)
    _warn_of_old_bars(result)
    for said in result.unheard:
        console.say(said, kind="warning")
    if result.stale_reason:
        console.say(result.stale_reason, kind="warning")
    for failure in result.failed:
        console.say(failure.reason, kind="failed")
    if result.failed:
        count = len({forecast.symbol for forecast in result.forecasts})
        raise PartialError(
            f"{len(result.failed)} of {count + len(result.failed)} symbols have no forecast"
        )


def deliver_forecasts(result: "PredictResult", to: console.Destination) -> None:
    """Write or print the forecasts."""
    if to.form is ForecastFormat.parquet:
        from forecast_cli.data.store import parquet_bytes

        assert to.path is not None
        console.deliver_bytes(parquet_bytes(result.to_arrow()), to.path)
    elif to.form is ForecastFormat.table:
        from forecast_cli.cli import tables

        console.deliver([tables.predict_table(result), tables.predict_note(result)], to)
    else:
        console.deliver_text(_predicted_text(result, to.form), to)


def _deliver_fans(result: "PredictResult", fans: "Sequence[Fan]", to: console.Destination) -> None:
    """The forecasts as a picture of the kind that the output's suffix says, or as text."""
    if len(fans) > _MOST_DRAWN:
        console.say(
            f"the first {_MOST_DRAWN} of {len(fans):,} symbols are drawn; forecast board draws all",
            kind="note",
        )
    kind = to.path.suffix.lower() if to.path else ""
    if kind == ".png":
        from forecast_cli.report.fan_picture import fan_png

        assert to.path is not None
        console.deliver_bytes(fan_png(fans[:_MOST_DRAWN]), to.path)
    elif kind in {".svg", ".html"}:
        from forecast_cli.report import fan_drawing

        draw = fan_drawing.fan_svg if kind == ".svg" else fan_drawing.fan_page
        console.deliver_text(draw(fans[:_MOST_DRAWN]), to)
    else:
        from forecast_cli.cli import show_tables, tables

        drawn = show_tables.fan_parts(fans[:_MOST_DRAWN])
        console.deliver([tables.predict_table(result), tables.predict_note(result), *drawn], to)


def _warn_of_old_bars(result: "PredictResult") -> None:
    """Name the symbols whose last bar lies well before the newest one of the run."""
    newest = max(forecast.cutoff for forecast in result.forecasts)
    for symbol, cutoff in {
        forecast.symbol: forecast.cutoff for forecast in result.forecasts
    }.items():
        if newest - cutoff > _OLD:
            console.say(
                f"{symbol}: its last bar is of {cutoff}, others have {newest}", kind="warning"
            )


def _predicted_text(result: "PredictResult", form: ForecastFormat) -> str:
    if form is ForecastFormat.json:
        return forms.to_json(forms.predict_form(result)) + "\n"
    if form is ForecastFormat.jsonl:
        return forms.lines(forms.forecast_form(forecast) for forecast in result.forecasts)
    return forms.to_csv(result.rows())


def listed(models: "Sequence[ListedModel]", form: ResultFormat) -> None:
    """Show the trained models, and name the ones that cannot be opened."""
    for model in models:
        if model.fault:
            console.say(model.fault, kind="warning")
    if form is ResultFormat.json:
        console.emit(forms.to_json(forms.models_form(models)) + "\n")
        return
    from forecast_cli.cli.tables import models_table

    console.show(models_table(models))


def verified(result: "Verification", *, quiet: bool) -> None:
    """Say that a model has been trained again to the same weights."""
    if quiet:
        return
    manifest = result.manifest
    console.show(
        f"{manifest.name} {manifest.version}: trained again from the stored bars, same weights"
        f" (SHA-256 {result.weights_sha256[:16]}...)"
    )


def cross_validating(plan: "CombinatorialPlan", models: "Sequence[str]") -> None:
    """Say what a cross-validation is going to cost, before it starts."""
    console.say(
        f"cpcv: {plan.n_fits} fits of each model ({', '.join(models)}) beside the walk-forward, for"
        f" {plan.n_paths} paths",
        kind="note",
    )


def backtested(
    result: "BacktestResult", to: console.Destination, page: console.Destination | None
) -> None:
    """Deliver a backtest's tables or JSON, and its page."""
    for symbol in result.data.skipped:
        console.say(f"{symbol}: too few bars for one window; not tested", kind="warning")
    for said in (*result.data.late, *result.data.remarks):
        console.say(said, kind="warning")
    if result.n_kept:
        console.note(f"{result.n_kept} folds were taken from an earlier run; --no-cache fits anew")
    if to.form is ForecastFormat.json:
        console.deliver_text(forms.to_json(forms.backtest_form(result)) + "\n", to)
    else:
        from forecast_cli.cli import backtest_tables as tables

        console.deliver(
            [
                tables.fold_table(result.folds),
                tables.score_table(result.scores),
                tables.SCORE_LEGEND,
                *tables.leaderboard_tables(result),
                *tables.cost_parts(result),
                *((tables.risk_table(result.risk), tables.RISK_LEGEND) if result.risk else ()),
                tables.trading_table(result.trading),
                tables.TRADING_LEGEND,
                *tables.overfitting_parts(result),
                *((result.canary_line,) if result.canary_line else ()),
                "",
                result.verdict,
                *tables.sketch_parts(result),
            ],
            to,
        )
    if page is not None and page.path is not None:
        from forecast_cli.report.page import backtest_page

        command = shlex.join(["forecast", *sys.argv[1:]])
        write_bytes(page.path, backtest_page(result, command=command).encode())
        console.note(f"wrote {page.path}")


def audited(result: "AuditResult", to: console.Destination) -> None:
    """Deliver an audit's table or JSON. Raises InternalCheckError when a check failed."""
    if to.form is ForecastFormat.json:
        console.deliver_text(forms.to_json(forms.audit_form(result)) + "\n", to)
    else:
        from forecast_cli.cli.backtest_tables import audit_table

        told = (
            f"{len(result.failed)} of {len(result.checks)} checks failed."
            if result.failed
            else f"none found in {len(result.checks)} checks, which is not: there is none."
        )
        console.deliver([audit_table(result.checks), "", f"look-ahead: {told}"], to)
    if result.failed:
        names = ", ".join(dict.fromkeys(check.subject for check in result.failed))
        raise InternalCheckError(
            f"look-ahead: {names}", fix="leave it out, or repair it, and run the audit again"
        )


def examined(result: "Examination", form: ResultFormat) -> None:
    """Show what every check found; raise an error of the first fault's kind where there is one."""
    if form is ResultFormat.json:
        console.emit(forms.to_json(forms.doctor_form(result)) + "\n")
    else:
        from forecast_cli.cli.tables import doctor_table

        console.show(doctor_table(result))
    for first in result.faults[:1]:
        assert first.error is not None
        more = len(result.faults) - 1
        others = f" (and {more} more fault{'s' if more > 1 else ''})" if more else ""
        raise first.error(f"{first.check}: {first.found}{others}", fix=first.fix)


def scored(result: "ScoreResult", form: RowsFormat) -> None:
    """Show live scores; raise PartialError where there are alarms."""
    from forecast_cli.cli import score_forms

    rows = score_forms.score_rows(result)
    if form is not RowsFormat.table:
        _emit_rows(score_forms.score_form(result), rows, form)
    elif any(row["n"] for row in rows):
        from forecast_cli.cli.score_tables import score_notes, score_table

        console.show(score_table(result), *score_notes(result))
    elif rows:
        from forecast_cli.cli.score_tables import score_notes

        console.note(" ".join(score_notes(result)))
    else:
        console.note("the ledger holds no such forecast yet: `forecast predict` records them")
    for sentence in result.alarms:
        console.say(sentence, kind="failed")
    if result.alarms:
        raise PartialError(f"{len(result.alarms)} of the conditions of --fail-if are met")


def board_made(board: "Board", to: console.Destination) -> None:
    """Deliver the page of a board. Raises UsageError where it would flood a terminal."""
    if to.path is None and console.is_watched():
        raise UsageError("a page is no sight for a terminal", fix="add --output board.html")
    from forecast_cli.report.board_page import board_page

    console.deliver_text(board_page(board), to)


def symbol_shown(shown: "ShownSymbol", form: ResultFormat, *, sessions: int) -> None:
    """Show a symbol: its prices, the newest forecasts, and how earlier ones fared."""
    from forecast_cli.cli import show_tables

    if form is ResultFormat.json:
        console.emit(forms.to_json(show_tables.show_form(shown)) + "\n")
    else:
        console.show(*show_tables.show_parts(shown, sessions))
