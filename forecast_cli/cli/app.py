"""The `forecast` program: its commands, and the one place where an error becomes an exit code."""

import errno
import os
import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from forecast_cli import __version__
from forecast_cli.cli import interruption
from forecast_cli.cli.colour import NoColor
from forecast_cli.cli.program import EXIT_CODES, Program
from forecast_cli.errors import PIPE_CLOSED, TERMINATED, ForecastError, InputOutputError

_FIRST_FREE = 3
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

app = typer.Typer(
    name="forecast",
    cls=Program,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from forecast_cli.schema import BARS_FORMAT, JSON_FORMAT, MODEL_FORMAT

        typer.echo(
            f"forecast {__version__} (TensorFlow {version('tensorflow')}, Keras {version('keras')};"
            f" formats: bars {BARS_FORMAT}, models {MODEL_FORMAT}, JSON {JSON_FORMAT})"
        )
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show versions and exit."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    no_color: NoColor = False,
) -> None:
    """Market forecasts that cannot look ahead, and say when they know nothing.

    [bold]Examples[/bold]

    [cyan]forecast fetch --from prices/[/cyan]
    A folder of CSV files into the store

    [cyan]forecast data check[/cyan]
    Is anything wrong with them?

    [cyan]forecast train --model lstm[/cyan]
    One network over all stored symbols

    [cyan]forecast predict AAPL[/cyan]
    Tomorrow's range, and next week's

    [cyan]forecast backtest --model lstm[/cyan]
    Would it have been any good?

    No forecast is investment advice.
    """


def main() -> NoReturn:
    """Run the program on the command line's arguments."""
    signal.signal(signal.SIGTERM, _terminate)
    _open_streams()
    try:
        with interruption.ended_in_time():
            app(prog_name="forecast")
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(PIPE_CLOSED)  # Typer, which prints the help, says 1
        raise
    except Exception as error:
        if "--debug" in sys.argv[1:]:
            raise
        sys.exit(_told(error))
    sys.exit(0)


def _told(error: Exception) -> int:
    """Say what went wrong, and return the exit code for it."""
    from forecast_cli.cli import console

    if isinstance(error, MemoryError):
        fix = "give it more, or fewer symbols at a time"
        error = InputOutputError("the memory of this machine, or its limit, is used up", fix=fix)
    elif isinstance(error, OSError) and error.errno in _FULL:
        console.abandon_stdout()
        reason = (error.strerror or str(error)).lower()
        error = InputOutputError(f"what was to be written does not fit ({reason})")
    if isinstance(error, ForecastError):
        console.fail(error)
        return error.exit_code
    console.fail_unexpectedly(error)
    return 1


def _open_streams() -> None:
    """Give stdin, stdout and stderr a place to go where the caller has closed them (`>&-`).

    Otherwise the next files that are opened would get their numbers, and what a library writes to
    stderr would end in one of them.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < _FIRST_FREE:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: PTH123, SIM115 - as long as the process
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115 - as above
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115 - as above


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    # Python's default for SIGTERM skips every `finally`; leaving by an exception runs them
    sys.exit(TERMINATED)
