"""`forecast config`: what is set and by whom, and a file to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from forecast_cli.cli import options
from forecast_cli.cli.configured import Commands, settings
from forecast_cli.cli.program import COMMANDS, BareCommand
from forecast_cli.settings import FILE_NAME

app = Commands(
    name="config", help=COMMANDS["config"], no_args_is_help=True, rich_markup_mode="rich"
)


@app.command("show")
def show(
    ctx: typer.Context,
    *,
    with_defaults: Annotated[
        bool, typer.Option("--all", help="Defaults, too.", rich_help_panel=options.OUTPUT)
    ] = False,
    result_format: options.Format = options.ResultFormat.table,
) -> None:
    r"""[bold]What is set, and where each value comes from.[/bold]

    [cyan]forecast config show[/cyan]
    what differs from the defaults

    [cyan]forecast config show --all --format json[/cyan]
    every option of every command, for a script

    A flag goes before the environment (FORECAST_TRAIN_MODEL), that before forecast.toml in the
    working folder, that before this user's, and that before the default. Every value is checked:
    exit code 78 for one that is wrong, and for a name that does not exist. Writes nothing.
    """
    from forecast_cli.cli import render
    from forecast_cli.cli.setting_list import list_settings, unknown_variables

    listed = list_settings(ctx, with_defaults=with_defaults)
    files = [file.path for file in settings(ctx).files]
    render.settings_shown(listed, files, unknown_variables(ctx), result_format)


# no setting reaches it: it must also replace a file that cannot be read
@app.command("init", cls=BareCommand)
def init(
    ctx: typer.Context,
    *,
    output: options.Output = Path(FILE_NAME),
    force: options.Force = False,
) -> None:
    """[bold]Write a first forecast.toml, with every option as a comment.[/bold]

    [cyan]forecast config init[/cyan]
    into the working folder

    [cyan]forecast config init --output /etc/forecast/nightly.toml[/cyan]
    for forecast run --config /etc/forecast/nightly.toml

    Sets nothing until a line is uncommented. Refuses a file that exists, unless told to --force.
    """
    from forecast_cli.cli import console
    from forecast_cli.cli.setting_list import template

    destination = console.destination(output, options.ResultFormat.table, force=force)
    console.deliver_text(template(ctx), destination)
