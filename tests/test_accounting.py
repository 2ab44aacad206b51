"""Accounting: every position is traded at the next open, and no money appears or vanishes."""

import math
from dataclasses import dataclass, field
from functools import cache

import bt
import numpy as np
import pandas as pd
import pytest

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.errors import BadDataError
from forecast_cli.trading.accounting import (
    SMALLEST_CHANGE,
    Account,
    Market,
    Moment,
    Terms,
    profits,
    simulate,
)

NAN = np.nan
N_STREAMS = 1_000

# bt, or what it stands on, calls pandas in ways that pandas 3 warns of
BT_WARNS = pytest.mark.filterwarnings("ignore")


def column(*values: float) -> FloatArray2D:
    """One symbol, one value per day."""
    return np.array(values)[:, np.newaxis]


def random_walk(
    rng: np.random.Generator, n_days: int, n_symbols: int, *, daily: float = 0.01
) -> tuple[FloatArray2D, FloatArray2D]:
    """Opens and closes whose overnight and intraday returns are independent and fair."""
    steps = 1 + daily * rng.uniform(-1, 1, (2 * n_days, n_symbols))
    path: FloatArray2D = 100 * np.multiply.accumulate(steps, axis=0)
    return path[0::2], path[1::2]


def market_of(opens: FloatArray2D, closes: FloatArray2D) -> Market:
    """A bar each day."""
    days = np.datetime64("2020-01-01") + np.arange(len(opens))
    return Market(days=days, opens=opens, closes=closes)


