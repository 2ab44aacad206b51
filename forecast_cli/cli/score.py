"""`forecast score`: options, one call, one print."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast_cli.cli import completion, options

if TYPE_CHECKING:
    from forecast_cli.workflows.score import ScoreResult


def score(
    symbols: options.Symbols = None,
    *,
    model: Annotated[
        str | None,
        typer.Option(
            help="Only forecasts of this model. Default: of all.",
            rich_help_panel=options.MODEL,
            autocompletion=completion.trained_models,
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
            max=1_000_000,
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
    Writes nothing.
    """  # noqa: E501 - one command on one line
    bound = bound_score(locals())
    from forecast_cli.cli import render

    render.scored(bound(), result_format)


def bound_score(given: Mapping[str, Any]) -> "Callable[[], ScoreResult]":
    """The workflow with the command's options. given: its parameters, by name."""
    from forecast_cli.workflows.conditions import parse_condition

    conditions = [parse_condition(text) for text in given["fail_if"] or []]

    def bound() -> "ScoreResult":
        # a second, most of it for scipy: only when it is called
        from forecast_cli.workflows.score import score as run

        return run(
            given["symbols"] or [],
            home=options.home_folder(given["home"]),
            model=given["model"],
            since=options.as_date(given["since"]),
            horizons=tuple(given["horizon"] or ()),
            backfilled=given["backfilled"],
            fail_if=conditions,
            at_least=given["at_least"],
        )

    return bound
