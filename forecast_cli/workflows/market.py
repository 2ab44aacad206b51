"""What the features of a model see besides a symbol's own bars: its peers and its covariates."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from forecast_cli.arrays import DateArray1D
from forecast_cli.config import ModelConfig
from forecast_cli.data.bars import Bars
from forecast_cli.data.covariates import Covariate, CovariateStore
from forecast_cli.data.fingerprint import Fingerprint, fingerprint, is_revised
from forecast_cli.data.sessions import Calendar, calendar_name
from forecast_cli.data.store import BarStore
from forecast_cli.errors import MissingInputError
from forecast_cli.features.dataset import bars_needed
from forecast_cli.features.indicators import covariates_of, needs_peers
from forecast_cli.features.ingredients import VOLATILITY_SPAN
from forecast_cli.features.market import BySymbol, Market

_SHOWN: Final = 5


def read_market(
    store: BarStore, config: ModelConfig, series: Sequence[Bars], *, peers: Sequence[Bars]
) -> Market:
    """What a model's features see besides the series, whole.

    peers: the series that the model learns, or has learnt, from. Raises MissingInputError, naming
    it, for a covariate that is not stored.
    """
    covariates = {
        name: _read_covariate(store, name, series) for name in covariates_of(config.features)
    }
    others = [source for source in covariates.values() if isinstance(source, Bars)]
    return Market(
        peers=tuple(peers) if needs_peers(config.features) else (),
        covariates=covariates,
        calendars=_read_calendars(store, [*series, *others]) if covariates else {},
        carry=config.carry,
        since=min(bars.timestamp[0] for bars in series),
    )


def read_peers(
    store: BarStore, config: ModelConfig, symbols: Sequence[str], interval: str
) -> list[Bars]:
    """The series a trained model ranks a symbol among; none where it does not.

    symbols: that it learnt from. Raises MissingInputError, naming them, for what is not stored.
    """
    if not needs_peers(config.features):
        return []
    missing = [symbol for symbol in symbols if not store.path(symbol, interval).exists()]
    if missing:
        raise MissingInputError(
            "the model ranks a symbol among those that it learnt from, and no bars of"
            f" {', '.join(missing)} are stored",
            fix=f"forecast fetch {' '.join(missing)} --from FOLDER_OR_FILE",
        )
    return [store.read(symbol, interval) for symbol in symbols]


def _read_covariate(store: BarStore, name: str, series: Sequence[Bars]) -> Bars | BySymbol:
    values = CovariateStore(store.home)
    if name in values.names():
        wanted = {None, *(bars.symbol for bars in series)}
        return {
            symbol: values.read(name, symbol) for symbol in values.symbols(name) if symbol in wanted
        }
    if name != name.lower() and store.path(name, series[0].interval).exists():
        return store.read(name, series[0].interval)
    if name != name.lower():
        raise MissingInputError(
            f"covariate {name}: no bars are stored", fix=f"forecast fetch {name} --from FILE"
        )
    known = ", ".join(values.names()) or "none"
    raise MissingInputError(
        f"covariate {name}: no values are stored under this name (stored: {known})",
        fix="forecast fetch --from FILE --covariates; or write a symbol in upper case",
    )


def _read_calendars(store: BarStore, series: Sequence[Bars]) -> dict[str, Calendar]:
    names = {calendar_name(bars.symbol) for bars in series}
    found = {name: store.read_calendar(name) for name in names}
    return {name: calendar for name, calendar in found.items() if calendar is not None}


def late_covariates(market: Market, series: Sequence[Bars], config: ModelConfig) -> tuple[str, ...]:
    """What is to be said of covariates that shorten the history which can be learnt from."""
    needed = bars_needed(config.lookback, config.features)
    starts = [bars.timestamp[needed - 1] for bars in series if len(bars) >= needed]
    said = []
    for name, source in market.covariates.items():
        dates = {bars.symbol: _dates(source, bars.symbol) for bars in series}
        without = [symbol for symbol, days in dates.items() if not len(days)]
        firsts = [days[0] for days in dates.values() if len(days)]
        if without:
            said.append(f"covariate {name} has no value for {', '.join(without)}")
        if starts and firsts and max(firsts) > min(starts):
            said.append(f"covariate {name} is known from {min(firsts)} on: no window ends earlier")
    return tuple(said)


def stale_covariates(market: Market, series: Sequence[Bars]) -> tuple[str, ...]:
    """What is to be said of covariates that no longer count at the last bar of some series."""
    said = []
    for name, source in market.covariates.items():
        without = [bars.symbol for bars in series if _is_stale(source, bars, market.carry)]
        if without:
            shown = ", ".join(without[:_SHOWN]) + (" ..." if len(without) > _SHOWN else "")
            said.append(
                f"covariate {name}: its last value is more than {market.carry} sessions old and"
                f" counts for nothing ({shown})"
            )
    return tuple(said)


def _is_stale(source: Bars | BySymbol, bars: Bars, carry: int) -> bool:
    dates = _dates(source, bars.symbol)
    dates = dates[dates <= bars.timestamp[-1]]
    return len(dates) > 0 and int((bars.timestamp > dates[-1]).sum()) > carry


def _dates(source: Bars | BySymbol, symbol: str) -> DateArray1D:
    """The dates of a covariate's values for a symbol."""
    if isinstance(source, Bars):
        return source.timestamp[VOLATILITY_SPAN:]
    values = source.get(symbol, source.get(None))
    if values is None:
        return np.empty(0, dtype="datetime64[D]")
    return values.available_at.astype("datetime64[D]")


def learnt_covariates(market: Market, known_until: np.datetime64) -> dict[str, Fingerprint]:
    """Fingerprints of the covariates up to a date; of stored values for each symbol."""
    found = {}
    for name, source in _each(market):
        if len(part := source.until(known_until)):
            found[name] = fingerprint(part)
    return found


def revised_covariates(market: Market, learnt: Mapping[str, Fingerprint]) -> tuple[str, ...]:
    """The covariates that are no longer what a model learnt from."""
    return tuple(
        name
        for name, source in _each(market)
        if name in learnt and is_revised(source, learnt[name])
    )


def _each(market: Market) -> Iterator[tuple[str, Bars | Covariate]]:
    """The covariates, each under the name that a manifest knows it by."""
    for name, source in market.covariates.items():
        if isinstance(source, Bars):
            yield name, source
        else:
            yield from ((of.label, of) for of in source.values())