def traded(
    positions: FloatArray2D,
    *,
    opens: FloatArray2D,
    closes: FloatArray2D,
    cost_bps: float,
    execute: Moment = "open",
) -> Account:
    """The account of the program on plain terms."""
    terms = Terms(cost_bps=cost_bps, execute=execute)
    return simulate(positions, market_of(opens, closes), terms)


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Random input of `simulate`."""

    positions: FloatArray2D
    market: Market
    terms: Terms

    def run(self) -> Account:
        """The account of the program."""
        return simulate(self.positions, self.market, self.terms)


def random_stream(seed: int) -> Stream:
    """Positions kept for some days, bars missing, symbols that start late or end early, all terms.

    At times price moves are ruinous. Days are business days, so that interest counts weekends.
    """
    rng = np.random.default_rng(seed)
    n_days, n_symbols = int(rng.integers(2, 60)), int(rng.integers(1, 5))
    daily = rng.choice([0.01, 0.1, 0.6])
    opens, closes = random_walk(rng, n_days, n_symbols, daily=daily)
    missing = rng.random(opens.shape) < rng.choice([0.0, 0.2, 0.6])
    born, died = rng.integers(-20, 20, n_symbols), rng.integers(30, 90, n_symbols)
    day = np.arange(n_days)[:, np.newaxis]
    missing |= (day < born) | (day > died)
    levels = rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], opens.shape) / n_symbols
    decided = np.where(rng.random(opens.shape) < 0.4, day, 0)
    return Stream(
        positions=np.take_along_axis(levels, np.maximum.accumulate(decided, axis=0), axis=0),
        market=Market(
            days=np.busday_offset("2020-01-01", np.arange(n_days), roll="forward"),
            opens=np.where(missing, NAN, opens),
            closes=np.where(missing, NAN, closes),
        ),
        terms=Terms(
            execute=rng.choice(["open", "close"]),
            cost_bps=float(rng.choice([0.0, 10.0, 200.0])),
            half_spread_bps=float(rng.choice([0.0, 2.0])),
            slippage_bps=float(rng.choice([0.0, 3.0])),
            borrow_rate=float(rng.choice([0.0, 0.5])),
            financing_rate=float(rng.choice([0.0, 0.2])),
            max_position=0.3 if rng.random() < 0.5 else None,
            max_turnover=0.25 if rng.random() < 0.5 else None,
            min_trade=float(rng.choice([0.0, 0.2])),
        ),
    )


@cache
def accounts() -> list[tuple[Stream, Account]]:
    """A thousand streams, traded by the program."""
    streams = [random_stream(seed) for seed in range(N_STREAMS)]
    return [(stream, stream.run()) for stream in streams]


@dataclass
class Broker:
    """The oracle: a broker who counts shares, one symbol and one order at a time."""

    terms: Terms
    cash: float = 1.0
    shares: dict[int, float] = field(default_factory=dict)
    prices: dict[int, float] = field(default_factory=dict)
    reached: dict[int, float | None] = field(default_factory=dict)

    def holding(self, symbol: int) -> float:
        """Money in a symbol at its last price."""
        return self.shares.get(symbol, 0.0) * self.prices.get(symbol, 0.0)

    def value(self) -> float:
        """Cash and shares at their last prices."""
        return self.cash + math.fsum(self.holding(symbol) for symbol in self.shares)

    def charge_interest(self, n_days: int) -> float:
        """Take what borrowed cash and borrowed shares cost for some days."""
        short = math.fsum(-min(self.holding(symbol), 0.0) for symbol in self.shares)
        rate = self.terms.financing_rate * max(-self.cash, 0.0) + self.terms.borrow_rate * short
        self.cash -= rate * n_days / 365
        return rate * n_days / 365

    def wishes(self, targets: dict[int, float], value: float) -> dict[int, float]:
        """Money to buy or sell per symbol, without trades that are too small."""
        wished = {}
        for symbol, target in targets.items():
            reached = self.reached.get(symbol, 0.0)
            if reached is not None and abs(target - reached) <= SMALLEST_CHANGE:
                continue
            money = target * value - self.holding(symbol)
            if target == 0 or abs(money) / value >= self.terms.min_trade - SMALLEST_CHANGE:
                wished[symbol] = money
        return wished

    def trade(self, targets: dict[int, float], value: float) -> tuple[float, float]:
        """Trade towards the targets; returns the money moved and what that cost."""
        wished = self.wishes(targets, value)
        total = math.fsum(abs(money) for money in wished.values())
        if not total:
            return 0.0, 0.0
        most = self.terms.max_turnover
        fits = most is None or total / value <= most + SMALLEST_CHANGE
        cut = 1.0 if most is None or fits else most * value / total
        bps = self.terms.cost_bps + self.terms.half_spread_bps + self.terms.slippage_bps
        for symbol, money in wished.items():
            bought = cut * money / self.prices[symbol]
            self.shares[symbol] = self.shares.get(symbol, 0.0) + bought
            self.cash -= cut * money + abs(cut * money) * bps / 10_000
            self.reached[symbol] = targets[symbol] if fits else None
        return cut * total, cut * total * bps / 10_000


def oracle(stream: Stream) -> dict[str, list[float]]:
    """Figures per day, by events: interest, prices, orders, close prices."""
    broker, alive = Broker(stream.terms), True
    told: dict[str, list[float]] = {name: [] for name in ("equity", "cash", "turnover", "costs")}
    orders: dict[int, float] = {}
    market, largest = stream.market, stream.terms.max_position or math.inf
    yesterday = market.days[0]
    for today, opens, closes, targets in zip(
        market.days, market.opens.tolist(), market.closes.tolist(), stream.positions.tolist(),
        strict=True,
    ):  # fmt: skip
        bars = {s: (o, c) for s, (o, c) in enumerate(zip(opens, closes, strict=True)) if o > 0}
        interest = broker.charge_interest(int((today - yesterday).astype(int)))
        at = 0 if stream.terms.execute == "open" else 1
        broker.prices |= {symbol: bar[at] for symbol, bar in bars.items()}
        value = broker.value()
        alive = alive and value > 0
        tradable = {s: target for s, target in orders.items() if alive and s in bars}
        money, cost = broker.trade(tradable, value)
        broker.prices |= {symbol: bar[1] for symbol, bar in bars.items()}
        told["turnover"].append(money / value if alive else 0.0)
        told["costs"].append((interest + cost) / value if alive else 0.0)
        told["cash"].append(broker.cash if alive else 0.0)
        alive = alive and broker.value() > 0
        told["equity"].append(broker.value() if alive else 0.0)
        orders = {s: max(min(target, largest), -largest) for s, target in enumerate(targets)}
        yesterday = today
    return told


def test_equals_a_broker_who_counts_shares() -> None:
    """Arrays and single events are the same account: gaps, all terms and ruin, 1,000 times."""
    n_ruined = 0
    for seed, (stream, account) in enumerate(accounts()):
        for name, expected in oracle(stream).items():
            np.testing.assert_allclose(
                getattr(account, name), expected, rtol=1e-9, atol=1e-9, err_msg=f"{name}, {seed}"
            )
        n_ruined += account.equity[-1] == 0
    # the streams reach the corner they are meant for
    assert 20 < n_ruined < N_STREAMS / 2


def test_cash_plus_positions_equals_equity() -> None:
    """At every close, marked at each symbol's last close; and profits explain every change."""
    for stream, account in accounts():
        market, terms = stream.market, stream.terms
        marks = pd.DataFrame(market.closes).ffill().fillna(0.0).to_numpy()
        alive = account.equity > 0
        held = np.sum(account.shares * marks, axis=1)
        np.testing.assert_allclose((account.cash + held)[alive], account.equity[alive], atol=1e-9)
        nights = np.diff(market.days).astype(float) / 365
        interest = terms.financing_rate * nights * np.maximum(-account.cash[:-1], 0.0)
        earned = profits(account, market, terms).sum(axis=1)[1:] - interest
        np.testing.assert_allclose(
            earned[alive[1:]], np.diff(account.equity)[alive[1:]], rtol=1e-9, atol=1e-9
        )


