"""`forecast fetch`: options, one call, one print."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from forecast_cli.cli import options
from forecast_cli.errors import UsageError


def fetch(
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
    interval: options.IntervalOption = options.Interval.day,
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
    timeout: Annotated[
        float,
        typer.Option(
            min=0.1, help="Seconds for one request to Yahoo.", rich_help_panel=options.INPUT
        ),
    ] = 20.0,
    pause: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds between two symbols from Yahoo.", rich_help_panel=options.INPUT
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

    Writes bars/interval=1d/symbol=.../bars.parquet and calendars/ under the store's folder.
    A second run with the same files changes nothing.
    """
    from forecast_cli.cli import render

    if covariates:
        _fetch_covariates(source, home, result_format, quiet=quiet, others=(symbols, start, end))
        return
    from forecast_cli.settings import load_settings
    from forecast_cli.workflows.fetch import fetch as run

    result = run(
        symbols or [],
        source=source,
        home=options.home_folder(home),
        interval=interval.value,
        start=options.as_date(start),
        end=options.as_date(end),
        date_format=date_format,
        policies=options.policies(load_settings(), strict=strict),
        calendar=calendar,
        timeout_s=timeout,
        pause_s=pause,
    )
    render.fetched(result, result_format, quiet=quiet)


def _fetch_covariates(
    source: str,
    home: Path | None,
    result_format: options.ResultFormat,
    *,
    quiet: bool,
    others: tuple[object, ...],
) -> None:
    if any(others):
        raise UsageError("--covariates takes a whole file: no symbols, no --start, no --end")
    from forecast_cli.cli import render
    from forecast_cli.workflows.covariates import fetch_covariates

    result = fetch_covariates(source, home=options.home_folder(home))
    render.covariates_fetched(result, result_format, quiet=quiet)
