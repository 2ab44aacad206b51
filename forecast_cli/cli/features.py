"""`forecast features`: what a network can see, by name."""

from forecast_cli.cli import options


def features(result_format: options.Format = options.ResultFormat.table) -> None:
    """[bold]List the features: their names, sources and warm-up.[/bold]

    [cyan]forecast train --model mlp --features return,volatility,momentum_63[/cyan]
    three of them in place of the default ones

    [cyan]forecast train --model mlp --covariate ^VIX --covariate sentiment[/cyan]
    the default ones, and those of another symbol and of stored values

    The default features carry a mark. warm-up: bars before the first one that has a value; every
    window needs 100 for its volatility. The last lines stand for every covariate, by its name.
    Writes nothing.
    """
    from forecast_cli.cli import render
    from forecast_cli.features.indicators import listed

    render.features_listed(listed(), result_format)
