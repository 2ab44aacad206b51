"""Forecast from a trained model and stored bars. Imports neither TensorFlow, Keras nor pandas."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.config import ModelConfig
from forecast_cli.data.bars import Bars
from forecast_cli.data.fingerprint import is_revised
from forecast_cli.data.ledger import Entry, Ledger
from forecast_cli.data.sessions import Calendar, calendar_name, target_date
from forecast_cli.data.store import BarStore, data_hash
from forecast_cli.errors import BadDataError, ForecastError, MissingInputError, together
from forecast_cli.evaluation.calibration import Calibration, calibrate
from forecast_cli.features.dataset import bars_needed, build_windows
from forecast_cli.features.indicators import covariates_of
from forecast_cli.features.market import Market
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts, quantiles_at
from forecast_cli.models.artifact import ModelStore
from forecast_cli.models.manifest import Manifest
from forecast_cli.models.runtime import OnnxForecaster
from forecast_cli.workflows.freshness import refuse_old
from forecast_cli.workflows.market import (
    read_market,
    read_peers,
    revised_covariates,
    stale_covariates,
)
from forecast_cli.workflows.reading import read_series, stored_symbols
from forecast_cli.workflows.tables import Tabular

_SHOWN: Final = 5
Calendars: TypeAlias = Callable[[str], Calendar | None]
"""The calendar of a name, read once; None for one that is not stored."""

REPORTED_LEVELS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)


@dataclass(frozen=True, kw_only=True)
class SymbolForecast:
    """One symbol's forecast at one horizon.

    quantiles: log returns by level. price_quantiles, point_price: those returns applied to
    `last_close`, in its currency. cutoff: the last bar known; target_date: `horizon` sessions
    after it. position: what a model that learnt to trade would hold over the horizon, as a fraction
    of equity, negative where short; None from all others.
    """

    symbol: str
    interval: str
    cutoff: date
    horizon: int
    target_date: date
    last_close: float
    point_return: float
    point_price: float
    quantiles: dict[float, float]
    price_quantiles: dict[float, float]
    p_up: float
    model: str
    model_version: str
    position: float | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A symbol that could not be forecast, and why."""

    symbol: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PredictResult(Tabular):
    """forecasts: ordered by symbol as asked for, then horizon. manifest: of the model used.

    revised: symbols asked for, and covariates, that are no longer what the model learnt from.
    unheard: what is to be said of covariates whose last value is too old to count. pinned: whether
    a user has chosen the model's version to stay in use. n_recorded: forecasts that the ledger did
    not know yet.
    """

    forecasts: tuple[SymbolForecast, ...]
    failed: tuple[Failure, ...]
    manifest: Manifest
    revised: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()
    pinned: bool = False
    n_recorded: int = 0

    def rows(self) -> list[dict[str, Any]]:
        """Flat rows: quantiles become columns `q0.05` (log return) and `price_q0.05`."""
        rows = []
        for forecast in self.forecasts:
            row = dict(vars(forecast))  # `asdict` would copy, deep, what nobody changes
            for name, prefix in (("quantiles", "q"), ("price_quantiles", "price_q")):
                row |= {f"{prefix}{level:g}": value for level, value in row.pop(name).items()}
            rows.append(row)
        return rows

    @property
    def stale_reason(self) -> str | None:
        """Why the model should be trained again and how, or None while it need not be."""
        if not self.revised:
            return None
        model, config = self.manifest.name, self.manifest.config
        shown = ", ".join(self.revised[:_SHOWN])
        shown += f" and {len(self.revised) - _SHOWN} more" if len(self.revised) > _SHOWN else ""
        return (
            f"model {model} is stale: bars of {shown} that it learnt from have been revised since;"
            f" train it again (forecast train --model {config.network} --name {model})"
        )


