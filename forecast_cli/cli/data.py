"""`forecast data`: what is stored, shown, checked and removed."""

from typing import Annotated, TypeAlias

import typer

from forecast_cli.cli import completion, options
from forecast_cli.cli.configured import Commands, settings
from forecast_cli.cli.program import COMMANDS, EXIT_CODES

app = Commands(
    name="data",
    help=COMMANDS["data"],
    no_args_is_help=True,
    rich_markup_mode="rich",
    epilog=EXIT_CODES,
)

Symbol: TypeAlias = Annotated[
    str,
    typer.Argument(
        help="A stored symbol, such as AAPL or ^GSPC.", autocompletion=completion.stored_symbols
    ),
]


@app.command("list", epilog=EXIT_CODES)
def list_(
    home: options.Home = None,
    result_format: options.RowsOption = options.RowsFormat.table,
) -> None:
    """[bold]What is stored, and how fresh it is.[/bold]

    [cyan]forecast data list[/cyan]
    every series: bars, first and last date, what close means

    [cyan]forecast data list --format csv[/cyan]
    the same for a script

    behind: sessions of the exchange that have closed after the last bar. Reads footers
    only; forecast data check reads the bars. Writes nothing.
    """
    from forecast_cli.cli import render
    from forecast_cli.workflows.data import list_series

    render.series_listed(list_series(home=options.home_folder(home)), result_format)


@app.command(epilog=EXIT_CODES)
def show(
    ctx: typer.Context,
    symbol: Symbol,
    *,
    rows: Annotated[
        int,
        typer.Option(
            min=0, max=1_000_000_000, help="Bars from each end.", rich_help_panel=options.OUTPUT
        ),
    ] = 5,
    interval: options.IntervalOption = "1d",
    home: options.Home = None,
    result_format: options.RowsOption = options.RowsFormat.table,
) -> None:
    """[bold]One series: its ends, actions, findings and revisions.[/bold]

    [cyan]forecast data show AAPL[/cyan]
    the first and the last five bars, and what is known about them

    [cyan]forecast data show AAPL --rows 1000000 --format csv[/cyan]
    all bars; csv and jsonl hold the bars alone

    Writes nothing.
    """
    from forecast_cli.cli import render
    from forecast_cli.workflows.data import show_series

    shown = show_series(
        symbol,
        home=options.home_folder(home),
        interval=interval,
        rows=rows,
        policies=options.policies(settings(ctx)),
    )
    render.series_shown(shown, result_format)


@app.command(epilog=EXIT_CODES)
def check(
    ctx: typer.Context,
    symbols: options.Symbols = None,
    *,
    strict: options.Strict = False,
    calendar: options.CalendarOption = None,
    interval: options.IntervalOption = "1d",
    home: options.Home = None,
    result_format: options.RowsOption = options.RowsFormat.table,
    quiet: options.Quiet = False,
) -> None:
    r"""[bold]Check stored bars: checksums, prices, volumes, the exchange's calendar.[/bold]

    [cyan]forecast data check[/cyan]
    all series, one row per finding

    [cyan]forecast data check AAPL --strict[/cyan]
    exit code 65 for warnings, too

    [cyan]forecast data check VOD --calendar XLON[/cyan]
    against another exchange's sessions

    Exit code 0 with warnings, 65 with errors. What follows from a finding is chosen by code
    under \[checks] in forecast.toml: error, warn, note, ignore, or drop when it is fetched.
    Writes nothing.
    """
    from forecast_cli.cli import render
    from forecast_cli.workflows.data import check_series

    result = check_series(
        symbols or [],
        home=options.home_folder(home),
        interval=interval,
        policies=options.policies(settings(ctx), strict=strict),
        calendar=calendar,
    )
    render.series_checked(result, result_format, quiet=quiet)


@app.command(epilog=EXIT_CODES)
def remove(
    symbols: Annotated[
        list[str],
        typer.Argument(help="Stored symbols.", autocompletion=completion.stored_symbols),
    ],
    *,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    interval: options.IntervalOption = "1d",
    home: options.Home = None,
    result_format: options.RowsOption = options.RowsFormat.table,
    quiet: options.Quiet = False,
) -> None:
    """[bold]Remove series from the store, with their revisions.[/bold]

    [cyan]forecast data remove AAPL MSFT[/cyan]
    asks first, on a terminal

    [cyan]forecast data remove AAPL --yes[/cyan]
    for a script

    [cyan]forecast data remove AAPL --dry-run[/cyan]
    removes nothing

    Models stay. A kill leaves a series as it was, or gone.
    """
    from forecast_cli.cli import console, render
    from forecast_cli.workflows.data import remove_series

    folder = options.home_folder(home)
    if not (yes or dry_run):
        console.check_somebody_can_be_asked()
        remove_series(symbols, home=folder, interval=interval, dry_run=True)
        console.ask(f"remove {', '.join(symbols)} from {folder}?")
    removed = remove_series(symbols, home=folder, interval=interval, dry_run=dry_run)
    render.series_removed(removed, result_format, dry_run=dry_run, quiet=quiet)
