"""Whether a model is due to be trained: what `run` asks before it trains."""

from pathlib import Path
from typing import Final

import numpy as np

from forecast_cli.config import ModelConfig
from forecast_cli.data.fingerprint import is_revised
from forecast_cli.data.store import BarStore
from forecast_cli.errors import ForecastError, MissingInputError
from forecast_cli.models.artifact import ModelStore
from forecast_cli.models.manifest import Manifest
from forecast_cli.workflows.locking import access
from forecast_cli.workflows.market import read_market, revised_covariates
from forecast_cli.workflows.reading import read_series, stored_symbols

_SHOWN: Final = 3


def training_due(
    symbols: tuple[str, ...],
    *,
    config: ModelConfig,
    name: str,
    interval: str,
    home: Path,
    retrain_every: int,
) -> str | None:
    """Why to train a model, a clause that follows "trained, since"; None where it need not be.

    symbols: to learn from; empty for all that are stored. retrain_every: sessions after which a
    model has aged. Raises MissingInputError and BadDataError for bars that cannot be read.
    """
    try:
        manifest = ModelStore(home).open(name).manifest
    except MissingInputError:
        return "there was none"
    except ForecastError as error:
        return f"the old one cannot be used ({error.message})"
    if manifest.config != config or manifest.interval != interval:
        return "its configuration has changed"
    store = BarStore(home)
    chosen = stored_symbols(store, symbols, interval)
    others = sorted(set(chosen) ^ set(manifest.symbols))
    if others:
        return f"its symbols have changed ({_few(others)})"
    return _changed_bars(store, chosen, manifest, home, retrain_every)


def _changed_bars(
    store: BarStore, symbols: list[str], manifest: Manifest, home: Path, retrain_every: int
) -> str | None:
    allowed = access(home, symbols, manifest.interval)
    series = read_series(store, symbols, manifest.interval, until=allowed.until)
    revised = [
        bars.symbol
        for bars in series
        if bars.symbol in manifest.learnt and is_revised(bars, manifest.learnt[bars.symbol])
    ]
    market = read_market(store, manifest.config, series, peers=series)
    revised += revised_covariates(market, manifest.learnt)
    if revised:
        return f"what it learnt from has been revised ({_few(revised)})"
    known_until = np.datetime64(manifest.known_until)
    n_newer = max(int((bars.timestamp > known_until).sum()) for bars in series)
    if n_newer >= retrain_every:
        return f"it had not seen the last {n_newer} sessions"
    return None


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
