"""What a backtest tested, on which data, and all that is needed to make its numbers again."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from forecast_cli import __version__
from forecast_cli.evaluation.fold_cache import code_sha256
from forecast_cli.evaluation.folds import FoldAudit
from forecast_cli.findings import CODES, Finding
from forecast_cli.report.words import bars, percent
from forecast_cli.trading.accounting import Terms
from forecast_cli.workflows.backtest_result import BacktestResult
from forecast_cli.workflows.entries import network_names

_SPELT_OUT: Final = 12
"""Symbols named one by one; of more, the first."""
_DATES_SHOWN: Final = 3


@dataclass(frozen=True, kw_only=True)
class FindingRow:
    """Findings of one kind over all symbols. n_rows: bars or sessions they are about."""

    code: str
    severity: str
    symbols: str
    n_rows: int
    what: str
    fix: str
    dates: str


def facts(result: BacktestResult) -> dict[str, str]:
    """What was tested, term by term."""
    config, data, folds = result.config, result.data, result.folds
    horizons = ", ".join(map(bars, config.horizons))
    told = {
        "Model": f"{config.network} network, objective {config.objective}, {horizons} ahead,"
        f" from {len(config.features)} features over {bars(config.lookback)}",
        "Symbols": some(data.symbols),
        "Data": f"{data.n_bars:,} bars of {data.interval}, {data.first} to {data.last}",
        "Tested": f"{len(result.windows):,} forecasts at {result.scores[0].n_days:,} closes,"
        f" {folds[0].test_start} to {folds[-1].test_end}, of returns that were not known then",
        "Folds": _folds(result),
        "Prices": _price_basis(data.price_basis),
        "Trading": _terms(result.trading_plan.terms),
    }
    if len(result.candidates) > 1:
        told["Compared"] = (
            f"{', '.join(result.candidates)}, on the windows that all of them have;"
            f" the figures are those of {result.model}, the best"
        )
    if data.skipped:
        told["Not tested"] = f"{some(data.skipped)}: too few bars for one window"
    if data.late:
        told["Shortened"] = " ".join(data.late)
    if data.remarks:
        told["Doubtful"] = ". ".join(data.remarks)
    if data.survivors_only:
        told["Survivors only"] = (
            "These symbols were chosen today. The ones that vanished on the way are missing, which"
            " flatters every strategy that buys."
        )
    return told


def finding_rows(findings: Mapping[str, Iterable[Finding]]) -> list[FindingRow]:
    """Findings by kind, errors first, then those with the most rows."""
    kinds: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for symbol, of_symbol in findings.items():
        for found in of_symbol:
            kinds.setdefault((found.severity, found.code), []).append((symbol, found))
    rows = [
        FindingRow(
            code=code,
            severity=severity,
            symbols=some([symbol for symbol, _ in alike]),
            n_rows=sum(found.n_rows for _, found in alike),
            what=CODES[code].what,
            fix=alike[0][1].fix or "",
            dates=_first_dates([found for _, found in alike]),
        )
        for (severity, code), alike in kinds.items()
    ]
    return sorted(rows, key=lambda row: (row.severity, -row.n_rows))


def hashes(result: BacktestResult) -> dict[str, str]:
    """What must be the same for the numbers to be the same."""
    return {
        "Version": f"forecast {__version__}",
        "SHA-256 of the bars": result.data.sha256,
        "SHA-256 of code and libraries": code_sha256(),
    }


def settings(result: BacktestResult) -> str:
    """All that was chosen, as JSON."""
    return json.dumps(
        {
            "model": result.model,
            "models": {
                name: config.model_dump(mode="json") for name, config in result.candidates.items()
            },
            "plan": asdict(result.plan),
            "trading": asdict(result.trading_plan),
            "symbols": result.data.symbols,
            "interval": result.data.interval,
        },
        indent=2,
        default=str,
    )


def gap_holds(fold: FoldAudit) -> bool:
    """Whether each part's last target was known when the next part began."""
    return bool(
        fold.train_known <= fold.validation_start
        and fold.validation_known <= fold.calibration_start
        and fold.calibration_known <= fold.test_start
    )


def some(names: Iterable[str]) -> str:
    """Names, the first twelve of many."""
    listed = list(names)
    left = len(listed) - _SPELT_OUT
    return ", ".join(listed[:_SPELT_OUT]) + (f" and {left:,} more" if left > 0 else "")


def _folds(result: BacktestResult) -> str:
    count = "1 fold" if len(result.folds) == 1 else f"{len(result.folds)} folds"
    if result.model not in network_names():
        return f"{count}, the trained model as it stands on what came after its training"
    plan = result.plan
    embargo = f", embargo of {plan.embargo} cutoffs" if plan.embargo else ""
    return f"{count}, refitted in each, {plan.window} window{embargo}"


def _price_basis(by_symbol: Mapping[str, str]) -> str:
    """The basis of all prices, or which symbols have which."""
    symbols: dict[str, list[str]] = {}
    for symbol, basis in by_symbol.items():
        symbols.setdefault(basis.replace("_", " "), []).append(symbol)
    if len(symbols) == 1:
        return next(iter(symbols))
    return "; ".join(f"{basis}: {some(of)}" for basis, of in symbols.items())


def _terms(terms: Terms) -> str:
    """When positions are traded and at which costs; limits stand among the settings."""
    told = (
        f"at the next {terms.execute}, {terms.trade_bps:g} basis points of the money moved by each"
        " trade"
    )
    for name, rate in (("shorts", terms.borrow_rate), ("borrowed cash", terms.financing_rate)):
        told += f", {percent(rate, 2)} a year on {name}" if rate else ""
    return told


def _first_dates(alike: list[Finding]) -> str:
    """The first few dates they are about."""
    dates = sorted({day for found in alike for day in found.dates})
    return ", ".join(dates[:_DATES_SHOWN]) + (", ..." if len(dates) > _DATES_SHOWN else "")
