"""`forecast doctor`: is this installation in order?"""

from typing import Annotated

import typer

from forecast_cli.cli import options


def doctor(
    *,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Leave out the checksums of what is stored.",
            rich_help_panel=options.INPUT,
        ),
    ] = False,
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
) -> None:
    """[bold]Check Python, packages, machine, home folder, bars and models.[/bold]

    [cyan]forecast doctor[/cyan]
    one line per check: ok, note, warning or fault, and what to do

    [cyan]forecast doctor --quick[/cyan]
    without reading every stored bar

    [cyan]forecast doctor --json[/cyan]
    the same for a script

    Changes nothing. Exit code 0 without faults; else that of the first one: 65 damaged bars or
    models, 66 something is missing, 70 a model computes differently here, 78 installation, folder
    or clock.
    """
    from forecast_cli.cli import render
    from forecast_cli.workflows.doctor import examine

    result = examine(options.home_folder(home), quick=quick)
    render.examined(result, result_format)
