"""A page of today: the newest forecast of each symbol, how earlier ones fared, models and data.

Everything is read from the ledger and the store; no model is run.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from forecast_cli.data.bars import Bars
from forecast_cli.data.fingerprint import is_revised
from forecast_cli.data.ledger import Entry, Ledger
from forecast_cli.data.sessions import Calendar, calendar_name
from forecast_cli.data.store import BarStore
from forecast_cli.errors import ForecastError, MissingInputError
from forecast_cli.findings import DEFAULT_POLICIES, Finding, Policies
from forecast_cli.models.artifact import ModelStore
from forecast_cli.models.manifest import Manifest
from forecast_cli.schema import DAILY
from forecast_cli.workflows.coverage import Held, fared, held_by
from forecast_cli.workflows.data import problems_of
from forecast_cli.workflows.fan import Fan, fan_of_entries, newest


@dataclass(frozen=True, kw_only=True, eq=False)
class BoardRow:
    """What one model last said of one symbol. held: by horizon. warnings: sentences."""

    fan: Fan
    made_at: datetime
    held: Mapping[int, Held]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BoardModel:
    """A model that has forecast. manifest: None where it cannot be opened; fault then says why.

    age: sessions that have closed since the last bar it learnt from; None where not known.
    """

    name: str
    manifest: Manifest | None = None
    fault: str | None = None
    pinned: bool = False
    age: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Board:
    """rows: by symbol, then model. findings: errors and warnings in the bars, by symbol.

    made_at: when the board was. held: of all symbols, by model and horizon.
    """

    made_at: datetime
    rows: tuple[BoardRow, ...]
    models: tuple[BoardModel, ...]
    held: Mapping[tuple[str, int], Held]
    findings: Mapping[str, tuple[Finding, ...]]

    @property
    def horizons(self) -> tuple[int, ...]:
        """Those of all rows, ascending."""
        return tuple(sorted({horizon for row in self.rows for horizon in row.fan.horizons}))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Known:
    """What is known of the symbols. series, calendars: of those that can be read, else faults."""

    series: Mapping[str, Bars]
    calendars: Mapping[str, Calendar]
    faults: Mapping[str, str]
    findings: Mapping[str, tuple[Finding, ...]]


def board(
    home: Path, now: datetime | None = None, *, policies: Policies = DEFAULT_POLICIES
) -> Board:
    """The newest forecasts of the ledger, with all that is known beside them.

    now: the instant, with its zone, at which ages are measured; by default the clock's. policies:
    what is a warning in the bars. Raises MissingInputError when the ledger is empty, BadDataError
    for a damaged file in it; a symbol or a model that cannot be read is a warning.
    """
    moment = now or datetime.now(UTC)
    entries = [entry for entry in Ledger(home).read() if entry.interval == DAILY]
    if not entries:
        raise MissingInputError(f"no forecast is recorded in {home}", fix="forecast predict")
    known = _known(home, {entry.symbol for entry in entries}, policies, moment)
    readable = {symbol: known.series[symbol] for symbol in known.calendars}
    history = list(fared(entries, readable, known.calendars))
    by_symbol = held_by(history, lambda of: (of.symbol, of.model, of.horizon))
    models = _models(home, {entry.model for entry in entries}, known.calendars, moment)
    manifests = {model.name: model.manifest for model in models}
    return Board(
        made_at=moment,
        rows=tuple(
            BoardRow(
                fan=fan_of_entries(of, known.series.get(symbol)),
                made_at=max(entry.made_at for entry in of),
                held={
                    entry.horizon: by_symbol.get((symbol, model, entry.horizon), Held())
                    for entry in of
                },
                warnings=tuple(_warnings(of[0], known, manifests[model], moment)),
            )
            for (symbol, model), of in newest(entries).items()
        ),
        models=models,
        held=held_by(history, lambda of: (of.model, of.horizon)),
        findings=known.findings,
    )


def _known(home: Path, symbols: Iterable[str], policies: Policies, now: datetime) -> _Known:
    store = BarStore(home)
    series: dict[str, Bars] = {}
    faults: dict[str, str] = {}
    shelf: dict[str, Calendar | None] = {}
    for symbol in sorted(symbols):
        name = calendar_name(symbol)
        try:
            series[symbol] = store.read(symbol, DAILY)
            if name not in shelf:
                shelf[name] = store.read_calendar(name)
            if shelf[name] is None:
                faults[symbol] = f"the sessions of {name} are not stored: its age is unknown"
        except ForecastError as error:
            faults[symbol] = error.message.removeprefix(f"{symbol}: ")
    calendars = {symbol: shelf.get(calendar_name(symbol)) for symbol in series}
    return _Known(
        series=series,
        calendars={symbol: of for symbol, of in calendars.items() if of is not None},
        faults=faults,
        findings=problems_of(list(series.values()), home=home, policies=policies, now=now),
    )


def _warnings(
    entry: Entry, known: _Known, manifest: Manifest | None, now: datetime
) -> Iterator[str]:
    """What should make a reader doubt the newest forecast of a symbol."""
    symbol = entry.symbol
    if symbol in known.faults:
        yield known.faults[symbol]
    bars, calendar = known.series.get(symbol), known.calendars.get(symbol)
    if bars is not None:
        cutoff = np.datetime64(entry.cutoff, "D")
        if bars.timestamp[-1] > cutoff:
            yield f"forecast from {entry.cutoff}, and bars up to {bars.timestamp[-1]} are stored"
        elif calendar and (behind := calendar.sessions_behind(cutoff, now)):
            sessions = "session has" if behind == 1 else "sessions have"
            yield f"{behind:,} {sessions} closed since its last bar"
        if manifest and symbol in manifest.learnt and is_revised(bars, manifest.learnt[symbol]):
            yield "bars that the model learnt from have been revised"
    yield from (found.message for found in known.findings.get(symbol, ()))


def _models(
    home: Path, names: Iterable[str], calendars: Mapping[str, Calendar], now: datetime
) -> tuple[BoardModel, ...]:
    store = ModelStore(home)
    models = []
    for name in sorted(names):
        try:
            artifact = store.open(name)
        except ForecastError as error:
            models.append(BoardModel(name=name, fault=error.message))
            continue
        manifest = artifact.manifest
        last = np.datetime64(manifest.known_until)
        ages = [
            calendars[symbol].sessions_behind(last, now)
            for symbol in manifest.symbols
            if symbol in calendars
        ]
        models.append(
            BoardModel(
                name=name,
                manifest=manifest,
                pinned=artifact.pinned,
                age=max((age for age in ages if age is not None), default=None),
            )
        )
    return tuple(models)
