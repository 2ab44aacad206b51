"""From target positions to money: the only trading delay of the program.

Rules of the account:

- The position decided at the close of day t is traded at the open of day t+1.
- A symbol is traded only when its target differs from the one it was last traded to. A position of
  0.5 that is kept for ten days is bought once and left to drift with the price, as a person would
  do; buy and hold therefore trades once. Drift can carry the exposure away from the target.
- Without a bar nothing can be traded: the holding keeps its last price and the trade waits for the
  next bar, where it goes to the target that is current then.
- Cash earns nothing; borrowed cash and borrowed shares cost nothing.
- Equity of zero or less at an open or a close is ruin: trading stops and equity stays at 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.errors import BadDataError

BPS = 1e-4

# The same mean of signals, summed in another order, differs in its last bits: that is no decision.
SMALLEST_CHANGE = 1e-12


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a strategy's money did, day by day; each array has shape (n_days,).

    Row 0 is always equity 1 without a trade, as no position was decided before its open.
    """

    equity: FloatArray1D
    """Cash plus holdings, marked at the close, as a multiple of the money at the start."""
    turnover: FloatArray1D
    """Money bought plus money sold at the open, as a fraction of the equity at that open."""
    costs: FloatArray1D
    """Costs paid at the open, as a fraction of the equity at that open."""


def simulate(
    positions: FloatArray2D, *, opens: FloatArray2D, closes: FloatArray2D, cost_bps: float
) -> Account:
    """Trade the positions with exact cash accounting.

    At each open the money held per symbol moves to the open price; then, with V = cash + holdings,

        trade = position * V - holding        for symbols to be traded
        cost  = cost_bps / 10_000 * |trade|
        cash  = cash - trade - cost

    and the holdings move on to the close, where equity is cash + holdings. The cost is not held
    back from the trade: a fully invested account ends the open with cash of minus the cost.

    Args:
        positions: targets decided at each close, as fractions of equity, negative where short,
            no NaN; shape (n_days, n_symbols).
        opens: price of each open, adjusted for splits and dividends, NaN without a bar; same shape.
        closes: price of each close, likewise. A bar is there where both prices are.
        cost_bps: cost of each trade in basis points of the money traded, at least 0.

    Returns:
        The account, starting at equity 1.

    Raises:
        BadDataError: a price is zero, negative or infinite.
    """
    assert positions.shape == opens.shape == closes.shape
    assert np.isfinite(positions).all()
    assert cost_bps >= 0
    _check_prices(opens, closes)
    has_bar = ~np.isnan(opens) & ~np.isnan(closes)
    overnight, intraday = _growth(opens, closes, has_bar)

    n_days, n_symbols = positions.shape
    equity, turnover = np.zeros(n_days), np.zeros(n_days)
    equity[:1] = 1.0
    cash, holdings, traded_to = 1.0, np.zeros(n_symbols), np.zeros(n_symbols)
    for day in range(1, n_days):
        target = positions[day - 1]  # the trading delay
        holdings *= overnight[day]
        value = cash + float(holdings.sum())
        if value <= 0:
            break
        due = has_bar[day] & (np.abs(target - traded_to) > SMALLEST_CHANGE)
        trades = np.where(due, target * value - holdings, 0.0)
        traded = float(np.abs(trades).sum())
        traded_to = np.where(due, target, traded_to)
        turnover[day] = traded / value
        cash -= float(trades.sum()) + cost_bps * BPS * traded
        holdings = (holdings + trades) * intraday[day]
        equity[day] = max(cash + float(holdings.sum()), 0.0)
        if equity[day] == 0:
            break
    return Account(equity=equity, turnover=turnover, costs=cost_bps * BPS * turnover)


def _check_prices(opens: FloatArray2D, closes: FloatArray2D) -> None:
    for name, prices in (("open", opens), ("close", closes)):
        bad = np.argwhere((prices <= 0) | np.isinf(prices))
        if len(bad):
            day, symbol = bad[0]
            raise BadDataError(
                f"{name} of day {day}, symbol {symbol} is {prices[day, symbol]}; "
                "expected a positive price, or NaN without a bar",
                fix="repair the price file and fetch it again",
            )


def _growth(
    opens: FloatArray2D, closes: FloatArray2D, has_bar: NDArray[np.bool_]
) -> tuple[FloatArray2D, FloatArray2D]:
    """Factors of money held: from the last close to this open, and from this open to this close.

    Both have shape (n_days, n_symbols) and are 1 where the day has no bar; the overnight factor
    of the first bar after some without one spans them all.
    """
    days = np.arange(len(opens))[:, np.newaxis]
    last_bar = np.maximum.accumulate(np.where(has_bar, days, 0), axis=0)
    last_close = np.take_along_axis(closes, last_bar, axis=0)
    overnight = np.ones(opens.shape)
    # before the first bar of a symbol nothing is held that could grow
    known = has_bar[1:] & ~np.isnan(last_close[:-1])
    overnight[1:][known] = opens[1:][known] / last_close[:-1][known]
    intraday = np.where(has_bar, closes / opens, 1.0)
    return overnight, intraday
