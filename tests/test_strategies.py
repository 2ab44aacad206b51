"""Trading forecasts: what each rule earns where nothing can be earned, and what it is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import pytest

from forecast_cli.data.bars import Bars
from forecast_cli.errors import UsageError
from forecast_cli.evaluation.folds import FoldPlan, cut_folds
from forecast_cli.evaluation.forecaster import Forecaster
from forecast_cli.evaluation.scores import SIGNIFICANCE, score_all
from forecast_cli.evaluation.walk_forward import Candidate, walk_forward
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows, concatenate
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.baselines import BASELINES, DEFAULT_BASELINES, EwmaHistory
from forecast_cli.trading.accounting import Terms, simulate
from forecast_cli.trading.positions import RULES, RuleSettings
from forecast_cli.workflows.strategies import (
    BUY_AND_HOLD,
    TradingPlan,
    check_trading,
    run_strategies,
    target_table,
)

N_WALKS = 100
ALL_RULES = TradingPlan(
    rules=tuple(RULES), settings=RuleSettings(threshold=0.55), terms=Terms(cost_bps=10)
)


class Noise:
    """History moved sideways by pure chance, and a position that is pure chance, too."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._history = EwmaHistory()

    def fit(self, train: Windows, validation: Windows) -> None:
        """Learn history."""
        self._history.fit(train, validation)

    def predict(self, windows: Windows) -> Forecasts:
        """History plus noise of a fifth of the scale."""
        shift = 0.2 * windows.scale * self._rng.standard_normal(windows.scale.shape)
        made = self._history.predict(windows)
        moved = made.with_quantiles(made.quantiles + shift[:, :, None])
        return replace(moved, position=self._rng.uniform(-1, 1, shift.shape))


def fair_walk(symbol: str, seed: int, n: int = 420) -> Bars:
    """A price whose every step, overnight too, has a simple return of mean 0."""
    rng = np.random.default_rng(seed)
    prices = 100 * np.multiply.accumulate(1 + 0.006 * rng.standard_normal(2 * n))
    opens, closes = prices[0::2], prices[1::2]
    return Bars(
        symbol=symbol,
        interval="1d",
        price_basis="adjusted",
        timestamp=np.busday_offset("2001-01-01", np.arange(n), roll="forward"),
        open=opens,
        high=np.maximum(opens, closes) * 1.004,
        low=np.minimum(opens, closes) / 1.004,
        close=closes,
        adj_close=closes,
        volume=np.full(n, 1e6),
        dividends=np.zeros(n),
        splits=np.zeros(n),
    )


def windows_of(series: Sequence[Bars]) -> Windows:
    """One feature and the next bar: what the noise needs."""
    return build_windows(series, horizons=(1,), lookback=1, features=("return",))


@dataclass(frozen=True)
class Walk:
    """A pair of fair walks, forecast by noise: is an edge claimed, and what is earned.

    gains: mean simple return per day without costs, with 10 basis points a trade, and those costs.
    """

    claimed: bool
    gains: dict[str, tuple[float, float, float]]


@cache
def walks() -> list[Walk]:
    """A hundred of them."""
    return [walk(seed) for seed in range(N_WALKS)]


def walk(seed: int) -> Walk:
    """Walk forward over one pair, and trade by every rule."""
    series = [fair_walk(symbol, 2 * seed + side) for side, symbol in enumerate("AB")]
    folds = list(cut_folds(windows_of(series), FoldPlan(folds=2)))
    makers: dict[str, Callable[[], Forecaster]] = {"noise": partial(Noise, seed)}
    makers |= {name: BASELINES[name] for name in DEFAULT_BASELINES}
    forecasts = {
        name: walk_forward(Candidate(name=name, make=make), folds) for name, make in makers.items()
    }
    tested = concatenate([fold.test for fold in folds])
    score = score_all(forecasts, tested, naive=DEFAULT_BASELINES)[0]
    better = score.skill_crps is not None and score.skill_crps > 0
    market, targets = target_table("noise", forecasts["noise"], series, ALL_RULES)
    gains = {}
    for name, positions in targets.items():
        free, paid = (simulate(positions, market, Terms(cost_bps=bps)) for bps in (0, 10))
        earned = [np.mean(np.diff(of.equity) / of.equity[:-1]) for of in (free, paid)]
        gains[name] = (float(earned[0]), float(earned[1]), float(paid.costs[1:].mean()))
    return Walk(
        claimed=better and score.dm_p is not None and score.dm_p < SIGNIFICANCE, gains=gains
    )


