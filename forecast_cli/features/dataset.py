"""The one composition of features, targets and windows."""

from collections.abc import Sequence

import numpy as np

from forecast_cli.arrays import Float32Array2D, FloatArray2D, IntArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.features.indicators import build_features, warm_up
from forecast_cli.features.ingredients import Ingredients, ingredients
from forecast_cli.features.market import NOTHING_ELSE, Market
from forecast_cli.features.targets import future_return, known_from
from forecast_cli.features.windows import Windows


def bars_needed(lookback: int, features: tuple[str, ...]) -> int:
    """Bars a series must have for its last one to be the cutoff of a window."""
    return warm_up(features) + lookback


def build_windows(
    series: Sequence[Bars],
    *,
    horizons: tuple[int, ...],
    lookback: int,
    features: tuple[str, ...],
    market: Market = NOTHING_ELSE,
) -> Windows:
    """Cut every window of some series, the newest, whose targets are unknown, included.

    market: what features see besides the series. A symbol with fewer than `bars_needed` bars
    contributes no window.
    """
    parts = [ingredients(bars, market) for bars in series]
    tables = [_table(part, features) for part in parts]
    starts = np.cumsum([0, *map(len, series)])
    ends = [_window_ends(table, lookback) for table in tables]

    def gather(values: list[FloatArray2D]) -> FloatArray2D:
        picked: FloatArray2D = np.concatenate([v[e] for v, e in zip(values, ends, strict=True)])
        return picked

    scale = gather([_scale(part, horizons) for part in parts])
    future = gather(
        [np.column_stack([future_return(b.adj_close, h) for h in horizons]) for b in series]
    )
    return Windows(
        features=np.concatenate(tables),
        bar_returns=np.concatenate([part.returns for part in parts]),
        lookback=lookback,
        horizons=horizons,
        symbols=tuple(bars.symbol for bars in series),
        rows=np.concatenate([e + start for e, start in zip(ends, starts[:-1], strict=True)]),
        cutoffs=np.concatenate([b.timestamp[e] for b, e in zip(series, ends, strict=True)]),
        known_from=np.concatenate(
            [known_from(b.timestamp, max(horizons))[e] for b, e in zip(series, ends, strict=True)]
        ),
        symbol_index=np.repeat(np.arange(len(series)), [len(e) for e in ends]),
        scale=scale,
        targets=future / scale,
    )


def _table(of: Ingredients, features: tuple[str, ...]) -> Float32Array2D:
    table = build_features(of, features).astype(np.float32)
    # Some features need less history than others; before this row the volatility is not known
    table[: warm_up(features)] = np.nan
    return table


def _scale(of: Ingredients, horizons: tuple[int, ...]) -> FloatArray2D:
    scale: FloatArray2D = of.volatility[:, None] * np.sqrt(horizons)
    return scale


def _window_ends(table: Float32Array2D, lookback: int) -> IntArray1D:
    """Rows at which a whole window of known features ends."""
    unknown = ~np.isfinite(table).all(axis=1)
    last_unknown = np.maximum.accumulate(np.where(unknown, np.arange(len(table)), -1))
    ends: IntArray1D = np.flatnonzero(np.arange(len(table)) - last_unknown >= lookback)
    return ends
