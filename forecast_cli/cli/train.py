"""`forecast train`: options, one call, one print."""

from datetime import datetime
from typing import Annotated

import typer

from forecast_cli.cli import completion, options
from forecast_cli.cli.model_options import chosen_config


def train(
    model: Annotated[
        str,
        typer.Option(
            help=f"The network: {options.networks()}.",
            autocompletion=completion.networks,
            rich_help_panel=options.MODEL,
        ),
    ],
    symbols: options.Symbols = None,
    *,
    name: Annotated[
        str | None,
        typer.Option(
            help="Name to save it under. Default: the network's.", rich_help_panel=options.MODEL
        ),
    ] = None,
    objective: options.ObjectiveOption = None,
    horizons: options.Horizons = None,
    lookback: options.Lookback = None,
    features: options.Features = None,
    covariates: options.Covariates = None,
    carry: options.Carry = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    optimizer: options.OptimizerOption = None,
    learning_rate: options.LearningRate = None,
    weight_decay: options.WeightDecay = None,
    dropout: options.Dropout = None,
    units: options.Units = None,
    filters: options.Filters = None,
    layers: options.Layers = None,
    cost_bps: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1000,
            help="Cost of a trade in --objective sharpe, in hundredths of a per cent. Default: 5.",
            rich_help_panel=options.MODEL,
        ),
    ] = None,
    seed: options.Seed = 0,
    seeds: options.Seeds = None,
    time_budget: Annotated[
        float | None,
        typer.Option(
            parser=options.seconds,
            metavar="SECONDS",
            help="Begin no epoch after that.",
            rich_help_panel=options.MODEL,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the same training where it was interrupted.",
            rich_help_panel=options.MODEL,
        ),
    ] = False,
    keep: options.Keep = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=options.day,
            metavar="DATE",
            help="Learn from bars up to this date only.",
            rich_help_panel=options.INPUT,
        ),
    ] = None,
    open_lock: options.OpenLock = False,
    interval: options.IntervalOption = "1d",
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
    quiet: options.Quiet = False,
) -> None:
    """[bold]Train a network on stored bars and save it.[/bold]

    [cyan]forecast train --model lstm[/cyan]
    one network over all stored symbols

    [cyan]forecast train AAPL MSFT --model linear --horizon 1 --horizon 21 --name monthly[/cyan]
    two symbols, tomorrow and next month

    [cyan]forecast train --model logistic --optimizer sgd --until 2017-12-31[/cyan]
    the direction only, by plain gradient descent, on bars up to 2017

    [cyan]forecast train --model mlp --objective sharpe --seeds 5[/cyan]
    positions that earn after costs, the mean of five networks

    Every network starts as the naive forecast. If no epoch does better on validation, that is
    what is saved, and the result says "no edge found". Writes models/NAME/VERSION/ under the
    store's folder and, until it is done, a checkpoint after each epoch.
    """
    config = chosen_config(locals())
    from forecast_cli.cli import console, render
    from forecast_cli.workflows.train import train as run

    with console.epochs(f"training {model}") as on_epoch:
        result = run(
            symbols or [],
            config=config,
            home=options.home_folder(home),
            name=name,
            interval=interval,
            until=options.as_date(until),
            open_lock=open_lock,
            time_budget=time_budget,
            resume=resume,
            keep=keep,
            on_epoch=on_epoch,
        )
    render.trained(result, result_format, quiet=quiet)
