"""`forecast models`: what has been trained, and which version of it is used."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from forecast_cli.cli import completion, options
from forecast_cli.cli.configured import Commands
from forecast_cli.cli.program import COMMANDS

app = Commands(
    name="models", help=COMMANDS["models"], no_args_is_help=True, rich_markup_mode="rich"
)


class ExportFormat(StrEnum):
    """What other programs read."""

    keras = "keras"
    onnx = "onnx"
    saved_model = "saved-model"


Name: TypeAlias = Annotated[
    str,
    typer.Argument(help="Name of a trained model.", autocompletion=completion.trained_models),
]
Reference: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="NAME[@VERSION]",
        help="A trained model, or a version of it.",
        autocompletion=completion.trained_models,
    ),
]


@app.command("list")
def list_models(
    *,
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
) -> None:
    """[bold]List the trained models.[/bold]

    [cyan]forecast models list[/cyan]
    name, what it forecasts, until when it knows the market, how many versions there are

    Writes nothing.
    """
    from forecast_cli.cli import render
    from forecast_cli.workflows.models import list_models as run

    render.listed(run(options.home_folder(home)), result_format)


@app.command("show")
def show(
    name: Reference,
    *,
    version: Annotated[
        str | None,
        typer.Option(help="Another than the one in use.", rich_help_panel=options.INPUT),
    ] = None,
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
) -> None:
    """[bold]Everything that is known of a model.[/bold]

    [cyan]forecast models show lstm[/cyan]
    the version in use: configuration, data, dates, what was measured, libraries, files

    [cyan]forecast models show lstm --format json[/cyan]
    the same with the whole manifest, for a script

    Writes nothing.
    """
    from forecast_cli.cli import render_models
    from forecast_cli.workflows.models import show_model

    reference = f"{name}@{version}" if version else name
    shown = show_model(reference, home=options.home_folder(home))
    render_models.shown(shown, result_format)


@app.command("diff")
def diff(
    first: Reference,
    second: Reference,
    *,
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
) -> None:
    """[bold]What differs between two models, or two versions of one.[/bold]

    [cyan]forecast models diff linear lstm[/cyan]
    configuration, data, what was measured, libraries, and how far the weights lie apart

    Writes nothing.
    """
    from forecast_cli.cli import render_models
    from forecast_cli.workflows.models import diff_models

    found = diff_models(first, second, home=options.home_folder(home))
    render_models.compared(found, result_format)


@app.command("verify")
def verify(
    name: Reference,
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


@app.command("export")
def export(
    name: Reference,
    *,
    form: Annotated[
        ExportFormat,
        typer.Option("--format", help="What to write.", rich_help_panel=options.OUTPUT),
    ],
    output: Annotated[Path, typer.Option(help="Write here.", rich_help_panel=options.OUTPUT)],
    force: options.Force = False,
    home: options.Home = None,
    quiet: options.Quiet = False,
) -> None:
    """[bold]Write a model's network for other programs.[/bold]

    [cyan]forecast models export lstm --format onnx --output lstm.onnx[/cyan]
    the graph that forecasts here

    [cyan]forecast models export lstm --format keras --output lstm.keras[/cyan]
    the network, built again from configuration and weights; saved-model writes a folder

    Whatever is written has reproduced the model's stored canary. This program reads none of
    these formats.
    """
    from forecast_cli.cli import render_models
    from forecast_cli.workflows.model_versions import export_model

    written = export_model(
        name, home=options.home_folder(home), form=form.value, output=output, force=force
    )
    render_models.exported(name, form.value, written, quiet=quiet)


@app.command("remove")
def remove(
    name: Reference,
    *,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
    quiet: options.Quiet = False,
) -> None:
    """[bold]Remove a model, or one version of it.[/bold]

    [cyan]forecast models remove lstm[/cyan]
    with all its versions; asks first, on a terminal

    [cyan]forecast models remove lstm@20241231T220000Z-0123abcd --yes[/cyan]
    one version, without a question

    A kill leaves it as it was, or gone.
    """
    from forecast_cli.cli import console, render_models
    from forecast_cli.workflows.model_versions import remove_model

    folder = options.home_folder(home)
    if not (yes or dry_run):
        console.check_somebody_can_be_asked()
        remove_model(name, home=folder, dry_run=True)
        console.ask(f"remove model {name} from {folder}?")
    removed = remove_model(name, home=folder, dry_run=dry_run)
    render_models.removed(removed, result_format, dry_run=dry_run, quiet=quiet)


@app.command("prune")
def prune(
    name: Name,
    *,
    keep: Annotated[
        int,
        typer.Option(
            min=1, max=10_000, help="How many versions stay.", rich_help_panel=options.INPUT
        ),
    ],
    dry_run: options.DryRun = False,
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
    quiet: options.Quiet = False,
) -> None:
    """[bold]Remove all but the newest versions of a model.[/bold]

    [cyan]forecast models prune lstm --keep 3[/cyan]
    the one in use stays, too, however old it is

    forecast train --keep does the same after each training.
    """
    from forecast_cli.cli import render_models
    from forecast_cli.workflows.model_versions import prune_model

    removed = prune_model(name, home=options.home_folder(home), keep=keep, dry_run=dry_run)
    render_models.removed(removed, result_format, dry_run=dry_run, quiet=quiet)


@app.command("pin")
def pin(
    name: Reference,
    *,
    home: options.Home = None,
    quiet: options.Quiet = False,
) -> None:
    """[bold]Keep a version in use, whatever is trained later.[/bold]

    [cyan]forecast models pin lstm@20241231T220000Z-0123abcd[/cyan]
    until forecast models unpin lstm

    Without a version, the one in use stays. It is opened with all checks first. Writes
    models/NAME/PINNED under the store's folder.
    """
    from forecast_cli.cli import render_models
    from forecast_cli.workflows.model_versions import pin_model

    pinned = pin_model(name, home=options.home_folder(home))
    render_models.told(f"{pinned} is pinned and stays in use", quiet=quiet)


@app.command("unpin")
def unpin(
    name: Name,
    *,
    home: options.Home = None,
    quiet: options.Quiet = False,
) -> None:
    """[bold]Use the newest version of a model again.[/bold]

    [cyan]forecast models unpin lstm[/cyan]
    the one trained last, from now on

    Removes models/NAME/PINNED under the store's folder.
    """
    from forecast_cli.cli import render_models
    from forecast_cli.workflows.model_versions import unpin_model

    pinned, in_use = unpin_model(name, home=options.home_folder(home))
    was = f"{name}@{pinned} is no longer pinned" if pinned else f"no version of {name} was pinned"
    render_models.told(f"{was}; {name}@{in_use} is in use", quiet=quiet)
