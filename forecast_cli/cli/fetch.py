"""`forecast fetch`: options, one call, one print."""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from forecast_cli.cli import options
from forecast_cli.cli.configured import settings
from forecast_cli.errors import UsageError

if TYPE_CHECKING:
    from forecast_cli.workflows.fetch import FetchResult

_MANY_FILES: Final = 64
"""From here on other processes are worth their start."""
_MOST_PROCESSES: Final = 8
"""More would wait for the disk."""


def fetch(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="A file, a folder, a glob in quotes, - for stdin, or yahoo.",
            rich_help_panel=options.INPUT,
        ),
    ],
    symbols: Annotated[
        list[str] | None,
        typer.Argument(help="Symbols such as AAPL or ^GSPC; none means all that the files hold."),
    ] = None,
    *,
    interval: options.IntervalOption = "1d",
    start: Annotated[
        datetime | None,
        typer.Option(
            parser=options.day, metavar="DATE", help="First date.", rich_help_panel=options.INPUT
        ),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option(
            parser=options.day, metavar="DATE", help="Last date.", rich_help_panel=options.INPUT
        ),
    ] = None,
    date_format: Annotated[
        str | None,
        typer.Option(
            help="How dates are written in the files, such as %m/%d/%Y.",
            rich_help_panel=options.INPUT,
        ),
    ] = None,
    strict: options.Strict = False,
    calendar: options.CalendarOption = None,
    zone: Annotated[
        str | None,
        typer.Option(
            help="Zone of the exchange's clock, such as America/New_York, for intraday bars.",
            rich_help_panel=options.INPUT,
        ),
    ] = None,
    price_basis: Annotated[
        options.PriceBasis,
        typer.Option(
            help="What close means: as traded, adjusted for splits, or for splits and dividends.",
            rich_help_panel=options.INPUT,
        ),
    ] = options.PriceBasis.auto,
    sort: Annotated[
        bool,
        typer.Option(
            "--sort", help="Sort rows that are in no order.", rich_help_panel=options.INPUT
        ),
    ] = False,
    strip_currency: Annotated[
        bool,
        typer.Option(
            "--strip-currency",
            help="Read $1,234.50 as 1234.50.",
            rich_help_panel=options.INPUT,
        ),
    ] = False,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Store an extra column as a covariate, known at its bar's close; repeatable.",
            rich_help_panel=options.INPUT,
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=3600,
            help="Seconds for one request to Yahoo.",
            rich_help_panel=options.INPUT,
        ),
    ] = 20.0,
    pause: Annotated[
        float,
        typer.Option(
            min=0,
            max=3600,
            help="Seconds between two symbols from Yahoo.",
            rich_help_panel=options.INPUT,
        ),
    ] = 1.0,
    covariates: Annotated[
        bool,
        typer.Option(
            "--covariates",
            help="The file holds no prices but dated scores, for --covariate.",
            rich_help_panel=options.INPUT,
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what would be stored, and store nothing.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
    quiet: options.Quiet = False,
) -> None:
    r"""[bold]Read price files, or Yahoo, into the store.[/bold]

    [cyan]forecast fetch --from prices/[/cyan]
    every CSV and Parquet file of a folder

    [cyan]forecast fetch ^GSPC --from sp500.csv --date-format %m/%d/%Y[/cyan]
    one file, under a symbol of your choice

    [cyan]forecast fetch AAPL MSFT --from yahoo --start 2010-01-01[/cyan]
    needs pip install 'forecast-cli\[yahoo]'

    [cyan]forecast fetch --from sentiment.csv --covariates[/cyan]
    columns available_at (with offset, or a date), symbol if several, and numbers

    [cyan]forecast fetch AAPL --from nasdaq.csv --strip-currency --date-format %m/%d/%Y[/cyan]
    a Nasdaq.com download: $100.0 in a column Close/Last

    Writes bars/interval=1d/symbol=.../bars.parquet and calendars/ under the store's folder.
    A second run with the same files changes nothing.
    """
    given = locals()
    folder = options.home_folder(home)
    if dry_run:
        from forecast_cli.workflows.rehearsal import rehearsal
    with rehearsal(folder) if dry_run else contextlib.nullcontext(folder) as store:
        given["home"] = store
        _fetch(ctx, given)
    if dry_run:
        from forecast_cli.cli import console

        console.note("nothing was stored; without --dry-run it is")


def _fetch(ctx: typer.Context, given: dict[str, Any]) -> None:
    symbols, result_format, quiet = given["symbols"], given["result_format"], given["quiet"]
    if given["covariates"]:
        others = (symbols, given["start"], given["end"])
        _fetch_covariates(given["source"], given["home"], result_format, quiet=quiet, others=others)
        return
    bound = bound_fetch(ctx, given)
    from forecast_cli.cli import console, render

    with console.progress("series", None) as on_series:
        result = bound(symbols or [], on_series=on_series)
    render.fetched(result, result_format, quiet=quiet)


def bound_fetch(ctx: typer.Context, given: Mapping[str, Any]) -> "Callable[..., FetchResult]":
    """The workflow with the command's options, a function of the symbols.

    given: the parameters of `forecast fetch`, by name.
    """
    n_processes = _processes_for(given["source"])
    from forecast_cli.data.dates import parse_zone
    from forecast_cli.data.series import ReadOptions
    from forecast_cli.workflows.fetch import fetch as run

    zone = given["zone"]
    return partial(
        run,
        source=given["source"],
        home=options.home_folder(given["home"]),
        interval=given["interval"],
        start=options.as_date(given["start"]),
        end=options.as_date(given["end"]),
        options=ReadOptions(
            date_format=given["date_format"],
            zone=None if zone is None else parse_zone(zone),
            price_basis=options.said_basis(given["price_basis"]),
            sort=given["sort"],
            strip_currency=given["strip_currency"],
            keep=tuple(given["keep"] or ()),
        ),
        policies=options.policies(settings(ctx), strict=given["strict"]),
        calendar=given["calendar"],
        timeout_s=given["timeout"],
        pause_s=given["pause"],
        n_processes=n_processes,
    )


def _processes_for(source: str) -> int:
    """One for each core where a folder has many files; they load while this one does, too."""
    try:
        has_many = len(os.listdir(source)) >= _MANY_FILES  # noqa: PTH208 - a count
    except (OSError, ValueError):
        return 1  # no folder, or none that can be read: said where it is
    # processes take turns by semaphores, which Linux keeps in /dev/shm; not every container has it
    can_start = sys.platform == "linux" and os.access("/dev/shm", os.W_OK)  # noqa: S108 - only asked about
    if not has_many or not can_start:
        return 1
    n_processes = min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)
    if n_processes > 1:
        from forecast_cli.jobs import make_ready

        make_ready("forecast_cli.cli.app", "forecast_cli.workflows.fetch")
    return n_processes


def _fetch_covariates(
    source: str,
    home: Path,
    result_format: options.ResultFormat,
    *,
    quiet: bool,
    others: tuple[object, ...],
) -> None:
    if any(others):
        raise UsageError("--covariates takes a whole file: no symbols, no --start, no --end")
    from forecast_cli.cli import render
    from forecast_cli.workflows.covariates import fetch_covariates

    result = fetch_covariates(source, home=home)
    render.covariates_fetched(result, result_format, quiet=quiet)
