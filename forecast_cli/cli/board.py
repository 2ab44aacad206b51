"""`forecast board`: options, one call, one page."""

import typer

from forecast_cli.cli import options
from forecast_cli.cli.configured import settings


def board(
    ctx: typer.Context,
    *,
    home: options.Home = None,
    output: options.Output = None,
    force: options.Force = False,
) -> None:
    """[bold]A page of today: the newest forecast of every symbol.[/bold]

    [cyan]forecast board --output board.html[/cyan]
    ranges, P(up), how earlier ranges held, charts, models, and what is odd about the data

    [cyan]forecast board --output board.html --force[/cyan]
    for a crontab, over yesterday's

    Made of recorded forecasts, so [cyan]forecast predict[/cyan] comes first; runs no model.
    One file that needs nothing else and can be mailed. Writes it and nothing else.
    """
    from forecast_cli.cli import console, render
    from forecast_cli.workflows.board import board as run

    destination = console.destination(output, None, force=force)
    made = run(options.home_folder(home), policies=options.policies(settings(ctx)))
    render.board_made(made, destination)
