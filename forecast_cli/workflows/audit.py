"""The long form of the canaries: every feature, step and model by name."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray2D
from forecast_cli.data.bars import Bars
from forecast_cli.data.store import BarStore
from forecast_cli.evaluation.audit import cache_checks, fitting_check, level_checks
from forecast_cli.evaluation.calibration import CalibrationKind
from forecast_cli.evaluation.canaries import (
    Built,
    edge_checks,
    forecast_checks,
    garbage_checks,
    odd_dates,
    shuffled_check,
)
from forecast_cli.evaluation.check import Check
from forecast_cli.evaluation.folds import Fold, FoldPlan
from forecast_cli.evaluation.shuffle import shuffled_score
from forecast_cli.evaluation.walk_forward import Candidate
from forecast_cli.evaluation.worlds import World, cut_after
from forecast_cli.features.windows import Windows
from forecast_cli.models.baselines import DEFAULT_BASELINES, chosen_baselines
from forecast_cli.plugins import find_plugin
from forecast_cli.trading.accounting import Market, Terms, simulate
from forecast_cli.workflows.backtest import folds_of, market_of
from forecast_cli.workflows.backtest_result import DataSummary, summarize
from forecast_cli.workflows.canaries import PROBE, dates_of, naive_candidates, world_of
from forecast_cli.workflows.entries import Entry, entries_of
from forecast_cli.workflows.locking import access
from forecast_cli.workflows.reading import read_series, stored_symbols
from forecast_cli.workflows.strategies import market_of_days

_STRETCH: Final = 250


@dataclass(frozen=True, kw_only=True)
class AuditResult:
    """What an audit found. models: as they were asked for. checks: in the order they were made."""

    models: tuple[str, ...]
    data: DataSummary
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that found something."""
        return tuple(each for each in self.checks if not each.passed)


def audit(
    symbols: Sequence[str],
    *,
    model: str | Sequence[str],
    home: Path,
    interval: str = "1d",
    plan: FoldPlan | None = None,
    terms: Terms | None = None,
    baselines: Sequence[str] = (),
    calibration: CalibrationKind = "fixed",
    on_check: Callable[[int], None] = lambda _: None,
    **options: object,
) -> AuditResult:
    """Look for look-ahead in everything that a backtest of these models would use.

    Arguments as those of `backtest`; nothing is scored, kept or counted as a trial, and bars
    that are locked are not looked at. on_check is told how many checks are done. Each model is
    refitted in one fold, some times over.
    """
    terms = terms or Terms()
    if options.get("objective") == "sharpe":
        options["cost_bps"] = terms.trade_bps
    asked = [
        Candidate(name=name, make=make)
        for name, make in chosen_baselines(baselines).items()
        if name in baselines and name not in DEFAULT_BASELINES
    ]
    names = (model,) if isinstance(model, str) else tuple(dict.fromkeys(model))
    entries = entries_of(names, home, interval, plan, options, calibration=calibration)
    store = BarStore(home)
    chosen = stored_symbols(store, symbols, interval)
    series = read_series(store, chosen, interval, until=access(home, chosen, interval).until)
    cut = partial(folds_of, entries=entries, plan=plan or FoldPlan())
    checks: list[Check] = []
    worlds = [world_of(series, entry, market_of(store, entry, series)) for entry in entries]
    for entry, world in zip(entries, worlds, strict=True):
        for some in _of_model(world, entry, asked, cut):
            checks += [each for each in some if each not in checks]
            on_check(len(checks))
    checks += delay_checks(series, terms)
    kinds = list(dict.fromkeys(each.check for each in checks))
    checks.sort(key=lambda each: kinds.index(each.check))
    clean = worlds[0].windows()
    return AuditResult(models=names, data=summarize(series, clean), checks=tuple(checks))


def _of_model(
    world: World, entry: Entry, asked: list[Candidate], cut: Callable[[Windows], Sequence[Fold]]
) -> Iterator[list[Check]]:
    clean = Built.of(world)
    folds = cut(clean.windows)
    dates, number = dates_of(folds), len(folds) // 2
    fold = folds[number]
    garbage, alive = garbage_checks(clean, dates)
    yield [*garbage, alive]
    truncated, alive = garbage_checks(clean, dates, cut_after)
    yield [*truncated, alive]
    yield level_checks(clean)
    for place in range(len(folds)):
        yield edge_checks(clean, cut, place)
    yield cache_checks(fold)
    candidate = named(entry)
    rows = naive_candidates("adaptive")
    tested = fold.test.cutoffs
    inside = [tested.min(), *odd_dates(tested, 2)]
    for each in (*rows, *asked, PROBE, candidate):
        yield forecast_checks([each], clean, cut, number, inside)
        yield [fitting_check(each, fold)]
    known = clean.windows.known()
    for each in (PROBE, candidate):
        yield [shuffled_check(each.name, shuffled_score(each, rows, known, fold))]


def named(entry: Entry) -> Candidate:
    """The model under test, by the name of the project that a plug-in comes from, too."""
    plugin = find_plugin(entry.config.network) if entry.config.plugin else None
    if plugin is None:
        return entry.candidate
    return replace(entry.candidate, name=f"{entry.candidate.name} of {plugin.distribution}")


def delay_checks(series: Sequence[Bars], terms: Terms) -> list[Check]:
    """Whether money can be made of a bar before its close: on these prices, by these terms.

    Other decisions from a day on, and other prices after it, must leave the account up to that
    day's close as it is. Over two years in the middle, with half the money: far from ruin.
    """
    every = np.unique(np.concatenate([bars.timestamp for bars in series]))
    days = every[max(len(every) // 2 - _STRETCH, 0) : len(every) // 2 + _STRETCH]
    market = market_of_days(days, series)
    middle = len(days) // 2
    rng = np.random.default_rng(0)
    signs: FloatArray2D = rng.choice([-1.0, 1.0], size=market.opens.shape) / 2 / len(series)
    later = np.arange(len(days)) >= middle
    other_signs = np.where(later[:, None], -signs, signs)
    after = (np.arange(len(days)) > middle)[:, None]
    factor = np.where(np.arange(len(days)) % 2, 7.0, 0.7)[:, None]
    other_market = Market(
        days=days,
        opens=np.where(after, market.opens * factor, market.opens),
        closes=np.where(after, market.closes * factor, market.closes),
    )
    usual = simulate(signs, market, terms).equity
    decided = simulate(other_signs, market, terms).equity
    priced = simulate(signs, other_market, terms).equity
    until = slice(0, middle + 1)
    told = f"decided {days[middle]}, traded {days[middle + 1]}"
    return [
        Check(
            check="delay",
            subject="decisions",
            passed=bool(np.array_equal(usual[until], decided[until])),
            detail=f"{told}, {terms.execute}",
        ),
        Check(
            check="delay",
            subject="prices",
            passed=bool(np.array_equal(usual[until], priced[until])),
            detail=f"same account by {days[middle]}",
        ),
    ]
