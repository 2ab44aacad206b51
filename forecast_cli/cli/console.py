"""The only module that prints. Results go to stdout, everything else to stderr."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType

from forecast_cli.cli import forms
from forecast_cli.cli.options import ForecastFormat, ResultFormat
from forecast_cli.errors import CannotCreateError, ForecastError, UsageError
from forecast_cli.files import write_bytes

if TYPE_CHECKING:
    from forecast_cli.models.supervision import EpochReport

_PIPE_CLOSED = 141
_WIDTH_OF_FILES = 120


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


def deliver(parts: "list[RenderableType]", to: Destination) -> None:
    """Tables and sentences, to stdout or into a file."""
    if to.path is None:
        show(*parts)
        return
    text = io.StringIO()
    console = Console(width=_WIDTH_OF_FILES, no_color=True, highlight=False, file=text)
    for part in parts:
        console.print(part, markup=False)
    deliver_text(text.getvalue(), to)


def deliver_text(text: str, to: Destination) -> None:
    """Text as it is, to stdout or into a file."""
    if to.path is None:
        emit(text)
        return
    write_bytes(to.path, text.encode())
    note(f"wrote {to.path}")


def show(*parts: "RenderableType") -> None:
    """Tables and sentences on stdout."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        # without a terminal nobody resizes: wrapping would only hurt whoever greps
        console = Console(highlight=False, width=_WIDTH_OF_FILES)
    with _closed_pipe_ends_quietly():
        for part in parts:
            console.print(part, markup=False)


def emit(text: str) -> None:
    """Text as it is on stdout."""
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


def check_somebody_can_be_asked() -> None:
    """Raise UsageError without a terminal: nothing ever waits for an answer there."""
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked", fix="add --yes, or --dry-run to see")


def ask(question: str) -> None:
    """Ask whoever sits at the terminal; raises SystemExit(1) unless the answer is yes."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        say("nothing was removed")
        raise SystemExit(1)
