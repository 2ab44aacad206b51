"""A backtest as one HTML page that needs nothing but itself: no script, no address, no font."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from forecast_cli import __version__
from forecast_cli.evaluation.folds import FoldAudit
from forecast_cli.evaluation.scores import SIGNIFICANCE
from forecast_cli.report import figures, measures, words
from forecast_cli.report.svg import palette_css
from forecast_cli.trading.accounting import Terms
from forecast_cli.workflows.backtest_result import BacktestResult
from forecast_cli.workflows.entries import network_names

_PAGES: Final = Environment(
    loader=PackageLoader("forecast_cli.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters |= {
    "number": words.number,
    "percent": words.percent,
    "interval": words.interval,
    "p_value": words.p_value,
    "bars": words.bars,
}


def backtest_page(result: BacktestResult) -> str:
    """The page; equal results give equal bytes."""
    columns = range(len(result.windows.horizons))
    return _PAGES.get_template("report.html").render(
        result=result,
        facts=_facts(result),
        palette=palette_css(),
        fan=figures.fan_chart(result),
        equity=figures.equity_chart(result.strategies),
        calibration=[
            chart(result, column)
            for column in columns
            for chart in (figures.coverage_chart, figures.reliability_chart)
        ],
        skill=figures.skill_chart(result),
        measure=measures.skill_measure(result),
        naive=measures.NAIVE,
        folds=[(fold, _gap_holds(fold)) for fold in result.folds],
        leaderboard=result.leaderboard,
        significance=SIGNIFICANCE,
        reproduction=_reproduction(result),
    )


def _facts(result: BacktestResult) -> dict[str, str]:
    """What was tested, term by term."""
    config, data, folds = result.config, result.data, result.folds
    horizons = ", ".join(map(words.bars, config.horizons))
    facts = {
        "Model": f"{config.network} network, objective {config.objective}, {horizons} ahead,"
        f" from {len(config.features)} features over {words.bars(config.lookback)}",
        "Symbols": ", ".join(data.symbols),
        "Data": f"{data.n_bars:,} bars of {data.interval}, {data.first} to {data.last}",
        "Tested": f"{len(result.windows):,} forecasts at {result.scores[0].n_days:,} closes,"
        f" {folds[0].test_start} to {folds[-1].test_end}, of returns that were not known then",
        "Folds": _folds(result),
        "Prices": _price_basis(data.price_basis),
        "Trading": _terms(result.trading_plan.terms),
        "Data SHA-256": data.sha256,
    }
    if len(result.candidates) > 1:
        facts["Compared"] = (
            f"{', '.join(result.candidates)}, on the windows that all of them have;"
            f" the figures are those of {result.model}, the best"
        )
    if data.skipped:
        facts["Not tested"] = f"{', '.join(data.skipped)}: too few bars for one window"
    if data.survivors_only:
        facts["Survivors only"] = (
            "These symbols were chosen today. The ones that vanished on the way are missing, which"
            " flatters every strategy that buys."
        )
    return facts


def _folds(result: BacktestResult) -> str:
    count = "1 fold" if len(result.folds) == 1 else f"{len(result.folds)} folds"
    if result.model not in network_names():
        return f"{count}, the trained model as it stands on what came after its training"
    plan = result.plan
    embargo = f", embargo of {plan.embargo} cutoffs" if plan.embargo else ""
    return f"{count}, refitted in each, {plan.window} window{embargo}"


def _price_basis(by_symbol: Mapping[str, str]) -> str:
    """The basis of all prices, or of each symbol where they differ."""
    kinds = set(by_symbol.values())
    if len(kinds) == 1:
        return kinds.pop().replace("_", " ")
    return "; ".join(f"{symbol} {basis.replace('_', ' ')}" for symbol, basis in by_symbol.items())


def _terms(terms: Terms) -> str:
    """When positions are traded and at which costs; limits stand among the settings."""
    told = (
        f"at the next {terms.execute}, {terms.trade_bps:g} basis points of the money moved by each"
        " trade"
    )
    for name, rate in (("shorts", terms.borrow_rate), ("borrowed cash", terms.financing_rate)):
        told += f", {words.percent(rate, 2)} a year on {name}" if rate else ""
    return told


def _gap_holds(fold: FoldAudit) -> bool:
    """Whether each part's last target was known when the next part began."""
    return bool(
        fold.train_known <= fold.validation_start
        and fold.validation_known <= fold.calibration_start
        and fold.calibration_known <= fold.test_start
    )


def _reproduction(result: BacktestResult) -> str:
    """All that decides the numbers, as JSON."""
    return json.dumps(
        {
            "forecast": __version__,
            "model": result.model,
            "config": result.config.model_dump(mode="json"),
            "models": {
                name: config.model_dump(mode="json") for name, config in result.candidates.items()
            },
            "plan": asdict(result.plan),
            "trading": asdict(result.trading_plan),
            "data": asdict(result.data),
        },
        indent=2,
        default=str,
    )