def test_trades_at_the_next_open() -> None:
    """Decided at the close of day 0, bought at the open of day 1 and marked at its close."""
    account = traded(
        column(1, 1, 0, 0), opens=column(7, 10, 12, 20), closes=column(9, 11, 15, 99), cost_bps=0
    )
    # 9 -> 10 came before the purchase, 20 -> 99 after the sale
    np.testing.assert_allclose(account.equity, [1, 1.1, 1.5, 2.0])
    np.testing.assert_allclose(account.turnover, [0, 1, 0, 1])


def test_short_position_earns_the_fall() -> None:
    """Short 1 at the open of 10: at 8 the equity is 1.2, at 12 it is 0.8."""
    prices = column(10, 10, 8, 12)
    account = traded(column(-1, -1, -1, -1), opens=prices, closes=prices, cost_bps=0)
    np.testing.assert_allclose(account.equity, [1, 1, 1.2, 0.8])


def test_unchanged_position_is_bought_once() -> None:
    """A kept target drifts with the price, so buy and hold trades once and pays once."""
    opens, closes = random_walk(np.random.default_rng(3), 50, 2, daily=0.05)
    account = traded(np.full((50, 2), 0.5), opens=opens, closes=closes, cost_bps=10)
    assert np.flatnonzero(account.turnover).tolist() == [1]
    held = (closes[1:] / opens[1]).mean(axis=1) - 10 / 10_000
    np.testing.assert_allclose(account.equity[1:], held, rtol=1e-12)


def test_rounding_of_a_position_is_no_decision() -> None:
    """0.1 + 0.2 and 0.3 are the same target and cause no trade."""
    opens, closes = random_walk(np.random.default_rng(4), 3, 1)
    account = traded(column(0.1 + 0.2, 0.3, 0.3), opens=opens, closes=closes, cost_bps=0)
    assert np.flatnonzero(account.turnover).tolist() == [1]


