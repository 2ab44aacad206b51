"""`forecast models`: what has been trained."""

from typing import Annotated

import typer

from forecast_cli.cli import options
from forecast_cli.cli.configured import Commands

app = Commands(no_args_is_help=True, rich_markup_mode="rich")


@app.command("list")
def list_models(
    *,
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
) -> None:
    """[bold]List the trained models.[/bold]

    [cyan]forecast models list[/cyan]
    name, what it forecasts, until when it knows the market
    """
    from forecast_cli.cli import render
    from forecast_cli.workflows.models import list_models as run

    render.listed(run(options.home_folder(home)), result_format)


@app.command("verify")
def verify(
    name: Annotated[str, typer.Argument(help="Name of a trained model.")],
    *,
    home: options.Home = None,
    quiet: options.Quiet = False,
) -> None:
    """[bold]Train a model again and compare the weights, bit by bit.[/bold]

    [cyan]forecast models verify lstm[/cyan]
    exit code 0 when they are the same, 70 when not, 65 when the bars have changed since

    Reads the stored bars and the model's manifest; writes nothing.
    """
    from forecast_cli.cli import console, render
    from forecast_cli.workflows.models import verify as run

    with console.replayed(f"verifying {name}") as on_epoch:
        result = run(name, home=options.home_folder(home), on_epoch=on_epoch)
    render.verified(result, quiet=quiet)
