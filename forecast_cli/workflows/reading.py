"""What train, predict and backtest do first: find the series they were asked for."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from forecast_cli.config import ModelConfig
from forecast_cli.data.bars import Bars
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError, MissingInputError, UsageError
from forecast_cli.features.dataset import bars_needed, build_windows
from forecast_cli.features.indicators import covariates_of
from forecast_cli.features.market import NOTHING_ELSE, Market
from forecast_cli.features.windows import Windows
from forecast_cli.schema import INTERVALS
from forecast_cli.symbols import parse_symbols


def stored_symbols(store: BarStore, symbols: Sequence[str], interval: str) -> list[str]:
    """The symbols asked for, or all that are stored when none is.

    Raises UsageError for intraday bars, MissingInputError when the store is empty.
    """
    if interval not in INTERVALS:
        raise UsageError(
            f"{interval} bars are stored but not forecast yet", fix="use daily bars (1d)"
        )
    chosen = parse_symbols(symbols) or store.symbols(interval)
    if not chosen:
        raise MissingInputError(
            f"no {interval} bars are stored in {store.home}",
            fix="forecast fetch --from FOLDER_OR_FILE",
        )
    return chosen


def read_series(
    store: BarStore, symbols: Sequence[str], interval: str, *, until: date | None = None
) -> list[Bars]:
    """The stored series of some symbols, up to and including a date.

    Raises MissingInputError for a symbol that is not stored, or has no bar by then.
    """
    series = [store.read(symbol, interval) for symbol in symbols]
    if until is None:
        return series
    cut = [bars.until(np.datetime64(until)) for bars in series]
    for bars, whole in zip(cut, series, strict=True):
        if not len(bars):
            raise MissingInputError(
                f"{bars.symbol}: no bar is stored up to {until}; the first is {whole.timestamp[0]}"
            )
    return cut


def windows_of(
    series: Sequence[Bars], config: ModelConfig, market: Market = NOTHING_ELSE
) -> Windows:
    """The windows of some series, as a model asks for them.

    Raises BadDataError when no series is long enough for one whose target is known.
    """
    windows = build_windows(
        series,
        horizons=config.horizons,
        lookback=config.lookback,
        features=config.features,
        market=market,
    )
    if not len(windows.known()):
        needed = bars_needed(config.lookback, config.features) + max(config.horizons)
        longest = max(map(len, series))
        if longest >= needed:
            raise BadDataError(
                f"{', '.join(covariates_of(config.features))}: no value is known where a window"
                " with its target could end",
                fix="fetch more of their history, or leave these covariates out",
            )
        raise BadDataError(
            f"no series is long enough: the longest has {longest} bars, and one"
            f" window with its target needs {needed}",
            fix="fetch more history, or use a shorter lookback or horizon",
        )
    return windows


def without_windows(windows: Windows) -> tuple[str, ...]:
    """The symbols that were too short to give a window."""
    used = set(np.unique(windows.symbol_index).tolist())
    return tuple(name for index, name in enumerate(windows.symbols) if index not in used)
