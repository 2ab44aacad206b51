"""The only module that prints. Results go to stdout, everything else to stderr."""

import contextlib
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from forecast_cli.cli import forms
from forecast_cli.cli.journal import Journal
from forecast_cli.cli.options import ForecastFormat, ResultFormat
from forecast_cli.errors import (
    PIPE_CLOSED,
    CannotCreateError,
    ForecastError,
    InputOutputError,
    UsageError,
)
from forecast_cli.files import write_bytes
from forecast_cli.folders import user_folder

if TYPE_CHECKING:
    from forecast_cli.models.supervision import EpochReport

_WIDTH_OF_FILES = 120
_SILENT_S = 1.0


class _PlainConsole(Console):
    """A console to which all text is text: no markup, no emoji, no control character obeyed."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - rich's own
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - rich's own
        """Text of a line or cell; rich measures it as it will be shown."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """What rich puts on the screen, cells of tables included: it all comes by here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))

    def on_broken_pipe(self) -> None:
        """Leave the end to `_lost_results_are_told`; rich would leave with 1."""
        raise  # noqa: PLE0704 - rich calls it while it handles the error


@dataclass
class _Stdout:
    """What a script reads there: one JSON object, be it an error's, where it asked for JSON."""

    wants_json: bool = False
    is_used: bool = False


@dataclass
class _Stderr:
    """How much is said there: 0 for what matters, 1 and 2 for what -v and -vv ask for."""

    verbosity: int = 0


_stdout, _stderr = _Stdout(), _Stderr()


def begin(form: object, *, verbosity: int = 0) -> None:
    """A command begins. form: of its result, as its option says it; None where it has none."""
    _stdout.wants_json, _stdout.is_used = form == ForecastFormat.json.value, False
    _stderr.verbosity = verbosity


def detail(message: str, *, level: int = 1) -> None:
    """What only -v asks for, or with level 2, -vv."""
    if _stderr.verbosity >= level:
        say(message)


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


_journals: list[Journal] = []
"""What is said is written there, too; at most one."""


@contextlib.contextmanager
def journal(opened: Journal) -> Iterator[None]:
    """Write what is said from here on into a journal; one on stderr takes its place there."""
    _journals.append(opened)
    yield
    # not on the way out of an error: what ends the program is said, too
    _journals.remove(opened)


def visible(text: str) -> str:
    """Text with its control characters, line ends excepted, as escapes that can be read."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )


def say(message: str, *, kind: str = "", **fields: Any) -> None:  # noqa: ANN401 - any JSON value
    """A message for whoever watches; control characters in it are made visible.

    fields: what a journal says beside it.
    """
    text = visible(message).replace("\n", "\\n")
    for one in _journals:
        one.write(text, kind=kind, **fields)
    if any(one.on_stderr for one in _journals):
        return
    try:
        sys.stderr.write(f"{kind}: {text}\n" if kind else f"{text}\n")
        sys.stderr.flush()
    except OSError:
        # nobody listens, or the disk is full: the exit code tells; the text is flushed once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def note(message: str, **fields: Any) -> None:  # noqa: ANN401 - any JSON value
    """What a person wants to know and a crontab would send as mail: on a terminal, or with -v."""
    if sys.stderr.isatty() or _stderr.verbosity:
        say(message, **fields)
        return
    for one in _journals:
        one.write(visible(message).replace("\n", "\\n"), **fields)


def is_watched() -> bool:
    """Whether somebody looks at the results, or a crontab would send them as mail."""
    return sys.stdout.isatty()


def fail(error: ForecastError) -> None:
    """An error and what to do about it; an object on stdout, too, where that was asked for."""
    if _stdout.wants_json and not _stdout.is_used:
        _stdout.wants_json = False
        emit(forms.to_json(forms.error_form(error)) + "\n")
    say(error.message, kind="error", code=error.exit_code, error=error.kind)
    if error.fix:
        say(error.fix, kind="fix")


def fail_unexpectedly(error: Exception) -> None:
    """A fault of this program."""
    say(f"{type(error).__name__}: {error}", kind="internal error")
    path = _keep_traceback(error)
    if path is None:
        say("run the command again as `forecast --debug ...` and report what it prints", kind="fix")
    else:
        say(f"report {path}, which says where it happened", kind="fix")


def _keep_traceback(error: Exception) -> Path | None:
    """Write where the fault is in place of the last one; None where this user has no such place."""
    import traceback

    folder = user_folder("state")
    if folder is None:
        return None
    path = folder / "last-error.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path, "".join(traceback.format_exception(error)).encode())
    except (OSError, ForecastError):
        return None
    return path


@contextlib.contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show how many parts are done and, where their number is known, the time left."""
    of = f" of {total}" if total else ""
    started = time.monotonic()

    def left(done: int) -> str:
        if not total or not done:
            return ""
        return f", {forms.duration((time.monotonic() - started) * (total - done) / done)} left"

    with _status(f"{label} 1{of}") as update:
        yield lambda done: update(f"{label} {done} done{of}{left(done)}")


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
    """One line that moves, on a terminal, from the second on: what is quick stays silent."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    status = _PlainConsole(stderr=True).status(label)
    begin_later = threading.Timer(_SILENT_S, status.start)
    begin_later.daemon = True
    begin_later.start()
    try:
        yield status.update
    finally:
        begin_later.cancel()
        begin_later.join()
        status.stop()


def deliver(parts: "list[RenderableType]", to: Destination) -> None:
    """Tables and sentences, to stdout or into a file."""
    if to.path is None:
        show(*parts)
        return
    text = io.StringIO()
    console = _PlainConsole(width=_WIDTH_OF_FILES, no_color=True, file=text)
    for part in parts:
        console.print(part)
    deliver_text(text.getvalue(), to)


def deliver_text(text: str, to: Destination) -> None:
    """Text as it is, to stdout or into a file."""
    if to.path is None:
        emit(text)
        return
    deliver_bytes(text.encode(), to.path)


def deliver_bytes(content: bytes | memoryview, path: Path) -> None:
    """A file; one that says so already stays as it is, so that nobody takes it for news."""
    if path.is_file() and path.read_bytes() == content:
        note(f"{path} says so already")
        return
    write_bytes(path, content)
    note(f"wrote {path}")


def show(*parts: "RenderableType") -> None:
    """Tables and sentences on stdout."""
    console = _PlainConsole(width=width())
    with _lost_results_are_told():
        for part in parts:
            console.print(part)
    _stdout.is_used = True


def width() -> int:
    """Columns of a line on stdout."""
    console = _PlainConsole()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        # without a terminal nobody resizes: wrapping would only hurt whoever greps
        return _WIDTH_OF_FILES
    return console.width


def emit(text: str) -> None:
    """Text as it is on stdout."""
    with _lost_results_are_told():
        sys.stdout.write(text)
        sys.stdout.flush()
    _stdout.is_used = True


def abandon_stdout() -> None:
    """Nothing more can be written there: the interpreter flushes it once more on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _lost_results_are_told() -> Iterator[None]:
    """`forecast ... | head -1` is not an error of ours: leave with 141, as SIGPIPE would.

    Raises InputOutputError where stdout is a file, and its disk full.
    """
    try:
        yield
    except OSError as error:
        abandon_stdout()
        if isinstance(error, BrokenPipeError):
            raise SystemExit(PIPE_CLOSED) from None
        reason = (error.strerror or str(error)).lower()
        raise InputOutputError(f"the result cannot be written to stdout ({reason})") from error


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