@pytest.mark.parametrize("strategy", [*(f"noise {rule}" for rule in RULES), BUY_AND_HOLD])
def test_no_rule_earns_anything_on_fair_walks(strategy: str) -> None:
    """T5: over 100 walks the mean net gain lies within three standard errors of 0."""
    mean = np.array([walk.gains[strategy][0] for walk in walks()])
    assert mean.std() > 0
    assert abs(mean.mean() / mean.std(ddof=1) * np.sqrt(N_WALKS)) < 3


@pytest.mark.parametrize("rule", RULES)
def test_what_is_lost_on_fair_walks_is_the_costs(rule: str) -> None:
    """With 10 basis points a trade the mean gain falls by the mean costs, to 1 per cent."""
    free, paid, costs = np.mean([walk.gains[f"noise {rule}"] for walk in walks()], axis=0)
    assert costs > 0
    assert free - paid == pytest.approx(costs, rel=0.01)


def test_edges_are_rarely_claimed_where_there_is_none() -> None:
    """At 5 per cent, on 100 walks, at most 8 times."""
    assert sum(walk.claimed for walk in walks()) <= 8


def test_a_planted_edge_is_earned() -> None:
    """A forecaster that knows the next day's gain earns it by every rule: the rules do trade."""
    series = [fair_walk(symbol, side) for side, symbol in enumerate("AB")]
    windows = windows_of(series).known()
    # open to close of the next bar, which is what a position decided now will earn
    coming = np.concatenate([(b.close / b.open - 1)[windows.rows[0] + 1 :] for b in series])
    history = EwmaHistory()
    history.fit(windows, windows)
    made = history.predict(windows)
    knowing = replace(
        made.with_quantiles(made.quantiles + coming[: len(windows), None, None]),
        position=np.sign(coming[: len(windows), None]),
    )
    runs = run_strategies("knowing", knowing, series, ALL_RULES)
    assert len(runs) == len(RULES) + 1
    for run in runs[:-1]:
        margin = run.performance.break_even_bps
        assert margin is not None
        assert margin > 10, run.performance.strategy
        assert run.performance.probabilistic_sharpe == pytest.approx(1.0, abs=1e-3)


def test_profits_by_symbol_add_up() -> None:
    """What the symbols earned is what the portfolio earned, where nothing is borrowed for."""
    series = [fair_walk(symbol, side) for side, symbol in enumerate("AB")]
    for run in run_strategies("history", forecasts_of(series), series, TradingPlan()):
        assert set(run.by_symbol) == {"A", "B"}
        assert sum(run.by_symbol.values()) == pytest.approx(run.account.equity[-1] - 1, abs=1e-12)


def forecasts_of(series: Sequence[Bars]) -> Forecasts:
    """History, for all windows."""
    windows = windows_of(series)
    history = EwmaHistory()
    history.fit(windows.known(), windows.known())
    return history.predict(windows)


def test_default_rules() -> None:
    """Sign and long-only; what the model itself would hold where it says so."""
    series = [fair_walk("A", 0)]
    made = forecasts_of(series)
    names = [run.performance.strategy for run in run_strategies("m", made, series, TradingPlan())]
    assert names == ["m sign", "m long-only", BUY_AND_HOLD]
    deciding = replace(made, position=np.ones((len(made), 1)))
    runs = run_strategies("m", deciding, series, TradingPlan())
    assert [run.performance.strategy for run in runs] == ["m position", BUY_AND_HOLD]
    # a position of 1 each day is to buy and hold
    assert (runs[0].account.equity == runs[-1].account.equity).all()


def test_rules_that_cannot_be_followed_are_refused() -> None:
    """One symbol has no top and bottom; a model without positions has none to follow."""
    series = [fair_walk("A", 0)]
    with pytest.raises(UsageError, match="there is only A"):
        check_trading(TradingPlan(rules=("top-bottom",)), ["A"])
    check_trading(TradingPlan(rules=("top-bottom",)), ["A", "B"])
    check_trading(TradingPlan(), ["A"])
    with pytest.raises(UsageError, match="says no positions"):
        run_strategies("m", forecasts_of(series), series, TradingPlan(rules=("position",)))


def test_dividends_are_part_of_the_return() -> None:
    """Prices are traded on their adjusted basis: a halved price with a split earns nothing."""
    whole = fair_walk("A", 5)
    late = np.arange(len(whole)) >= 300
    split = replace(whole, open=whole.open / (1 + late), close=whole.close / (1 + late))
    made = forecasts_of([whole])
    left, right = (run_strategies("m", made, [bars], TradingPlan()) for bars in (whole, split))
    for plain, adjusted in zip(left, right, strict=True):
        np.testing.assert_allclose(plain.account.equity, adjusted.account.equity, rtol=1e-12)