def test_trade_waits_for_the_next_bar() -> None:
    """Without a bar the holding keeps its last price; the sale fills at the next open."""
    account = traded(
        column(1, 0, 0, 0, 0),
        opens=column(10, 10, NAN, NAN, 30),
        closes=column(10, 20, NAN, NAN, 99),
        cost_bps=0,
    )
    np.testing.assert_allclose(account.equity, [1, 2, 2, 2, 3])
    np.testing.assert_allclose(account.turnover, [0, 1, 0, 0, 1])


def test_withdrawn_trade_is_not_made() -> None:
    """A target that returns to the held one before the next bar leaves the holding alone."""
    account = traded(
        column(1, 0, 1, 1),
        opens=column(10, 10, NAN, 30),
        closes=column(10, 20, NAN, 40),
        cost_bps=0,
    )
    np.testing.assert_allclose(account.equity, [1, 2, 2, 4])
    assert np.flatnonzero(account.turnover).tolist() == [1]


def test_symbol_listed_later_is_bought_then() -> None:
    """A symbol without any bar yet takes no part; its first open fills the waiting trade."""
    opens = np.array([[10, NAN], [10, NAN], [10, 50]])
    closes = np.array([[10, NAN], [10, NAN], [10, 75]])
    account = traded(np.full((3, 2), 0.5), opens=opens, closes=closes, cost_bps=0)
    np.testing.assert_allclose(account.equity, [1, 1, 1.25])


def test_cost_is_paid_on_money_bought_and_sold() -> None:
    """At flat prices each trade multiplies equity by 1 - cost * |trade| / equity."""
    prices = np.ones((5, 1))
    account = traded(column(1, -1, 0, 0, 0), opens=prices, closes=prices, cost_bps=10)
    assert account.turnover[:3] == pytest.approx([0, 1, 2], rel=2e-3)
    np.testing.assert_allclose(account.costs, account.turnover * 1e-3)
    np.testing.assert_allclose(account.equity, np.cumprod(1 - account.costs), rtol=1e-12)


def test_costs_explain_the_whole_difference() -> None:
    """Buying once with and without costs differs by the cost; trading often, by their product."""
    rng = np.random.default_rng(5)
    prices = np.ones((200, 3))
    positions = rng.choice([-1.0, 0.0, 1.0], prices.shape) / 3
    free = traded(positions, opens=prices, closes=prices, cost_bps=0)
    paid = traded(positions, opens=prices, closes=prices, cost_bps=10)
    assert free.equity == pytest.approx(1.0)
    assert (free.costs == 0).all()
    assert np.log(paid.equity[-1]) == pytest.approx(np.log1p(-paid.costs).sum(), rel=1e-9)

    opens, closes = random_walk(rng, 200, 3)
    bought = np.full(opens.shape, 1 / 3)
    free = traded(bought, opens=opens, closes=closes, cost_bps=0)
    paid = traded(bought, opens=opens, closes=closes, cost_bps=10)
    np.testing.assert_allclose(free.equity[1:] - paid.equity[1:], paid.costs.sum(), rtol=1e-9)


def test_ruin_ends_trading() -> None:
    """A short squeezed past all equity leaves 0, and no later bar or signal brings it back."""
    at_open = traded(
        column(-1, -1, 1, 1), opens=column(1, 1, 3, 1), closes=column(1, 1, 1, 2), cost_bps=5
    )
    assert at_open.equity[2:].tolist() == [0, 0]
    at_close = traded(
        column(-1, -1, 1, 1), opens=column(1, 1, 1, 1), closes=column(1, 3, 1, 2), cost_bps=5
    )
    assert at_close.equity[1:].tolist() == [0, 0, 0]
    assert at_close.turnover[1:].tolist() == [1, 0, 0]


def t_value(sample: FloatArray1D) -> float:
    """Mean over its standard error."""
    return float(sample.mean() / sample.std(ddof=1) * np.sqrt(len(sample)))


