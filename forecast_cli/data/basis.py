"""What close means, and the close that returns are computed from.

A file cannot say what its close means; its columns tell in most cases, and the user may. Returns
are total returns wherever dividends or an adjusted close are known.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.errors import BadDataError
from forecast_cli.schema import ACTION_COLUMNS, PriceBasis

_BACK_ADJUSTED_SHARE: Final = 0.2
_ROUNDING: Final = 1e-4
"""Relative. Vendors round open, high, low and close separately."""


def basis_of(
    columns: Mapping[str, FloatArray1D], *, is_yfinance: bool, is_intraday: bool
) -> PriceBasis:
    """What the columns of a series tell of its close, where nobody has said it.

    Close beside an adjusted close is adjusted for splits only. yfinance's own layouts without one
    are adjusted, except intraday, which yfinance never adjusts for dividends.
    """
    if "adj_close" in columns:
        return "split_adjusted" if "close" in columns else "adjusted"
    if is_yfinance or any(name in columns for name in ACTION_COLUMNS):
        return "split_adjusted" if is_intraday else "adjusted"
    return "unknown"


def with_total_returns(bars: Bars) -> Bars:
    """Bars whose adj_close earns the dividends, from a series that came without an adjusted close.

    The return of a bar is that of one share held over it, (close + dividend) * split / close before
    (the holding-period return of CRSP), and needs no other bar: later rows only multiply all
    earlier adj_close by one constant. Prices that are not raw are split-adjusted already; adjusted
    ones and those of unknown basis are left as they are.
    """
    if bars.price_basis not in ("raw", "split_adjusted"):
        return bars
    growth = 1 + np.nan_to_num(bars.dividends) / bars.close
    if bars.price_basis == "raw":
        growth *= np.where(bars.splits > 0, bars.splits, 1.0)
    later = np.append(np.cumprod(growth[::-1])[::-1][1:], 1.0)
    return replace(bars, adj_close=bars.close / later)


def check_adjusted(bars: Bars, source: str) -> None:
    """Refuse an adjusted close that differs from a close which is said to be adjusted, too."""
    odd = np.abs(bars.adj_close / bars.close - 1) > _ROUNDING
    if odd.any():
        raise BadDataError(
            f"{source}: {bars.symbol}: Adj Close differs from Close (first on"
            f" {bars.timestamp[odd][0]}), so Close is not adjusted for dividends",
            fix="leave out --price-basis, or say split-adjusted",
        )


def check_back_adjusted(bars: Bars, source: str) -> None:
    """Refuse a file in which yfinance's `back_adjust=True` has mixed two bases."""
    paid = np.flatnonzero(bars.dividends > 0)
    if not len(paid) or not paid[-1]:
        return
    older = bars.take(slice(0, int(paid[-1])))
    odd = older.high < older.close * (1 - _ROUNDING)
    if odd.mean() > _BACK_ADJUSTED_SHARE:
        raise BadDataError(
            f"{source}: {bars.symbol}: looks like back_adjust=True: Close is not adjusted for"
            f" dividends, Open, High and Low are (High is below Close on {int(odd.sum())} of"
            f" {len(older)} rows before the last dividend, first {older.timestamp[odd][0]})",
            fix="download the symbol without back_adjust",
        )
