"""Accounting: every position is traded at the next open, and no money appears or vanishes."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.errors import BadDataError
from forecast_cli.trading.accounting import SMALLEST_CHANGE, Account, simulate

NAN = np.nan
N_STREAMS = 300


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


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Random input of `simulate`."""

    positions: FloatArray2D
    opens: FloatArray2D
    closes: FloatArray2D
    cost_bps: float

    def run(self) -> Account:
        """The account of the program."""
        return simulate(
            self.positions, opens=self.opens, closes=self.closes, cost_bps=self.cost_bps
        )


def random_stream(seed: int) -> Stream:
    """Positions kept for some days, bars missing on some, costs, at times ruinous price moves."""
    rng = np.random.default_rng(seed)
    n_days, n_symbols = int(rng.integers(2, 60)), int(rng.integers(1, 5))
    daily = rng.choice([0.01, 0.1, 0.6])
    opens, closes = random_walk(rng, n_days, n_symbols, daily=daily)
    missing = rng.random(opens.shape) < rng.choice([0.0, 0.2, 0.6])
    levels = rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], opens.shape) / n_symbols
    decided = np.where(rng.random(opens.shape) < 0.4, np.arange(n_days)[:, np.newaxis], 0)
    return Stream(
        positions=np.take_along_axis(levels, np.maximum.accumulate(decided, axis=0), axis=0),
        opens=np.where(missing, NAN, opens),
        closes=np.where(missing, NAN, closes),
        cost_bps=float(rng.choice([0.0, 10.0, 200.0])),
    )


@dataclass
class Broker:
    """The oracle: a broker who counts shares, one symbol and one order at a time."""

    cost_bps: float
    cash: float = 1.0
    shares: dict[int, float] = field(default_factory=dict)
    prices: dict[int, float] = field(default_factory=dict)
    filled: dict[int, float] = field(default_factory=dict)

    def value(self) -> float:
        """Cash and shares at their last prices."""
        return self.cash + math.fsum(n * self.prices[s] for s, n in self.shares.items())

    def order(self, symbol: int, target: float, value: float) -> float:
        """Buy or sell shares up to the target; returns the money that changed hands."""
        if abs(target - self.filled.get(symbol, 0.0)) <= SMALLEST_CHANGE:
            return 0.0
        price = self.prices[symbol]
        bought = target * value / price - self.shares.get(symbol, 0.0)
        money = abs(bought * price)
        self.shares[symbol] = self.shares.get(symbol, 0.0) + bought
        self.cash -= bought * price + money * self.cost_bps / 10_000
        self.filled[symbol] = target
        return money


def oracle(stream: Stream) -> tuple[list[float], list[float]]:
    """Equity and turnover per day, by events: open prices, orders, close prices."""
    broker, equity, turnover = Broker(stream.cost_bps), [], []
    orders: dict[int, float] = {}
    alive = True
    for opens, closes, targets in zip(
        stream.opens.tolist(), stream.closes.tolist(), stream.positions.tolist(), strict=True
    ):
        bars = {s: (o, c) for s, (o, c) in enumerate(zip(opens, closes, strict=True)) if o > 0}
        broker.prices |= {symbol: bar[0] for symbol, bar in bars.items()}
        value = broker.value()
        alive = alive and value > 0
        tradable = {s: target for s, target in orders.items() if alive and s in bars}
        money = [broker.order(symbol, target, value) for symbol, target in tradable.items()]
        broker.prices |= {symbol: bar[1] for symbol, bar in bars.items()}
        alive = alive and broker.value() > 0
        equity.append(broker.value() if alive else 0.0)
        turnover.append(math.fsum(money) / value if money else 0.0)
        orders = dict(enumerate(targets))
    return equity, turnover