def test_a_position_cannot_earn_the_bar_it_was_decided_on() -> None:
    """Knowing the bar of the decision earns nothing on a random walk; knowing the next, a lot."""
    honest, leaking = np.zeros(80), np.zeros(80)
    for seed in range(80):
        opens, closes = random_walk(np.random.default_rng(seed), 250, 1)
        peek = np.sign(closes - opens)
        early = np.vstack([peek[1:], [[0.0]]])
        honest[seed] = traded(peek, opens=opens, closes=closes, cost_bps=0).equity[-1] - 1
        leaking[seed] = traded(early, opens=opens, closes=closes, cost_bps=0).equity[-1] - 1
    assert abs(t_value(honest)) < 3
    assert t_value(leaking) > 10


@pytest.mark.parametrize("seed", range(20))
def test_future_prices_and_positions_change_nothing(seed: int) -> None:
    """Garbage after day t leaves the account up to t as it was, to the last bit."""
    stream = random_stream(seed)
    market, positions = stream.market, stream.positions.copy()
    today = len(positions) // 2
    opens, closes = market.opens.copy(), market.closes.copy()
    opens[today + 1 :], closes[today + 1 :], positions[today:] = 1e6, 1e-6, 0.123
    poisoned = Market(days=market.days, opens=opens, closes=closes)
    other, account = simulate(positions, poisoned, stream.terms), stream.run()
    for name in ("equity", "cash", "shares", "turnover", "costs", "exposure"):
        left, right = getattr(other, name), getattr(account, name)
        assert (left[: today + 1] == right[: today + 1]).all(), name


def test_the_scale_of_a_price_is_irrelevant() -> None:
    """Multiplying a symbol's prices by a constant changes nothing: only ratios count."""
    stream = random_stream(7)
    market = stream.market
    scaled = simulate(
        stream.positions,
        Market(days=market.days, opens=market.opens * 50, closes=market.closes * 50),
        stream.terms,
    )
    np.testing.assert_allclose(scaled.equity, stream.run().equity, rtol=1e-12)


def test_inputs_are_left_as_they_were() -> None:
    """The arrays of the caller are read, never written."""
    stream = random_stream(8)
    for array in (stream.positions, stream.market.opens, stream.market.closes):
        array.setflags(write=False)
    stream.run()


@pytest.mark.parametrize(("n_days", "n_symbols"), [(0, 2), (1, 2), (3, 0)])
def test_small_inputs(n_days: int, n_symbols: int) -> None:
    """No days give an empty account; one day, or no symbols, equity 1 without a trade."""
    ones = np.ones((n_days, n_symbols))
    account = traded(ones, opens=ones, closes=ones, cost_bps=10)
    assert account.equity.tolist() == [1.0] * n_days
    assert account.turnover.tolist() == account.costs.tolist() == [0.0] * n_days


@pytest.mark.parametrize("price", [0.0, -37.63, np.inf])
def test_impossible_price_is_refused(price: float) -> None:
    """A price that no return can be computed from is named with its place."""
    opens = column(1, 1, price)
    with pytest.raises(BadDataError, match="open of day 2, symbol 0"):
        traded(np.zeros((3, 1)), opens=opens, closes=np.ones((3, 1)), cost_bps=0)


def test_close_execution_earns_nothing_of_its_day() -> None:
    """Decided at the close of day 0, bought at the close of day 1: the gain begins on day 2."""
    account = traded(
        column(1, 1, 0, 0),
        opens=column(7, 10, 12, 20),
        closes=column(9, 11, 22, 33),
        cost_bps=0,
        execute="close",
    )
    np.testing.assert_allclose(account.equity, [1, 1, 2, 3])
    np.testing.assert_allclose(account.turnover, [0, 1, 0, 1])


