"""`forecast backtest`: options, one call, one print."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from forecast_cli.cli import completion, options, trading
from forecast_cli.cli.configured import settings
from forecast_cli.cli.model_options import network_options
from forecast_cli.errors import UsageError


def backtest(
    ctx: typer.Context,
    model: Annotated[
        list[str],
        typer.Option(
            help=f"A network ({options.networks()}), refitted in every fold; or the name of a"
            " trained model, tested as it stands on what came after its training. Repeat to"
            " compare several.",
            autocompletion=completion.models_and_networks,
            rich_help_panel=options.MODEL,
        ),
    ],
    symbols: options.Symbols = None,
    *,
    horizons: options.Horizons = None,
    objective: options.ObjectiveOption = None,
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
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**31 - 1, help="Of all random numbers.", rich_help_panel=options.MODEL
        ),
    ] = None,
    seeds: options.Seeds = None,
    folds: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="Default: 5.", rich_help_panel=options.TEST),
    ] = None,
    refit_every: Annotated[
        int | None,
        typer.Option(
            "--refit-every",
            "--step",
            min=1,
            max=100_000,
            help="Sessions from fold to fold. Default: what the folds make.",
            rich_help_panel=options.TEST,
        ),
    ] = None,
    test_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100_000,
            help="Sessions tested in a fold. Default: all until the next.",
            rich_help_panel=options.TEST,
        ),
    ] = None,
    test_start: Annotated[
        datetime | None,
        typer.Option(
            parser=options.day,
            metavar="DATE",
            help="First date tested. Default: the middle of the data.",
            rich_help_panel=options.TEST,
        ),
    ] = None,
    window: Annotated[
        options.Window | None,
        typer.Option(help="Default: expanding.", rich_help_panel=options.TEST),
    ] = None,
    train_size: Annotated[
        int | None,
        typer.Option(
            min=100,
            max=100_000,
            help="Sessions of history that a rolling window keeps. Default: the first fold's.",
            rich_help_panel=options.TEST,
        ),
    ] = None,
    embargo: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=100_000,
            help="Sessions left out at each edge beyond the derived gap. Default: 0.",
            rich_help_panel=options.TEST,
        ),
    ] = None,
    cv: Annotated[
        options.CrossValidation | None,
        typer.Option(
            help="Estimate overfitting, too: cpcv tests every choice of groups of dates and learns"
            " from the rest, later dates included. Never a track record.",
            rich_help_panel=options.TEST,
        ),
    ] = None,
    groups: Annotated[
        int | None,
        typer.Option(min=3, max=20, help="Of cpcv. Default: 6.", rich_help_panel=options.TEST),
    ] = None,
    test_groups: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=19,
            help="Of cpcv, tested at a time. Default: 2, which makes 15 fits and 5 paths.",
            rich_help_panel=options.TEST,
        ),
    ] = None,
    lock_test: Annotated[
        datetime | None,
        typer.Option(
            parser=options.day,
            metavar="DATE",
            help="Lock the bars from this date on: train, tune and backtest leave them out from now"
            " on, unless told to --open-lock.",
            rich_help_panel=options.TEST,
        ),
    ] = None,
    open_lock: options.OpenLock = False,
    baseline: Annotated[
        list[options.Baseline] | None,
        typer.Option(
            help="A row beside the model, with a test of the difference; repeat for several. Naive"
            " rows always stand.",
            rich_help_panel=options.TEST,
        ),
    ] = None,
    calibration: Annotated[
        options.Calibration,
        typer.Option(
            help="Of a network, on windows after its training: none, fixed as in predict, or"
            " adaptive, which goes on with each day of the test.",
            rich_help_panel=options.TEST,
        ),
    ] = options.Calibration.fixed,
    warm_start: Annotated[
        bool,
        typer.Option(
            "--warm-start",
            help="Test each network twice, refitted afresh and starting each fold from the fold"
            " before, and say what both took. Nothing is taken from the cache.",
            rich_help_panel=options.TEST,
        ),
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            min=1, max=256, help="Processes; folds are shared out.", rich_help_panel=options.TEST
        ),
    ] = 1,
    cache: Annotated[
        bool,
        typer.Option(
            "--cache/--no-cache",
            help="Take folds that an earlier run has finished as they are.",
            rich_help_panel=options.TEST,
        ),
    ] = True,
    canaries: Annotated[
        bool,
        typer.Option(
            "--canaries/--no-canaries",
            help="First look for look-ahead, on this very data: quick checks.",
            rich_help_panel=options.TEST,
        ),
    ] = True,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit",
            help="Look for look-ahead only, thoroughly: every feature, step and model by name.",
            rich_help_panel=options.TEST,
        ),
    ] = False,
    strategies: trading.Strategies = None,
    threshold: trading.Threshold = 0.52,
    risk_aversion: trading.RiskAversion = 5.0,
    target_volatility: trading.TargetVolatility = 0.1,
    cross_section: trading.CrossSection = 0.2,
    execute: trading.ExecuteOption = trading.Execute.open,
    cost_bps: trading.CostBps = 5.0,
    half_spread_bps: trading.HalfSpreadBps = 0.0,
    slippage_bps: trading.SlippageBps = 0.0,
    borrow_rate: trading.BorrowRate = 0.0,
    financing_rate: trading.FinancingRate = 0.0,
    max_position: trading.MaxPosition = None,
    max_turnover: trading.MaxTurnover = None,
    min_trade: trading.MinTrade = 0.0,
    interval: options.IntervalOption = "1d",
    home: options.Home = None,
    result_format: options.Format = options.ResultFormat.table,
    output: options.Output = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html", help="Write a page about it, too.", rich_help_panel=options.OUTPUT
        ),
    ] = None,
    force: options.Force = False,
) -> None:
    """[bold]Walk forward: would it have been any good?[/bold]

    [cyan]forecast backtest --model linear[/cyan]
    all stored symbols, the second half of the data in five folds

    [cyan]forecast backtest ^GSPC --model lstm --test-start 2014-01-01 --report lstm.html[/cyan]
    one symbol, from 2014 on, with a page of figures

    [cyan]forecast backtest --model linear --model lstm --horizon 1[/cyan]
    which of them is better, on the same windows

    [cyan]forecast backtest --model cnn --refit-every 63 --window rolling --jobs 2[/cyan]
    refitted every quarter, on two processors

    [cyan]forecast backtest ^GSPC --model linear --model mlp --cv cpcv[/cyan]
    would the best of these be the best elsewhere?

    [cyan]forecast backtest ^GSPC --model linear --baseline gjr_garch_t[/cyan]
    beside the econometric standard

    [cyan]forecast backtest --model linear --audit[/cyan]
    does anything look ahead? check by check

    Every row stands beside the naive ones, on the same windows. The gap between training and
    test is derived from the longest horizon and cannot be switched off. Finished folds are kept
    in cache/ under the store's folder: a run that was stopped goes on. Writes trials/ there, too.
    """
    from forecast_cli.cli import console, render

    if audit and report:
        raise UsageError("an audit scores nothing that a page could show", fix="leave out --report")
    destination = console.destination(output, result_format, force=force)
    page = console.destination(report, None, force=force) if report else None
    from forecast_cli.workflows.backtest import backtest as run

    plan = options.fold_plan(
        folds=folds,
        refit_every=refit_every,
        test_size=test_size,
        test_start=test_start,
        window=window,
        train_size=train_size,
        embargo=embargo,
    )
    validation = options.combinatorial_plan(
        cv, groups=groups, test_groups=test_groups, embargo=embargo
    )
    if validation:
        render.cross_validating(validation, model)
    traded = trading.trading_plan(
        strategies,
        threshold=threshold,
        risk_aversion=risk_aversion,
        target_volatility=target_volatility,
        cross_section=cross_section,
        execute=execute,
        cost_bps=cost_bps,
        half_spread_bps=half_spread_bps,
        slippage_bps=slippage_bps,
        borrow_rate=borrow_rate,
        financing_rate=financing_rate,
        max_position=max_position,
        max_turnover=max_turnover,
        min_trade=min_trade,
    )
    network = network_options(locals())
    if audit:
        from forecast_cli.workflows.audit import audit as look

        with console.progress("check", None) as on_check:
            found = look(
                symbols or [],
                model=model,
                home=options.home_folder(home),
                interval=interval,
                plan=plan,
                terms=traded.terms,
                baselines=[name.value for name in baseline or []],
                calibration=calibration.value,
                on_check=on_check,
                **network,
            )
        render.audited(found, destination)
        return
    parts = ((plan and plan.folds) or 0) + (validation.n_fits if validation else 0)
    with console.progress("fold", parts * len(model) if plan and plan.folds else None) as on_fold:
        result = run(
            symbols or [],
            model=model,
            home=options.home_folder(home),
            interval=interval,
            plan=plan,
            cross_validation=validation,
            lock_test=options.as_date(lock_test),
            open_lock=open_lock,
            trading=traded,
            baselines=[name.value for name in baseline or []],
            calibration=calibration.value,
            policies=options.policies(settings(ctx)),
            use_cache=cache,
            canaries=canaries,
            warm_start=warm_start,
            n_processes=jobs,
            on_fold=on_fold,
            **network,
        )
    render.backtested(result, destination, page)
