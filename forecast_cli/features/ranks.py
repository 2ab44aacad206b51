"""A symbol's place among its peers on the day (cross-sectional momentum, Jegadeesh, Titman 1993).

Peers are the symbols a model learns from that had a bar on the very day, on an exchange that closes
at the same moment: others are not listed, or not known yet.
"""

from functools import lru_cache

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D, FloatArray2D
from forecast_cli.data.sessions import calendar_name
from forecast_cli.features.ingredients import Ingredients, past_return
from forecast_cli.features.market import Market


def rank(of: Ingredients, length: int) -> FloatArray1D:
    """Rank of the last `length` bars' return on the day, scaled to -1 (lowest) to 1 (highest).

    Ties share their mean rank; 0 for a symbol alone. A symbol that is no peer is ranked among the
    peers and itself. Shape (n_bars,); NaN on the first `length` bars.
    """
    bars = of.bars
    returns = past_return(bars.adj_close, length)
    dates, columns, peers, places = _day_by_day(of.market, calendar_name(bars.symbol), length)
    result = np.where(np.isnan(returns), np.nan, 0.0)
    row = np.searchsorted(dates, bars.timestamp)
    listed = np.flatnonzero(np.isin(bars.timestamp, dates) & np.isfinite(returns))
    if bars.symbol in columns:
        result[listed] = places[row[listed], columns[bars.symbol]]
    else:
        for bar in listed:
            result[bar] = _places(np.append(peers[row[bar]], returns[bar]))[-1]
    return result


@lru_cache(maxsize=8)
def _day_by_day(
    market: Market, calendar: str, length: int
) -> tuple[DateArray1D, dict[str, int], FloatArray2D, FloatArray2D]:
    """Dates, each peer's column, and returns and places, shape (n_dates, n_peers)."""
    peers = [bars for bars in market.peers if calendar_name(bars.symbol) == calendar]
    returns = [past_return(bars.adj_close, length) for bars in peers]
    wanted = [bars.timestamp >= market.since for bars in peers]
    stamps = [bars.timestamp[some] for bars, some in zip(peers, wanted, strict=True)]
    dates = np.unique(np.concatenate(stamps)) if peers else np.empty(0, dtype="datetime64[D]")
    table = np.full((len(dates), len(peers)), np.nan)
    for column, (days, values, some) in enumerate(zip(stamps, returns, wanted, strict=True)):
        table[np.searchsorted(dates, days), column] = values[some]
    places = np.array([_places(row) for row in table]).reshape(table.shape)
    return dates, {bars.symbol: column for column, bars in enumerate(peers)}, table, places


def _places(values: FloatArray1D) -> FloatArray1D:
    """Each value's mean rank among the known ones, scaled to -1 to 1; 0 for one alone."""
    ordered = np.sort(values[np.isfinite(values)])
    below = np.searchsorted(ordered, values, side="left")
    above = len(ordered) - np.searchsorted(ordered, values, side="right")
    places: FloatArray1D = (below - above) / max(len(ordered) - 1, 1)
    return places
