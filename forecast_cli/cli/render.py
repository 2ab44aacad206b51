"""The only module that prints. Results go to stdout, everything else to stderr."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType

from forecast_cli.cli import forms
from forecast_cli.cli.options import ForecastFormat, ResultFormat, RowsFormat
from forecast_cli.errors import (
    BadDataError,
    CannotCreateError,
    ForecastError,
    MissingInputError,
    PartialError,
    TryAgainError,
    UsageError,
)
from forecast_cli.files import write_bytes
from forecast_cli.findings import CODES

if TYPE_CHECKING:
    from forecast_cli.data.listing import StoredSeries
    from forecast_cli.features.indicators import Listed
    from forecast_cli.findings import Finding
    from forecast_cli.models.supervision import EpochReport
    from forecast_cli.workflows.backtest_result import BacktestResult
    from forecast_cli.workflows.covariates import StoredCovariate
    from forecast_cli.workflows.data import CheckResult, RemovedSeries, ShownSeries
    from forecast_cli.workflows.fetch import FetchResult
    from forecast_cli.workflows.models import ListedModel, Verification
    from forecast_cli.workflows.predict import PredictResult
    from forecast_cli.workflows.train import TrainResult
    from forecast_cli.workflows.tune import TuneResult

_PIPE_CLOSED = 141
_WIDTH_OF_FILES = 120
_OLD = timedelta(days=7)
_SPELT_OUT = 3


@dataclass(frozen=True)
class Destination:
    """Where a result goes and in which form. path: None for stdout."""

    path: Path | None
    form: ForecastFormat


def destination(
    output: Path | None, chosen: ForecastFormat | ResultFormat | None, *, force: bool
) -> Destination:
    """Decide before any work is done whether the result can be delivered.

    Raises CannotCreateError when the file exists and `force` is not given or its folder does not
    exist, UsageError for Parquet on stdout.
    """
    path = None if output in (None, Path("-")) else output
    known = {item.value for item in ForecastFormat}
    suffix = path.suffix[1:].lower() if path else ""
    form = ForecastFormat(chosen.value if chosen else suffix if suffix in known else "table")
    if path is None:
        if form is ForecastFormat.parquet:
            raise UsageError("Parquet cannot be printed", fix="add --output FILE.parquet")
        return Destination(None, form)
    if path.exists() and not force:
        raise CannotCreateError(f"{path}: exists already", fix="add --force to overwrite it")
    if not path.absolute().parent.is_dir():
        raise CannotCreateError(f"{path}: its folder does not exist")
    return Destination(path, form)


def fetched(result: "FetchResult", form: ResultFormat, *, quiet: bool) -> None:
    """Show what was stored.

    Raises TryAgainError when a rate limit stopped the run, PartialError when some symbols failed.
    """
    _report([(series.symbol, found) for series in result.series for found in series.findings])
    for failed in result.failed:
        say(failed.reason, kind="failed")
    for fix in dict.fromkeys(failed.fix for failed in result.failed if failed.fix):
        say(fix, kind="fix")
    if not quiet:
        if form is ResultFormat.json:
            _emit(forms.to_json(forms.fetch_form(result)) + "\n")
        else:
            from forecast_cli.cli.tables import fetch_table

            _print(fetch_table(result))
    count = f"{len(result.failed)} of {len(result.failed) + len(result.series)}"
    if result.rate_limited:
        raise TryAgainError(
            f"a rate limit stopped the run: {count} failed or were not tried;"
            " what was fetched is stored",
            fix="wait an hour, then run the same command again",
        )
    if result.failed:
        raise PartialError(f"{count} failed; the others are stored")


def covariates_fetched(
    result: "Sequence[StoredCovariate]", form: ResultFormat, *, quiet: bool
) -> None:
    """Show what was stored as covariates."""
    if quiet:
        return
    if form is ResultFormat.json:
        _emit(forms.to_json(forms.covariates_form(result)) + "\n")
        return
    from forecast_cli.cli.tables import covariates_table

    _print(covariates_table(result))


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
                note(f"note: {text}")
            else:
                say(text, kind="warning")


def series_listed(series: "list[StoredSeries]", form: RowsFormat) -> None:
    """Show what is stored."""
    if form is RowsFormat.table:
        from forecast_cli.cli.data_tables import list_table

        _print(list_table(series))
        return
    _emit_rows(forms.list_form(series), [asdict(one) for one in series], form)


def series_shown(series: "ShownSeries", form: RowsFormat) -> None:
    """Show one stored series; as rows, its bars."""
    if form is RowsFormat.table:
        from forecast_cli.cli.data_tables import show_tables

        _print(*show_tables(series))
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
                say(f"{symbol}: {finding.message}", kind="error")
    else:
        _print(*([findings_table(found)] if found else []), check_summary(result))
    for failed in result.failed:
        say(failed.reason, kind="failed")


def series_removed(
    series: "list[RemovedSeries]", form: RowsFormat, *, dry_run: bool, quiet: bool
) -> None:
    """Show what is gone, or would be."""
    if quiet:
        return
    if form is RowsFormat.table:
        from forecast_cli.cli.data_tables import remove_table

        _print(remove_table(series), "nothing was removed" if dry_run else "removed")
        return
    form_ = forms.remove_form(series, dry_run=dry_run)
    _emit_rows(form_, [asdict(one) for one in series], form)


def ask(question: str) -> None:
    """Ask whoever sits at the terminal; raises SystemExit(1) unless the answer is yes."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        say("nothing was removed")
        raise SystemExit(1)


