"""`forecast score`: options, one call, one print."""

from datetime import datetime
from typing import Annotated

import typer

from forecast_cli.cli import options


def score(
    symbols: options.Symbols = None,
    *,
    model: Annotated[
        str | None,
        typer.Option(
            help="Only forecasts of this model. Default: of all.", rich_help_panel=options.MODEL
        ),
    ] = None,
    horizon: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            max=250,
            help="Only forecasts so many bars ahead; repeat for several. Default: all.",
            rich_help_panel=options.MODEL,
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=options.day,
            metavar="DATE",
            help="Only cutoffs on this date or after it.",
            rich_help_panel=options.INPUT,
        ),
    ] = None,
    backfilled: Annotated[
        bool,
        typer.Option(
            "--backfilled",
            help="Also score what was forecast after the fact, by --as-of.",
            rich_help_panel=options.TEST,
        ),
    ] = False,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="CONDITION",
            help='Exit with 3 where a row is so: "coverage_90<0.85"; repeat for several.',
            rich_help_panel=options.TEST,
        ),
    ] = None,
    at_least: Annotated[
        int,
        typer.Option(
            min=1,
            help="Scored forecasts that a row needs before --fail-if judges it.",
            rich_help_panel=options.TEST,
        ),
    ] = 30,
    home: options.Home = None,
    result_format: options.RowsOption = options.RowsFormat.table,
) -> None:
    """[bold]Score recorded forecasts by what came.[/bold]

    [cyan]forecast score[/cyan]
    every model and horizon, on forecasts that were made before the fact

    [cyan]forecast score --since 2024-01-01 --fail-if "coverage_90<0.85" --fail-if "cusum_alarm>0"[/cyan]
    for a crontab: exit code 3 when the ranges cease to hold

    The scores are those of `forecast backtest`, beside the same naive rows.
    """  # noqa: E501 - one command on one line
    from forecast_cli.cli import render
    from forecast_cli.workflows.conditions import parse_condition
    from forecast_cli.workflows.score import score as run

    result = run(
        symbols or [],
        home=options.home_folder(home),
        model=model,
        since=options.as_date(since),
        horizons=tuple(horizon or ()),
        backfilled=backfilled,
        fail_if=[parse_condition(text) for text in fail_if or []],
        at_least=at_least,
    )
    render.scored(result, result_format)