def test_borrowed_shares_cost_by_calendar_days() -> None:
    """Short 1 at a flat price: 36.5 % a year is a thousandth a day, three over a weekend."""
    days = np.array(["2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"], "datetime64[D]")
    ones = np.ones((4, 1))
    terms = Terms(cost_bps=0, borrow_rate=0.365)
    account = simulate(-ones, Market(days=days, opens=ones, closes=ones), terms)
    np.testing.assert_allclose(account.equity, [1, 1, 0.999, 0.996])
    long = simulate(ones, Market(days=days, opens=ones, closes=ones), terms)
    np.testing.assert_allclose(long.equity, 1.0)


def test_a_short_that_grows_costs_on_its_size() -> None:
    """Sold at 1, worth 1.5 at the next close: the fee of the night is on 1.5."""
    prices = column(1, 1, 1.5, 1.5)
    terms = Terms(cost_bps=0, borrow_rate=0.365)
    account = simulate(-np.ones((4, 1)), market_of(prices, prices), terms)
    np.testing.assert_allclose(account.equity, [1, 1, 0.499, 0.4975])
    np.testing.assert_allclose(account.exposure[1:], [1, 1.5 / 0.499, 1.5 / 0.4975])


def test_borrowed_cash_costs_interest() -> None:
    """Twice the money in a flat price: the borrowed half costs a thousandth of itself a day."""
    ones = np.ones((3, 1))
    terms = Terms(cost_bps=0, financing_rate=0.365)
    account = simulate(2 * ones, market_of(ones, ones), terms)
    np.testing.assert_allclose(account.equity, [1, 1, 0.999])
    np.testing.assert_allclose(account.cash, [1, -1, -1.001])


def test_costs_of_a_trade_add_up() -> None:
    """Commission, half the spread and slippage are paid on the same money."""
    ones = np.ones((2, 1))
    terms = Terms(cost_bps=1, half_spread_bps=2, slippage_bps=4)
    assert simulate(ones, market_of(ones, ones), terms).costs[1] == pytest.approx(7e-4)


def test_position_limit_bounds_targets() -> None:
    """Asked for 1 and -1, held 0.25 and -0.25."""
    ones = np.ones((2, 2))
    terms = Terms(cost_bps=0, max_position=0.25)
    account = simulate(np.array([[1.0, -1.0]] * 2), market_of(ones, ones), terms)
    assert account.shares[1].tolist() == [0.25, -0.25]


def test_turnover_limit_spreads_a_trade_over_days() -> None:
    """At 0.4 a day a position of 1 takes three; returning half way sells what was bought."""
    ones = np.ones((5, 1))
    terms = Terms(cost_bps=0, max_turnover=0.4)
    account = simulate(ones, market_of(ones, ones), terms)
    np.testing.assert_allclose(account.shares[:, 0], [0, 0.4, 0.8, 1, 1])
    account = simulate(column(1, 0, 0, 0, 0), market_of(ones, ones), terms)
    np.testing.assert_allclose(account.shares[:, 0], [0, 0.4, 0, 0, 0])


def test_small_trades_are_not_made_but_leaving_is() -> None:
    """A change of 0.05 waits until it is 0.1; the last 0.05 are sold nonetheless."""
    ones = np.ones((6, 1))
    targets = column(0.5, 0.55, 0.6, 0.05, 0, 0)
    account = simulate(targets, market_of(ones, ones), Terms(cost_bps=0, min_trade=0.099))
    np.testing.assert_allclose(account.shares[:, 0], [0, 0.5, 0.5, 0.6, 0.05, 0])


def test_a_symbol_that_ends_keeps_its_money() -> None:
    """Its last price stands, the sale never comes, and the other symbol trades on."""
    gone = np.array([[10, 10], [10, 10], [20, 10], [NAN, 20], [NAN, 40]])
    targets = np.array([[0.5, 0.5]] * 2 + [[0.0, 0.5]] * 3)
    account = traded(targets, opens=gone, closes=gone, cost_bps=0)
    np.testing.assert_allclose(account.equity, [1, 1, 1.5, 2, 3])