def _emit_rows(form: "dict[str, Any]", rows: "list[dict[str, Any]]", wanted: RowsFormat) -> None:
    if wanted is RowsFormat.json:
        _emit(forms.to_json(form) + "\n")
    elif wanted is RowsFormat.jsonl:
        _emit(forms.lines(rows))
    else:
        _emit(forms.to_csv(rows))


def trained(result: "TrainResult", form: ResultFormat, *, quiet: bool) -> None:
    """Show what was learnt and where it lies."""
    for symbol in result.skipped:
        say(f"{symbol}: too few bars for one window; not learnt from", kind="warning")
    for sentence in result.notes:
        say(sentence, kind="note")
    if quiet:
        return
    if form is ResultFormat.json:
        _emit(forms.to_json(forms.train_form(result)) + "\n")
        return
    from forecast_cli.cli.tables import train_table

    _print(train_table(result))


def tuned(result: "TuneResult", form: ResultFormat, *, quiet: bool) -> None:
    """Show what was tried, and how to train with the best of it."""
    if quiet:
        return
    if form is ResultFormat.json:
        _emit(forms.to_json(forms.tune_form(result)) + "\n")
        return
    from forecast_cli.cli import tables

    _print(tables.tune_table(result), tables.tune_note(result))


def features_listed(features: "Sequence[Listed]", form: ResultFormat) -> None:
    """Show what a network can see."""
    if form is ResultFormat.json:
        _emit(forms.to_json(forms.features_form(features)) + "\n")
        return
    from forecast_cli.cli.tables import features_table

    _print(features_table(features))


def predicted(result: "PredictResult", to: Destination) -> None:
    """Deliver forecasts; raise PartialError when some symbols failed."""
    if to.form is ForecastFormat.parquet:
        from forecast_cli.data.store import write_table

        assert to.path is not None
        write_table(to.path, forms.to_arrow(forms.forecast_rows(result)))
        note(f"wrote {to.path}")
    elif to.form is ForecastFormat.table:
        from forecast_cli.cli import tables

        _deliver([tables.predict_table(result), tables.predict_note(result)], to)
    else:
        _deliver_text(_predicted_text(result, to.form), to)
    _warn_of_old_bars(result)
    for said in result.unheard:
        say(said, kind="warning")
    if result.stale_reason:
        say(result.stale_reason, kind="warning")
    for failure in result.failed:
        say(failure.reason, kind="failed")
    if result.failed:
        count = len({forecast.symbol for forecast in result.forecasts})
        raise PartialError(
            f"{len(result.failed)} of {count + len(result.failed)} symbols have no forecast"
        )


def _warn_of_old_bars(result: "PredictResult") -> None:
    """Name the symbols whose last bar lies well before the newest one of the run."""
    newest = max(forecast.cutoff for forecast in result.forecasts)
    for symbol, cutoff in {
        forecast.symbol: forecast.cutoff for forecast in result.forecasts
    }.items():
        if newest - cutoff > _OLD:
            say(f"{symbol}: its last bar is of {cutoff}, others have {newest}", kind="warning")


def _predicted_text(result: "PredictResult", form: ForecastFormat) -> str:
    if form is ForecastFormat.json:
        return forms.to_json(forms.predict_form(result)) + "\n"
    if form is ForecastFormat.jsonl:
        return forms.lines(forms.forecast_form(forecast) for forecast in result.forecasts)
    return forms.to_csv(forms.forecast_rows(result))