def predict(
    symbols: Sequence[str],
    *,
    home: Path,
    model: str | None = None,
    as_of: date | None = None,
    max_age_sessions: int | None = None,
    record: bool = True,
    now: datetime | None = None,
) -> PredictResult:
    """Forecast from each symbol's last bar, and record it in the ledger.

    symbols: empty for all that are stored. model: NAME or NAME@VERSION; the one trained last by
    default. as_of: pretend that nothing after this date is known. max_age_sessions: refuse a symbol
    whose last bar lies more closed sessions back; None for no limit. record: False leaves the
    ledger alone. now: the instant, with its zone, at which the forecasts are made and up to which
    sessions have closed; by default the clock's. A symbol that cannot be forecast is reported and
    does not cost the others; when none can, its error is raised. Raises BadDataError for an as_of
    before the end of the model's own training data, and as `Ledger.append` does.
    """
    moment = now or datetime.now(UTC)
    models = ModelStore(home)
    artifact = models.open(model or models.newest())
    forecaster = OnnxForecaster(artifact)
    manifest = forecaster.manifest
    if as_of is not None and as_of < date.fromisoformat(manifest.known_until):
        raise BadDataError(
            f"model {manifest.name} learnt from bars up to {manifest.known_until}: a forecast as of"
            f" {as_of} would know its own future",
            fix=f"forecast train --until {as_of} --model {manifest.config.network} --name NAME",
        )
    store = BarStore(home)
    calendars = cache(store.read_calendar)
    chosen = stored_symbols(store, symbols, manifest.interval)
    known, errors, revised = _last_bars(store, chosen, manifest, as_of)
    if max_age_sessions is not None:
        _refuse_old(known, errors, calendars, now=moment, max_age_sessions=max_age_sessions)
    if not known:
        raise together(list(errors.values()))
    series = list(known.values())
    peers = read_peers(store, manifest.config, manifest.symbols, manifest.interval)
    market = read_market(store, manifest.config, series, peers=peers)
    windows = _last_windows(known, market, manifest, errors)
    calibration = Calibration(stretch=manifest.stretch, p_up=manifest.p_up)
    made = calibrate(forecaster.predict(windows), calibration)
    forecasts: list[SymbolForecast] = []
    for row, symbol in enumerate(windows.symbol_names.tolist()):
        bars = known[symbol]
        try:
            forecasts += _describe(made, row, bars, calendars, manifest)
        except ForecastError as error:
            errors[bars.symbol] = error
    if not forecasts:
        raise together(list(errors.values()))
    entries = _entries(forecasts, made, known, made_at=moment) if record else []
    failed = [Failure(symbol=symbol, reason=error.message) for symbol, error in errors.items()]
    return PredictResult(
        forecasts=tuple(forecasts),
        failed=tuple(failed),
        manifest=manifest,
        revised=revised + revised_covariates(market, manifest.learnt),
        unheard=stale_covariates(market, series),
        pinned=artifact.pinned,
        n_recorded=_record(home, entries),
    )


def _refuse_old(
    known: dict[str, Bars],
    errors: dict[str, ForecastError],
    calendars: Calendars,
    *,
    now: datetime,
    max_age_sessions: int,
) -> None:
    """Move the symbols that are too old from the known ones to the errors."""
    for symbol, bars in list(known.items()):
        try:
            calendar = calendars(calendar_name(symbol))
            refuse_old(bars, calendar, now=now, max_age_sessions=max_age_sessions)
        except ForecastError as error:
            errors[symbol] = error
            del known[symbol]


def _last_windows(
    known: dict[str, Bars], market: Market, manifest: Manifest, errors: dict[str, ForecastError]
) -> Windows:
    """The window that ends at each symbol's last bar; symbols without one go to the errors.

    Raises the first of these where there is no window at all.
    """
    config, series = manifest.config, list(known.values())
    windows = build_windows(
        series,
        horizons=config.horizons,
        lookback=config.lookback,
        features=config.features,
        market=market,
    )
    last_bars = np.array([bars.timestamp[-1] for bars in series])
    newest = windows.take(windows.cutoffs == last_bars[windows.symbol_index])
    for symbol in known.keys() - set(newest.symbol_names.tolist()):
        covariates = ", ".join(covariates_of(config.features))
        errors[symbol] = BadDataError(
            f"{symbol}: covariates of model {manifest.name} have no value in its last window"
            f" ({covariates})",
            fix="fetch more history of them",
        )
    if not len(newest):
        raise together(list(errors.values()))
    return newest