def test_equals_a_broker_who_counts_shares() -> None:
    """Money per symbol and shares times prices are the same account, gaps, costs and ruin too."""
    n_ruined = 0
    for seed in range(N_STREAMS):
        stream = random_stream(seed)
        account = stream.run()
        equity, turnover = oracle(stream)
        np.testing.assert_allclose(account.equity, equity, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(account.turnover, turnover, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(account.costs, account.turnover * stream.cost_bps / 10_000)
        n_ruined += equity[-1] == 0
    # the streams reach the corner they are meant for
    assert 5 < n_ruined < N_STREAMS / 2


def test_trades_at_the_next_open() -> None:
    """Decided at the close of day 0, bought at the open of day 1 and marked at its close."""
    account = simulate(
        column(1, 1, 0, 0), opens=column(7, 10, 12, 20), closes=column(9, 11, 15, 99), cost_bps=0
    )
    # 9 -> 10 came before the purchase, 20 -> 99 after the sale
    np.testing.assert_allclose(account.equity, [1, 1.1, 1.5, 2.0])
    np.testing.assert_allclose(account.turnover, [0, 1, 0, 1])


def test_short_position_earns_the_fall() -> None:
    """Short 1 at the open of 10: at 8 the equity is 1.2, at 12 it is 0.8."""
    prices = column(10, 10, 8, 12)
    account = simulate(column(-1, -1, -1, -1), opens=prices, closes=prices, cost_bps=0)
    np.testing.assert_allclose(account.equity, [1, 1, 1.2, 0.8])


def test_unchanged_position_is_bought_once() -> None:
    """A kept target drifts with the price, so buy and hold trades once and pays once."""
    opens, closes = random_walk(np.random.default_rng(3), 50, 2, daily=0.05)
    account = simulate(np.full((50, 2), 0.5), opens=opens, closes=closes, cost_bps=10)
    assert np.flatnonzero(account.turnover).tolist() == [1]
    held = (closes[1:] / opens[1]).mean(axis=1) - 10 / 10_000
    np.testing.assert_allclose(account.equity[1:], held, rtol=1e-12)


def test_rounding_of_a_position_is_no_decision() -> None:
    """0.1 + 0.2 and 0.3 are the same target and cause no trade."""
    opens, closes = random_walk(np.random.default_rng(4), 3, 1)
    account = simulate(column(0.1 + 0.2, 0.3, 0.3), opens=opens, closes=closes, cost_bps=0)
    assert np.flatnonzero(account.turnover).tolist() == [1]


def test_trade_waits_for_the_next_bar() -> None:
    """Without a bar the holding keeps its last price; the sale fills at the next open."""
    account = simulate(
        column(1, 0, 0, 0, 0),
        opens=column(10, 10, NAN, NAN, 30),
        closes=column(10, 20, NAN, NAN, 99),
        cost_bps=0,
    )
    np.testing.assert_allclose(account.equity, [1, 2, 2, 2, 3])
    np.testing.assert_allclose(account.turnover, [0, 1, 0, 0, 1])


def test_withdrawn_trade_is_not_made() -> None:
    """A target that returns to the held one before the next bar leaves the holding alone."""
    account = simulate(
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
    account = simulate(np.full((3, 2), 0.5), opens=opens, closes=closes, cost_bps=0)
    np.testing.assert_allclose(account.equity, [1, 1, 1.25])


def test_cost_is_paid_on_money_bought_and_sold() -> None:
    """At flat prices each trade multiplies equity by 1 - cost * |trade| / equity."""
    prices = np.ones((5, 1))
    account = simulate(column(1, -1, 0, 0, 0), opens=prices, closes=prices, cost_bps=10)
    assert account.turnover[:3] == pytest.approx([0, 1, 2], rel=2e-3)
    np.testing.assert_allclose(account.costs, account.turnover * 1e-3)
    np.testing.assert_allclose(account.equity, np.cumprod(1 - account.costs), rtol=1e-12)


def test_costs_explain_the_whole_difference() -> None:
    """Buying once with and without costs differs by the cost; trading often, by their product."""
    rng = np.random.default_rng(5)
    prices = np.ones((200, 3))
    positions = rng.choice([-1.0, 0.0, 1.0], prices.shape) / 3
    free = simulate(positions, opens=prices, closes=prices, cost_bps=0)
    paid = simulate(positions, opens=prices, closes=prices, cost_bps=10)
    assert free.equity == pytest.approx(1.0)
    assert (free.costs == 0).all()
    assert np.log(paid.equity[-1]) == pytest.approx(np.log1p(-paid.costs).sum(), rel=1e-9)

    opens, closes = random_walk(rng, 200, 3)
    bought = np.full(opens.shape, 1 / 3)
    free = simulate(bought, opens=opens, closes=closes, cost_bps=0)
    paid = simulate(bought, opens=opens, closes=closes, cost_bps=10)
    np.testing.assert_allclose(free.equity[1:] - paid.equity[1:], paid.costs.sum(), rtol=1e-9)


def test_ruin_ends_trading() -> None:
    """A short squeezed past all equity leaves 0, and no later bar or signal brings it back."""
    at_open = simulate(
        column(-1, -1, 1, 1), opens=column(1, 1, 3, 1), closes=column(1, 1, 1, 2), cost_bps=5
    )
    assert at_open.equity[2:].tolist() == [0, 0]
    at_close = simulate(
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
        honest[seed] = simulate(peek, opens=opens, closes=closes, cost_bps=0).equity[-1] - 1
        leaking[seed] = simulate(early, opens=opens, closes=closes, cost_bps=0).equity[-1] - 1
    assert abs(t_value(honest)) < 3
    assert t_value(leaking) > 10


@pytest.mark.parametrize("seed", range(20))
def test_future_prices_and_positions_change_nothing(seed: int) -> None:
    """Garbage after day t leaves the account up to t as it was, to the last bit."""
    stream = random_stream(seed)
    today = len(stream.opens) // 2
    opens, closes = stream.opens.copy(), stream.closes.copy()
    positions = stream.positions.copy()
    opens[today + 1 :], closes[today + 1 :], positions[today:] = 1e6, 1e-6, 0.123
    other = simulate(positions, opens=opens, closes=closes, cost_bps=stream.cost_bps)
    account = stream.run()
    assert (other.equity[: today + 1] == account.equity[: today + 1]).all()
    assert (other.turnover[: today + 1] == account.turnover[: today + 1]).all()


def test_the_scale_of_a_price_is_irrelevant() -> None:
    """Multiplying a symbol's prices by a constant changes nothing: only ratios count."""
    stream = random_stream(7)
    scaled = simulate(
        stream.positions,
        opens=stream.opens * 50,
        closes=stream.closes * 50,
        cost_bps=stream.cost_bps,
    )
    np.testing.assert_allclose(scaled.equity, stream.run().equity, rtol=1e-12)


def test_inputs_are_left_as_they_were() -> None:
    """The arrays of the caller are read, never written."""
    stream = random_stream(8)
    for array in (stream.positions, stream.opens, stream.closes):
        array.setflags(write=False)
    stream.run()


@pytest.mark.parametrize(("n_days", "n_symbols"), [(0, 2), (1, 2), (3, 0)])
def test_small_inputs(n_days: int, n_symbols: int) -> None:
    """No days give an empty account; one day, or no symbols, equity 1 without a trade."""
    ones = np.ones((n_days, n_symbols))
    account = simulate(ones, opens=ones, closes=ones, cost_bps=10)
    assert account.equity.tolist() == [1.0] * n_days
    assert account.turnover.tolist() == account.costs.tolist() == [0.0] * n_days


@pytest.mark.parametrize("price", [0.0, -37.63, np.inf])
def test_impossible_price_is_refused(price: float) -> None:
    """A price that no return can be computed from is named with its place."""
    opens = column(1, 1, price)
    with pytest.raises(BadDataError, match="open of day 2, symbol 0"):
        simulate(np.zeros((3, 1)), opens=opens, closes=np.ones((3, 1)), cost_bps=0)