def in_bt(
    closes: FloatArray2D, shares: FloatArray2D, *, cost_bps: float
) -> tuple[FloatArray1D, FloatArray1D]:
    """Equity and cash of the library bt that holds these shares after each close."""

    class Deliver(bt.Algo):  # type: ignore[misc]  # bt has no types
        """Trade each symbol to the number of shares of the day."""

        def __call__(self, target: bt.core.StrategyBase) -> bool:
            row = frame.index.get_loc(target.now)
            for name, wanted in zip(frame.columns, shares[row], strict=True):
                held = target.children[name].position if name in target.children else 0.0
                if wanted != held:
                    target.transact(wanted - held, child=name)
            return True

    names = [f"S{number}" for number in range(closes.shape[1])]
    days = pd.date_range("2020-01-01", periods=len(closes))
    frame = pd.DataFrame(closes, index=days, columns=names)
    backtest = bt.Backtest(
        bt.Strategy("replay", [Deliver()], children=names),
        frame,
        initial_capital=1.0,
        commissions=lambda quantity, price: abs(quantity) * price * cost_bps / 10_000,
        integer_positions=False,
        progress_bar=False,
    )
    bt.run(backtest)
    # bt puts a day without prices before the first
    return (
        backtest.strategy.values.to_numpy()[1:],  # noqa: PD011 - of bt
        backtest.strategy.cash.to_numpy()[1:],
    )


@BT_WARNS
@pytest.mark.parametrize("case", ["buy and hold", "long and short", "costs"])
def test_equals_bt(case: str) -> None:
    """Cash and equity of bt, given our trades at the close, to 1e-9."""
    rng = np.random.default_rng(11)
    n_symbols = 1 if case == "buy and hold" else 3
    _, closes = random_walk(rng, 250, n_symbols, daily=0.03)
    positions = np.full(closes.shape, 1.0)
    if case != "buy and hold":
        weekly = rng.uniform(-0.5, 0.5, (50, n_symbols))
        positions = np.repeat(weekly, 5, axis=0)
    cost_bps = 25.0 if case == "costs" else 0.0
    account = traded(positions, opens=closes, closes=closes, cost_bps=cost_bps, execute="close")
    equity, cash = in_bt(closes, account.shares, cost_bps=cost_bps)
    assert account.turnover.sum() > (0 if n_symbols == 1 else 20)
    np.testing.assert_allclose(account.equity, equity, rtol=0, atol=1e-9)
    np.testing.assert_allclose(account.cash, cash, rtol=0, atol=1e-9)


@BT_WARNS
def test_equals_bt_that_chooses_the_shares() -> None:
    """Without costs bt rebalances to the same weights and holds the same shares."""
    rng = np.random.default_rng(12)
    _, closes = random_walk(rng, 120, 2, daily=0.03)
    targets = np.repeat(rng.uniform(-0.6, 0.6, (120, 2))[::5], 5, axis=0)
    account = traded(targets, opens=closes, closes=closes, cost_bps=0, execute="close")
    days = pd.date_range("2020-01-01", periods=120)
    frame = pd.DataFrame(closes, index=days, columns=["A", "B"])
    due = days[1::5]  # decided the day before
    algos = [
        bt.algos.RunOnDate(*due),
        bt.algos.WeighTarget(pd.DataFrame(targets[::5], index=due, columns=["A", "B"])),
        bt.algos.Rebalance(),
    ]
    backtest = bt.Backtest(
        bt.Strategy("weights", algos), frame, integer_positions=False, progress_bar=False
    )
    bt.run(backtest)
    equity = backtest.strategy.values.to_numpy()[1:] / 1_000_000  # noqa: PD011 - of bt
    np.testing.assert_allclose(account.equity, equity, rtol=0, atol=1e-9)
