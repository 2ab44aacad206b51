"""`forecast run`: one command for cron."""

import contextlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast_cli.cli import completion, options
from forecast_cli.cli.configured import parameters_of
from forecast_cli.cli.fetch import bound_fetch
from forecast_cli.cli.model_options import chosen_config
from forecast_cli.cli.score import bound_score
from forecast_cli.errors import ConfigError

if TYPE_CHECKING:
    from forecast_cli.workflows.run import FetchStep, RunPlan, TrainStep


class LogFormat(StrEnum):
    """Forms of a journal."""

    text = "text"
    json = "json"


def run(
    ctx: typer.Context,
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Network to train and predict with; repeatable. Default: that of train.",
            autocompletion=completion.networks,
            rich_help_panel=options.MODEL,
        ),
    ] = None,
    retrain_every: Annotated[
        int,
        typer.Option(
            min=1,
            max=10_000,
            help="Sessions after which a model is trained again. It is trained at once when its"
            " options, its symbols or the bars it learnt from have changed.",
            rich_help_panel=options.MODEL,
        ),
    ] = 21,
    max_age_sessions: options.MaxAgeSessions = None,
    no_fetch: Annotated[
        bool,
        typer.Option(
            "--no-fetch", help="Take the bars that are stored.", rich_help_panel=options.INPUT
        ),
    ] = False,
    no_score: Annotated[
        bool,
        typer.Option(
            "--no-score", help="Do not judge earlier forecasts.", rich_help_panel=options.OUTPUT
        ),
    ] = False,
    log_format: Annotated[
        LogFormat,
        typer.Option(
            help="Messages as text, or one JSON object per step and message.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = LogFormat.text,
    log_file: Annotated[
        Path | None,
        typer.Option(
            help="Write what happens at the end of this file, too.", rich_help_panel=options.OUTPUT
        ),
    ] = None,
    home: options.Home = None,
    result_format: Annotated[
        options.ResultFormat | None,
        typer.Option(
            "--format",
            help="Form of the result. Default: a table on a terminal, else nothing.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    r"""[bold]Fetch, train what is due, predict and score: one command for cron.[/bold]

    [cyan]forecast run[/cyan]
    as forecast.toml in this folder says; `forecast config init` writes one

    [cyan]forecast run --config /srv/forecast/forecast.toml --log-format json[/cyan]
    from a crontab: silent on success but for one JSON line per step

    [cyan]forecast run --no-fetch --model linear --model lstm --max-age-sessions 2[/cyan]
    two models on the bars that are stored; symbols left behind are refused

    Each step takes the options of its command from the settings (\[fetch], \[train], ...).
    A second run on the same session does nothing. Beside another run it ends with 75,
    where some symbols failed with 3. Writes what these commands write.
    """
    from forecast_cli.cli import console, run_view
    from forecast_cli.cli.journal import Journal
    from forecast_cli.workflows.run import run as work

    folder = options.home_folder(home)
    as_json = log_format is LogFormat.json
    journal = Journal(log_file, as_json=as_json) if log_file or as_json else None
    with console.journal(journal) if journal else contextlib.nullcontext():
        plan = _plan(
            ctx,
            folder,
            models=model,
            retrain_every=retrain_every,
            max_age_sessions=max_age_sessions,
            fetches=not no_fetch,
            scores=not no_score,
        )
        with run_view.interruptions_told() as at:
            result = work(
                plan,
                home=folder,
                on_begin=at.begin,
                on_step=run_view.step_ended,
            )
        run_view.ran(result, result_format, quiet=quiet)


def _plan(
    ctx: typer.Context,
    home: Path,
    *,
    models: list[str] | None,
    retrain_every: int,
    max_age_sessions: int | None,
    fetches: bool,
    scores: bool,
) -> "RunPlan":
    from forecast_cli.cli.run_view import Files
    from forecast_cli.symbols import parse_symbols
    from forecast_cli.workflows.run import RunPlan

    predicting = parameters_of(ctx, "predict", [])
    steps = tuple(_train_step(ctx, name) for name in models or [""])
    return RunPlan(
        fetch=_fetch_step(ctx, home) if fetches else None,
        models=steps,
        symbols=tuple(parse_symbols(predicting["symbols"] or [])),
        retrain_every=retrain_every,
        max_age_sessions=max_age_sessions,
        deliver=Files.of(predicting, n_models=len(steps)).deliver,
        score=bound_score(parameters_of(ctx, "score", []) | {"home": home}) if scores else None,
    )


def _fetch_step(ctx: typer.Context, home: Path) -> "FetchStep | None":
    """What [fetch] says; None where it names no source."""
    from forecast_cli.symbols import parse_symbols
    from forecast_cli.workflows.run import FetchStep

    try:
        given = parameters_of(ctx, "fetch", ["--"])
    except typer.BadParameter:  # what is set and wrong has its own error: this is what is missing
        return None
    source = given["source"]
    if source == "-":
        raise ConfigError(
            "fetch.from: a run reads no standard input", fix="name a file, a folder, or yahoo"
        )
    symbols = tuple(parse_symbols(given["symbols"] or []))
    call = bound_fetch(ctx, given | {"home": home})
    return FetchStep(source=source, symbols=symbols, call=call)


def _train_step(ctx: typer.Context, network: str) -> "TrainStep":
    """What [train] says of a network; where that is empty, of the one it names, or of linear."""
    from forecast_cli.symbols import parse_symbols
    from forecast_cli.workflows.run import TrainStep

    try:
        given = parameters_of(ctx, "train", ["--model", network] if network else ["--"])
    except typer.BadParameter:
        given = parameters_of(ctx, "train", ["--model", "linear"])
    if given["until"] is not None:
        raise ConfigError("train.until: a run learns from all bars", fix="remove the line")
    name = None if network else given["name"]
    return TrainStep(
        name=name or given["model"],
        symbols=tuple(parse_symbols(given["symbols"] or [])),
        config=chosen_config(given),
        interval=given["interval"],
        time_budget=given["time_budget"],
        keep=given["keep"],
    )