def _last_bars(
    store: BarStore, symbols: Sequence[str], manifest: Manifest, as_of: date | None
) -> tuple[dict[str, Bars], dict[str, ForecastError], tuple[str, ...]]:
    """As many last bars of each symbol as one window needs, and why the others have none.

    Last, the symbols whose bars differ from those that the model learnt from.
    """
    needed = bars_needed(manifest.config.lookback, manifest.config.features)
    known: dict[str, Bars] = {}
    errors: dict[str, ForecastError] = {}
    revised = []
    for symbol in symbols:
        try:
            (bars,) = read_series(store, [symbol], manifest.interval, until=as_of)
            learnt = manifest.learnt.get(symbol)
            if learnt and is_revised(bars, learnt):
                revised.append(symbol)
            known[symbol] = _enough(bars.take(slice(-needed, None)), needed, manifest.config)
        except ForecastError as error:
            errors[symbol] = error
    return known, errors, tuple(revised)


def _enough(bars: Bars, needed: int, config: ModelConfig) -> Bars:
    if len(bars) < needed:
        raise BadDataError(
            f"{bars.symbol}: {len(bars)} bars are known, and {config.network} with lookback"
            f" {config.lookback} needs {needed}",
            fix=f"fetch more history of {bars.symbol}",
        )
    return bars


def _describe(
    made: Forecasts, row: int, bars: Bars, calendars: Calendars, manifest: Manifest
) -> list[SymbolForecast]:
    name = calendar_name(bars.symbol)
    calendar = calendars(name)
    if calendar is None:
        raise MissingInputError(
            f"{bars.symbol}: the sessions of {name} are not stored",
            fix=f"forecast fetch {bars.symbol} --from FILE",
        )
    last_close = float(bars.close[-1])
    result = []
    for column, horizon in enumerate(made.horizons):
        quantiles = _reported(made.quantiles[row, column])
        point = float(made.point[row, column])
        result.append(
            SymbolForecast(
                symbol=bars.symbol,
                interval=bars.interval,
                cutoff=_as_date(bars.timestamp[-1]),
                horizon=horizon,
                target_date=_as_date(target_date(calendar.sessions, bars.timestamp[-1], horizon)),
                last_close=last_close,
                point_return=point,
                point_price=last_close * float(np.exp(point)),
                quantiles=quantiles,
                price_quantiles={
                    level: last_close * float(np.exp(value)) for level, value in quantiles.items()
                },
                p_up=float(made.p_up[row, column]),
                model=manifest.name,
                model_version=manifest.version,
                position=None if made.position is None else float(made.position[row, column]),
            )
        )
    return result


def _entries(
    forecasts: Sequence[SymbolForecast],
    made: Forecasts,
    known: Mapping[str, Bars],
    *,
    made_at: datetime,
) -> list[Entry]:
    """What the ledger keeps of the forecasts: the whole curves, and what they were made from."""
    rows = {symbol: row for row, symbol in enumerate(made.symbols.tolist())}
    sha256 = {symbol: data_hash([known[symbol]]) for symbol in rows}
    return [
        Entry(
            made_at=made_at,
            model=of.model,
            model_version=of.model_version,
            symbol=of.symbol,
            interval=of.interval,
            cutoff=of.cutoff,
            horizon=of.horizon,
            target_date=of.target_date,
            last_close=of.last_close,
            point_return=of.point_return,
            p_up=of.p_up,
            position=of.position,
            data_sha256=sha256[of.symbol],
            quantiles=made.quantiles[rows[of.symbol], made.horizons.index(of.horizon)],
        )
        for of in forecasts
    ]


def _record(home: Path, entries: Sequence[Entry]) -> int:
    try:
        return Ledger(home).append(entries)
    except ForecastError as error:
        without = "add --no-ledger to forecast without recording"
        fix = f"{error.fix}, or {without}" if error.fix else without
        raise type(error)(error.message, fix=fix) from error


def _as_date(day: np.datetime64) -> date:
    return date.fromisoformat(str(day))


def _reported(curve: FloatArray1D) -> dict[float, float]:
    return {level: float(quantiles_at(curve, level)) for level in REPORTED_LEVELS}
