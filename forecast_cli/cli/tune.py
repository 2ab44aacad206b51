"""`forecast tune`: options, one call, one print."""

from datetime import datetime
from typing import Annotated

import typer

from forecast_cli.cli import completion, options
from forecast_cli.cli.model_options import network_options


def tune(
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
    trials: Annotated[
        int,
        typer.Option(
            min=1,
            max=100_000,
            help="How many sets of options to try, earlier runs included.",
            rich_help_panel=options.SEARCH,
        ),
    ] = 30,
    time_budget: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=31_536_000,
            metavar="SECONDS",
            help="Start no trial after so long.",
            rich_help_panel=options.SEARCH,
        ),
    ] = None,
    horizons: options.Horizons = None,
    objective: options.ObjectiveOption = None,
    lookback: options.Lookback = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    optimizer: options.OptimizerOption = None,
    learning_rate: options.LearningRate = None,
    weight_decay: options.WeightDecay = None,
    dropout: options.Dropout = None,
    units: options.Units = None,
    filters: options.Filters = None,
    layers: options.Layers = None,
    seed: options.Seed = 0,
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=options.day,
            metavar="DATE",
            help="Look at bars up to this date only.",
            rich_help_panel=options.INPUT,
        ),
    ] = None,
    open_lock: options.OpenLock = False,
    interval: options.IntervalOption = "1d",
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
    quiet: options.Quiet = False,
) -> None:
    r"""[bold]Search a network's options on validation folds.[/bold]

    [cyan]forecast tune --model lstm[/cyan]
    thirty sets of options, over all stored symbols

    [cyan]forecast tune ^GSPC --model mlp --trials 100 --until 2013-12-31[/cyan]
    what could have been chosen at the end of 2013: backtest it from there on

    [cyan]forecast tune --model cnn --lookback 60 --time-budget 3600[/cyan]
    an hour, with the lookback given and the rest searched

    What you give is not searched. The network's own options are always tried first. Stopped, it
    goes on where it was. Every trial counts in the trial ledger. Writes tuning/ and trials/ under
    the store's folder; needs pip install 'forecast-cli\[tune]'.
    """
    network = network_options(locals())
    from forecast_cli.cli import console, render
    from forecast_cli.workflows.tune import tune as run

    with console.progress("trial", trials) as on_trial:
        result = run(
            symbols or [],
            network=model,
            home=options.home_folder(home),
            n_trials=trials,
            time_budget_s=time_budget,
            interval=interval,
            until=options.as_date(until),
            open_lock=open_lock,
            on_trial=on_trial,
            **network,
        )
    render.tuned(result, result_format, quiet=quiet)
