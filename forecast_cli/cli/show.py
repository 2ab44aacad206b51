"""`forecast show`: options, one call, one print."""

from typing import Annotated

import typer

from forecast_cli.cli import completion, options


def show(
    symbol: Annotated[
        str,
        typer.Argument(
            help="A stored symbol, such as AAPL or ^GSPC.",
            autocompletion=completion.stored_symbols,
        ),
    ],
    *,
    model: Annotated[
        str | None,
        typer.Option(
            help="Only forecasts of this model. Default: of all.",
            autocompletion=completion.trained_models,
            rich_help_panel=options.MODEL,
        ),
    ] = None,
    sessions: Annotated[
        int,
        typer.Option(
            min=1,
            max=10_000,
            help="Closes, and marks of earlier forecasts, to show.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = 60,
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
) -> None:
    """[bold]One symbol: its prices, the newest forecast, and how earlier ones fared.[/bold]

    [cyan]forecast show AAPL[/cyan]
    a line of closes, the forecast's fan, and a mark per session: inside the 90 % range or outside

    [cyan]forecast show AAPL --format json[/cyan]
    the same for a script

    Made of stored bars and recorded forecasts; runs no model. Writes nothing.
    """
    from forecast_cli.cli import render
    from forecast_cli.workflows.show import show as run

    shown = run(symbol, home=options.home_folder(home), model=model, sessions=sessions)
    render.symbol_shown(shown, result_format, sessions=sessions)
