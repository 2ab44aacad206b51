"""What `forecast run` shows: each step as it ends, a table on a terminal, an error at last."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from forecast_cli.cli import console, forms, render
from forecast_cli.cli.options import ForecastFormat, ResultFormat
from forecast_cli.errors import (
    TERMINATED,
    ConfigError,
    PartialError,
    TryAgainError,
)

if TYPE_CHECKING:
    from rich.table import Table

    from forecast_cli.workflows.predict import PredictResult
    from forecast_cli.workflows.run import RunResult, Step, StepName
    from forecast_cli.workflows.score import ScoreResult

_MOST_NAMED: Final = 20
"""Failures that are named one by one; of more, the JSON names the rest."""
MODEL: Final = "{model}"
"""What stands for a model's name in the path of its forecasts."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where forecasts go beside the ledger: a path, in which {model} stands for the name, or none.

    form: of the files; by default what the path's suffix says.
    """

    path: Path | None
    form: ForecastFormat | None

    @classmethod
    def of(cls, given: Mapping[str, Any], *, n_models: int) -> "Files":
        """As the parameters of `forecast predict` say.

        Raises ConfigError where several models would write the same file.
        """
        path = given["output"]
        if path is not None and n_models > 1 and MODEL not in str(path):
            raise ConfigError(
                f"predict.output: {n_models} models would write {path}",
                fix=f"put {MODEL} into its name",
            )
        return cls(path=path, form=given["result_format"])

    def deliver(self, result: "PredictResult") -> None:
        """Write a model's forecasts, where their file does not say the same already."""
        if self.path is not None:
            path = Path(str(self.path).replace(MODEL, result.manifest.name))
            render.deliver_forecasts(result, console.destination(path, self.form, force=True))


class Progress:
    """Which step a run is at, for whoever interrupts it."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._at = ""

    def begin(self, step: "StepName", about: str) -> None:
        """Remember that a step begins, and so that the one before has ended."""
        if self._at:
            self._done.append(self._at)
        self._at = f"{step} {about}".strip()

    @property
    def sentence(self) -> str:
        """What stands, and what becomes of the rest."""
        done = f"finished: {', '.join(self._done)}; " if self._done else ""
        where = f"stopped at {self._at}; " if self._at else ""
        return f"{done}{where}what was finished is stored, and the next run goes on from there"


@contextlib.contextmanager
def interruptions_told() -> Iterator[Progress]:
    """Say what is stored when Ctrl-C or SIGTERM ends what happens inside."""
    progress = Progress()
    try:
        yield progress
    except KeyboardInterrupt:
        console.say(progress.sentence, kind="interrupted")
        raise
    except SystemExit as end:
        if end.code == TERMINATED:
            console.say(progress.sentence, kind="terminated")
        raise


def step_ended(step: "Step") -> None:
    """Say what a step did: where it failed, to everybody; else to a journal or a terminal."""
    from forecast_cli.workflows.fetch import FetchResult
    from forecast_cli.workflows.predict import PredictResult

    if isinstance(step.result, FetchResult):
        render.report_findings(step.result)
    if isinstance(step.result, PredictResult) and step.result.n_recorded:
        for said in step.result.unheard:
            console.say(said, kind="warning", step=step.step)
    name = _name(step)
    fields: dict[str, Any] = {
        "step": step.step,
        "about": step.about,
        "status": step.status,
        "seconds": round(step.seconds, 3),
    }
    for symbol, reason in step.failed[:_MOST_NAMED]:
        console.say(f"{name}: {reason}", kind="failed", step=step.step, symbol=symbol)
    if len(step.failed) > _MOST_NAMED:
        others = len(step.failed) - _MOST_NAMED
        console.say(f"{name}: and {others:,} more", kind="failed", step=step.step)
    if step.error:
        message = f"{name}: {step.error.message}"
        console.say(message, kind="failed", code=step.error.exit_code, **fields)
        if step.error.fix:
            console.say(step.error.fix, kind="fix", step=step.step)
    else:
        console.note(f"{name}: {step.why}", n_failed=len(step.failed), **fields)


def ran(result: "RunResult", form: ResultFormat | None, *, quiet: bool) -> None:
    """Show the steps, on a terminal or where a form was asked for; raise what went wrong.

    Raises the error of the only kind there is when nothing was done, PartialError when something
    was, TryAgainError when a rate limit stopped the fetch.
    """
    if form is ResultFormat.json and not quiet:
        console.emit(forms.to_json(run_form(result)) + "\n")
    elif not quiet and (form is ResultFormat.table or console.is_watched()):
        console.show(_table(result))
    _raise_faults(result)


def _raise_faults(result: "RunResult") -> None:
    from forecast_cli.workflows.fetch import FetchResult

    if not result.faults:
        return
    names = "; ".join(_fault(step) for step in result.faults)
    for step in result.faults:
        if isinstance(step.result, FetchResult) and step.result.rate_limited:
            raise TryAgainError(f"{names}; the rest stands", fix="run it again in an hour")
    if all(step.status in ("failed", "nothing") for step in result.steps):
        first = next((step.error for step in result.faults if step.error), None)
        if first:
            raise type(first)(f"nothing was done: {names}")
    raise PartialError(f"{names}; the rest stands")


def _fault(step: "Step") -> str:
    if step.error or not step.failed:
        return f"{_name(step)} failed"
    return f"{_name(step)}: {len(step.failed):,} failed"


def _name(step: "Step") -> str:
    return f"{step.step} {step.about}".strip()


def run_form(result: "RunResult") -> dict[str, Any]:
    """Every step with its outcome, and the symbols that failed."""
    return {
        "schema_version": forms.SCHEMA_VERSION,
        "steps": [
            {
                "step": step.step,
                "about": step.about,
                "status": step.status,
                "why": step.why,
                "seconds": round(step.seconds, 3),
                "failed": [{"symbol": name, "reason": why} for name, why in step.failed],
                "error": step.error and forms.error_form(step.error)["error"],
            }
            for step in result.steps
        ],
        "score": _score_form(result),
    }


def _score_form(result: "RunResult") -> dict[str, Any] | None:
    """What was measured; null where no step has changed anything."""
    for step in result.steps:
        if step.step == "score" and step.result is not None:
            from forecast_cli.cli.score_forms import score_form

            return score_form(cast("ScoreResult", step.result))
    return None


def _table(result: "RunResult") -> "Table":
    from forecast_cli.cli.tables import plain_table, right

    table = plain_table("step", "of", "outcome", "seconds", "what")
    for step in result.steps:
        what = step.error.message if step.error else step.why
        about = Path(step.about).name  # of a source, the end of its path tells enough
        table.add_row(step.step, about, step.status, f"{step.seconds:.1f}", what)
    return right(table, "seconds")
