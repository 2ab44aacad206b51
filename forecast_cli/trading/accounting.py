"""From target positions to money: the only trading delay of the program.

Rules of the account:

- The position decided at the close of day t is traded on day t+1: at its open, or at its close.
- A symbol is traded only when its target differs from the one it was last traded to. A position of
  0.5 that is kept for ten days is bought once and left to drift with the price, as a person would
  do; buy and hold therefore trades once. Drift, and a short that grows, can carry the exposure away
  from the target and past any limit on targets.
- Without a bar nothing can be traded: the holding keeps its last price and the trade waits for the
  next bar, where it goes to the target that is current then. A symbol that ends is a symbol whose
  next bar never comes: its money stays where it was.
- Prices are adjusted for splits and dividends: a dividend is reinvested on its day, and paid by who
  is short. Shares are therefore in units of the adjusted price.
- Cash earns nothing. Borrowed cash and borrowed shares cost what the terms say, by calendar days;
  the proceeds of a short sale are cash and pay for other positions first.
- Equity of zero or less when trading or at a close is ruin: trading stops and equity stays at 0.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, TypeAlias

import numpy as np

from forecast_cli.arrays import (
    BoolArray1D,
    BoolArray2D,
    DateArray1D,
    FloatArray1D,
    FloatArray2D,
)
from forecast_cli.config import DEFAULT_COST_BPS
from forecast_cli.errors import BadDataError

Moment: TypeAlias = Literal["open", "close"]
"""When on the next day a position is traded."""

BPS: Final = 1e-4
DAYS_PER_YEAR: Final = 365.0
"""Of interest: Act/365."""

# The same mean of signals, summed in another order, differs in its last bits: that is no decision.
SMALLEST_CHANGE: Final = 1e-12

_BETWEEN: Final = np.inf
"""The target reached by an order that was cut: it differs from every target."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """On what terms positions are traded.

    execute: moment of the next day. cost_bps: commission, or all costs of a trade in one number;
    half_spread_bps: distance of the price paid from the middle; slippage_bps: what the price moves
    against the order. All three are hundredths of a per cent of the money traded, and add up.
    borrow_rate, financing_rate: fractions per year, of the value of shares sold short and of cash
    below zero. max_position: largest target per symbol, max_turnover: most money bought plus sold
    in a day, min_trade: smallest trade worth making, other than to leave a symbol; all in multiples
    of equity; None or 0 for no limit.
    """

    execute: Moment = "open"
    cost_bps: float = DEFAULT_COST_BPS
    half_spread_bps: float = 0.0
    slippage_bps: float = 0.0
    borrow_rate: float = 0.0
    financing_rate: float = 0.0
    max_position: float | None = None
    max_turnover: float | None = None
    min_trade: float = 0.0

    @property
    def trade_bps(self) -> float:
        """All that a trade costs, in basis points of the money traded."""
        return self.cost_bps + self.half_spread_bps + self.slippage_bps

    @property
    def limited(self) -> bool:
        """Whether a trade may be cut or withheld."""
        return self.max_turnover is not None or self.min_trade > 0

    def at(self, trade_bps: float) -> "Terms":
        """The same terms with another cost of a trade."""
        return replace(self, cost_bps=trade_bps, half_spread_bps=0.0, slippage_bps=0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Market:
    """Prices of several symbols day by day, adjusted for splits and dividends.

    days: dates, shape (n_days,). opens, closes: NaN without a bar, shape (n_days, n_symbols). A bar
    is there where both prices are. Raises BadDataError for a price that is zero, negative or
    infinite.
    """

    days: DateArray1D
    opens: FloatArray2D
    closes: FloatArray2D

    def __post_init__(self) -> None:
        assert self.opens.shape == self.closes.shape
        assert len(self.days) == len(self.opens)
        for name, prices in (("open", self.opens), ("close", self.closes)):
            _check_prices(name, prices)

    @cached_property
    def has_bar(self) -> BoolArray2D:
        """Whether a symbol can be traded, shape (n_days, n_symbols)."""
        return ~(np.isnan(self.opens) | np.isnan(self.closes))

    @cached_property
    def marks(self) -> FloatArray2D:
        """The last known close, 1 before the first; shape (n_days, n_symbols)."""
        if self.has_bar.all():
            return self.closes
        days = np.arange(len(self.days))[:, np.newaxis]
        last_bar = np.maximum.accumulate(np.where(self.has_bar, days, 0), axis=0)
        last_close = np.take_along_axis(self.closes, last_bar, axis=0)
        known = np.logical_or.accumulate(self.has_bar, axis=0)
        return np.where(known, last_close, 1.0)

    def fills(self, execute: Moment) -> FloatArray2D:
        """What is paid; the last known close where nothing can be traded."""
        return self.marks if execute == "close" else self._open_fills

    @cached_property
    def _open_fills(self) -> FloatArray2D:
        return self.opens if self.has_bar.all() else np.where(self.has_bar, self.opens, self.marks)


@dataclass(frozen=True, kw_only=True, eq=False)
class Account:
    """What a strategy's money did, day by day, in multiples of the money at the start.

    Row 0 is always equity 1 without a trade, as no position was decided before it. All arrays but
    `shares` have shape (n_days,). Until ruin, equity is cash plus shares at the market's marks.
    """

    equity: FloatArray1D
    """Cash plus holdings, marked at the close."""
    cash: FloatArray1D
    """At the close, less all costs; negative where borrowed."""
    shares: FloatArray2D
    """Held at the close, negative where short, in units of the adjusted price;
    shape (n_days, n_symbols)."""
    turnover: FloatArray1D
    """Money bought plus money sold, as a fraction of the equity before the trades."""
    costs: FloatArray1D
    """Costs of the trades and interest, as a fraction of the equity before the trades."""
    exposure: FloatArray1D
    """Money in long plus in short positions at the close, as a fraction of equity; 0 after ruin."""


def simulate(positions: FloatArray2D, market: Market, terms: Terms) -> Account:
    """Trade the positions with exact cash accounting.

    At each day's moment of trading, with prices p and V = cash - interest + shares * p,

        trade = position * V - shares * p        for symbols to be traded
        cost  = trade_bps / 10_000 * |trade|
        cash  = cash - interest - trade - cost

    and the shares move on to the close, where equity is cash + shares * close. The cost is not held
    back from the trade: a fully invested account ends with cash of minus the cost. Interest is due
    for the calendar days since the last close, on what was borrowed then. Trades over the limit of
    turnover are all cut by the same factor, and what is missing waits for the next day.

    Args:
        positions: targets decided at each close, as fractions of equity, negative where short,
            no NaN; shape (n_days, n_symbols).
        market: prices of the same days and symbols.
        terms: when to trade, what it costs, and limits.

    Returns:
        The account, starting at equity 1.
    """
    assert positions.shape == market.opens.shape
    assert np.isfinite(positions).all()
    targets = positions
    if terms.max_position is not None:
        targets = np.clip(positions, -terms.max_position, terms.max_position)
    fills, marks, has_bar = market.fills(terms.execute), market.marks, market.has_bar
    nights = np.diff(market.days).astype(float) / DAYS_PER_YEAR
    interest_due = terms.borrow_rate > 0 or terms.financing_rate > 0
    cost_rate = terms.trade_bps * BPS

    n_days, n_symbols = positions.shape
    equity, cash_at, turnover, costs = np.zeros((4, n_days))
    shares_at = np.zeros((n_days, n_symbols))
    equity[:1] = cash_at[:1] = 1.0
    cash, shares, traded_to, paid = 1.0, np.zeros(n_symbols), np.zeros(n_symbols), 0.0
    for day in range(1, n_days):
        if interest_due:
            paid = _interest(cash, shares, marks[day - 1], terms) * nights[day - 1]
            cash -= paid
        fill, target = fills[day], targets[day - 1]  # the trading delay
        value = cash + float(shares @ fill)
        if value <= 0:
            break
        due = (np.abs(target - traded_to) > SMALLEST_CHANGE) & has_bar[day]
        traded = 0.0
        if due.any():
            orders = (target * value / fill - shares) * due
            reached = target
            if terms.limited:
                orders, due, reached = _limited(orders, due, target, fill / value, terms)
            traded_to = np.where(due, reached, traded_to)
            shares = shares + orders
            traded = float(np.abs(orders) @ fill)
            cash -= float(orders @ fill) + cost_rate * traded
        turnover[day], costs[day] = traded / value, (paid + cost_rate * traded) / value
        cash_at[day], shares_at[day] = cash, shares
        equity[day] = max(cash + float(shares @ marks[day]), 0.0)
        if equity[day] == 0:
            break
    gross = np.einsum("ds,ds->d", np.abs(shares_at), marks)
    return Account(
        equity=equity,
        cash=cash_at,
        shares=shares_at,
        turnover=turnover,
        costs=costs,
        exposure=np.divide(gross, equity, out=np.zeros(n_days), where=equity > 0),
    )


def _interest(cash: float, shares: FloatArray1D, marks: FloatArray1D, terms: Terms) -> float:
    """Money per year for what is borrowed."""
    shorted = -float(np.minimum(shares, 0.0) @ marks)
    return terms.financing_rate * max(-cash, 0.0) + terms.borrow_rate * shorted


def _limited(
    orders: FloatArray1D, due: BoolArray1D, target: FloatArray1D, price: FloatArray1D, terms: Terms
) -> tuple[FloatArray1D, BoolArray1D, FloatArray1D]:
    """The orders of a day within the limits, the symbols traded, and the targets they reach.

    price: in multiples of equity. Every array has shape (n_symbols,).
    """
    sizes = np.abs(orders * price)
    due = due & ((sizes >= terms.min_trade - SMALLEST_CHANGE) | (target == 0))
    gross = float(sizes @ due)
    if terms.max_turnover is not None and gross > terms.max_turnover + SMALLEST_CHANGE:
        return orders * due * (terms.max_turnover / gross), due, np.full(len(target), _BETWEEN)
    return orders * due, due, target


def profits(account: Account, market: Market, terms: Terms) -> FloatArray2D:
    """Each symbol's profit of each day after its own costs, shape (n_days, n_symbols).

    Until ruin, the sum of a day less the interest on borrowed cash is the change of equity.
    """
    fills, marks, held = market.fills(terms.execute), market.marks, account.shares
    earned, before = np.zeros_like(held), held[:-1]
    nights = np.diff(market.days).astype(float)[:, np.newaxis] / DAYS_PER_YEAR
    earned[1:] = before * (fills[1:] - marks[:-1]) + held[1:] * (marks[1:] - fills[1:])
    earned[1:] -= terms.trade_bps * BPS * np.abs(held[1:] - before) * fills[1:]
    earned[1:] += terms.borrow_rate * nights * np.minimum(before, 0.0) * marks[:-1]
    return earned


def _check_prices(name: str, prices: FloatArray2D) -> None:
    bad = np.argwhere((prices <= 0) | np.isinf(prices))
    if len(bad):
        day, symbol = bad[0]
        raise BadDataError(
            f"{name} of day {day}, symbol {symbol} is {prices[day, symbol]}; "
            "expected a positive price, or NaN without a bar",
            fix="repair the price file and fetch it again",
        )