def listed(models: "Sequence[ListedModel]", form: ResultFormat) -> None:
    """Show the trained models, and name the ones that cannot be opened."""
    for model in models:
        if model.fault:
            say(model.fault, kind="warning")
    if form is ResultFormat.json:
        _emit(forms.to_json(forms.models_form(models)) + "\n")
        return
    from forecast_cli.cli.tables import models_table

    _print(models_table(models))


def verified(result: "Verification", *, quiet: bool) -> None:
    """Say that a model has been trained again to the same weights."""
    if quiet:
        return
    manifest = result.manifest
    _print(
        f"{manifest.name} {manifest.version}: trained again from the stored bars, same weights"
        f" (SHA-256 {result.weights_sha256[:16]}...)"
    )


def backtested(result: "BacktestResult", to: Destination, page: Destination | None) -> None:
    """Deliver a backtest's tables or JSON, and its page."""
    for symbol in result.data.skipped:
        say(f"{symbol}: too few bars for one window; not tested", kind="warning")
    for said in result.data.late:
        say(said, kind="warning")
    if to.form is ForecastFormat.json:
        _deliver_text(forms.to_json(forms.backtest_form(result)) + "\n", to)
    else:
        from forecast_cli.cli import tables

        _deliver(
            [
                tables.fold_table(result.folds),
                tables.score_table(result.scores),
                tables.SCORE_LEGEND,
                *tables.leaderboard_tables(result),
                *((tables.risk_table(result.risk), tables.RISK_LEGEND) if result.risk else ()),
                tables.trading_table(result.trading),
                tables.TRADING_LEGEND,
                "",
                result.verdict,
            ],
            to,
        )
    if page is not None and page.path is not None:
        from forecast_cli.report.page import backtest_page

        write_bytes(page.path, backtest_page(result).encode())
        note(f"wrote {page.path}")


def say(message: str, *, kind: str = "") -> None:
    """A message for whoever watches; control characters in it are made visible."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(f"{kind}: {text}\n" if kind else f"{text}\n")


def note(message: str) -> None:
    """What a person wants to know and a crontab would send as mail: on a terminal only."""
    if sys.stderr.isatty():
        say(message)


def fail(error: ForecastError) -> None:
    """An error and what to do about it."""
    say(error.message, kind="error")
    if error.fix:
        say(error.fix, kind="fix")


def fail_unexpectedly(error: Exception) -> None:
    """A fault of this program."""
    say(f"{type(error).__name__}: {error}", kind="internal error")
    say("run the command again as `forecast --debug ...` and report what it prints", kind="fix")


@contextlib.contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show how many parts are done, on a terminal only."""
    of = f" of {total}" if total else ""
    with _status(f"{label} 1{of}") as update:
        yield lambda done: update(f"{label} {done} done{of}")


@contextlib.contextmanager
def epochs(label: str) -> "Iterator[Callable[[EpochReport], None]]":
    """Show how far a training is, its loss, and the time left, on a terminal only."""
    with _status(label) as update:
        yield lambda report: update(f"{label}: {forms.epoch_text(report)}")


@contextlib.contextmanager
def replayed(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show which epoch of which network is trained again, on a terminal only."""
    with _status(label) as update:
        yield lambda network, epoch: update(f"{label}: network {network}, epoch {epoch}")


@contextlib.contextmanager
def _status(label: str) -> Iterator[Callable[[str], None]]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(label) as status:
        yield status.update


def _deliver(parts: "list[RenderableType]", to: Destination) -> None:
    if to.path is None:
        _print(*parts)
        return
    text = io.StringIO()
    console = Console(width=_WIDTH_OF_FILES, no_color=True, highlight=False, file=text)
    for part in parts:
        console.print(part, markup=False)
    _deliver_text(text.getvalue(), to)


def _deliver_text(text: str, to: Destination) -> None:
    if to.path is None:
        _emit(text)
        return
    write_bytes(to.path, text.encode())
    note(f"wrote {to.path}")


def _print(*parts: "RenderableType") -> None:
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        # without a terminal nobody resizes: wrapping would only hurt whoever greps
        console = Console(highlight=False, width=_WIDTH_OF_FILES)
    with _closed_pipe_ends_quietly():
        for part in parts:
            console.print(part, markup=False)


def _emit(text: str) -> None:
    with _closed_pipe_ends_quietly():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextlib.contextmanager
def _closed_pipe_ends_quietly() -> Iterator[None]:
    """`forecast ... | head -1` is not an error of ours: leave with 141, as SIGPIPE would."""
    try:
        yield
    except BrokenPipeError:
        # the interpreter flushes stdout once more on its way out
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(_PIPE_CLOSED) from None
