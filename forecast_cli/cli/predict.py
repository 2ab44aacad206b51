"""`forecast predict`: options, one call, one print."""

from datetime import datetime
from typing import Annotated

import typer

from forecast_cli.cli import completion, options
from forecast_cli.errors import UsageError


def predict(
    symbols: options.Symbols = None,
    *,
    model: Annotated[
        str | None,
        typer.Option(
            help="A trained model, NAME or NAME@VERSION. Default: the one trained last.",
            autocompletion=completion.trained_models,
            rich_help_panel=options.MODEL,
        ),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            parser=options.day,
            metavar="DATE",
            help="Pretend that nothing after this date is known.",
            rich_help_panel=options.INPUT,
        ),
    ] = None,
    max_age_sessions: options.MaxAgeSessions = None,
    no_ledger: Annotated[
        bool,
        typer.Option(
            "--no-ledger",
            help="Do not record the forecasts for `forecast score`.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    plot: Annotated[
        bool,
        typer.Option(
            "--plot",
            help="Draw the ranges; with --output FILE.svg, .png or .html into that file.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    home: options.Home = None,
    result_format: Annotated[
        options.ForecastFormat | None,
        typer.Option(
            "--format",
            help="Default: table, or what --output's suffix says.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    output: options.Output = None,
    force: options.Force = False,
) -> None:
    """[bold]Forecast from each symbol's last bar.[/bold]

    [cyan]forecast predict AAPL[/cyan]
    with the model trained last

    [cyan]forecast predict --model lstm --format json[/cyan]
    all stored symbols, for a script

    [cyan]forecast predict --as-of 2018-06-29 --output forecasts.parquet[/cyan]
    what would have been said on that day

    [cyan]forecast predict AAPL --plot[/cyan]
    the last closes and the ranges ahead, drawn in the terminal

    Prints the range of each price, or with --format json quantiles of log returns, too.
    Each forecast is recorded, once, for [cyan]forecast score[/cyan]: writes ledger/ under the
    store's folder.
    Loads no TensorFlow and answers at once.
    """
    from forecast_cli.cli import console, render
    from forecast_cli.workflows.fan import fans_of
    from forecast_cli.workflows.predict import predict as run

    destination = console.destination(output, result_format, force=force)
    if plot and destination.form is not options.ForecastFormat.table:
        raise UsageError(
            f"--plot draws, and {destination.form.value} holds no picture",
            fix="leave --plot out, or write to FILE.svg, FILE.png or FILE.html",
        )
    folder = options.home_folder(home)
    result = run(
        symbols or [],
        home=folder,
        model=model,
        as_of=options.as_date(as_of),
        max_age_sessions=max_age_sessions,
        record=not no_ledger,
    )
    fans = fans_of(result.forecasts, home=folder) if plot else ()
    render.predicted(result, destination, fans)
