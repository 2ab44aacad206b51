"""Another future: what is known by a date stays, to the bit; all else is changed or gone."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import random_walk_bars, small_market

from forecast_cli.arrays import BoolArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.data.covariates import Covariate
from forecast_cli.evaluation.worlds import World, cut_after, garbage_after, rescaled
from forecast_cli.features.dataset import build_windows
from forecast_cli.schema import PRICE_COLUMNS

MARKET = small_market(3, 400)
SERIES = tuple(random_walk_bars(f"P{i}", 400, seed=i) for i in range(2))
WORLD = World(
    series=SERIES,
    market=replace(MARKET, peers=SERIES),
    features=("return",),
    compose=lambda series, market: build_windows(
        series, horizons=(1,), lookback=1, features=("return",), market=market
    ),
)
LAST = SERIES[0].timestamp[250]
CLOSE = LAST.astype("datetime64[us]") + np.timedelta64(21, "h")


def everything(world: World) -> dict[str, Bars | Covariate]:
    """Every series and every stored value of a world, by name."""
    found: dict[str, Bars | Covariate] = {f"series {of.symbol}": of for of in world.series}
    found |= {f"peer {of.symbol}": of for of in world.market.peers}
    for name, source in world.market.covariates.items():
        if isinstance(source, Bars):
            found[name] = source
        else:
            found |= {f"{name} of {symbol}": of for symbol, of in source.items()}
    return found


def known(name: str, of: Bars | Covariate) -> BoolArray1D:
    """Which rows New York knows at its close: Tokyo's of the same date, news up to that second."""
    moments = of.timestamp if isinstance(of, Bars) else of.available_at
    last = LAST if isinstance(of, Bars) or of.by_session else CLOSE
    rows: BoolArray1D = moments <= last
    return rows


def test_the_test_looks_at_all_kinds() -> None:
    """Series, peers, another exchange, values by session and by instant."""
    assert set(everything(WORLD)) == {
        "series P0", "series P1", "peer P0", "peer P1", "^N225", "^GSPC",
        "interest of None", "mood of None",
    }  # fmt: skip


@pytest.mark.parametrize("name", everything(WORLD))
def test_garbage_begins_where_knowledge_ends(name: str) -> None:
    """No known number changes; each that is not known does, prices stay positive."""
    before, after = everything(WORLD)[name], everything(garbage_after(WORLD, LAST))[name]
    some = known(name, before)
    assert 0 < some.sum() < len(before)
    columns = PRICE_COLUMNS if isinstance(before, Bars) else ("values",)
    for column in columns:
        own, other = getattr(before, column), getattr(after, column)
        np.testing.assert_array_equal(own[some], other[some])
        assert (own[~some] != other[~some]).all()
        assert column == "values" or (other > 0).all()


@pytest.mark.parametrize("name", everything(WORLD))
def test_a_cut_leaves_what_is_known(name: str) -> None:
    """As many rows as were known, the same ones."""
    before, after = everything(WORLD)[name], everything(cut_after(WORLD, LAST))[name]
    some = known(name, before)
    assert len(after) == some.sum()
    column = "close" if isinstance(before, Bars) else "values"
    np.testing.assert_array_equal(getattr(before, column)[some], getattr(after, column))


def test_new_york_is_not_known_at_tokyos_close() -> None:
    """For a symbol of Tokyo the bar of New York of the same date is part of the future."""
    tokyo = replace(SERIES[0], symbol="7203.T")
    world = replace(WORLD, series=(tokyo,))
    for change in (garbage_after, cut_after):
        changed = everything(change(world, LAST))["^GSPC"]
        assert isinstance(changed, Bars)
        whole = everything(world)["^GSPC"]
        assert isinstance(whole, Bars)
        same = changed.timestamp[: int((whole.timestamp < LAST).sum())]
        assert (same < LAST).all()
        if change is cut_after:
            assert changed.timestamp[-1] < LAST
        else:
            row = int(np.searchsorted(whole.timestamp, LAST))
            assert changed.close[row] != whole.close[row]
            assert changed.close[row - 1] == whole.close[row - 1]


def test_a_symbol_that_began_later_is_gone() -> None:
    """Nobody knew of it: neither as a series nor as a peer."""
    late = SERIES[1].take(slice(300, None))
    world = replace(
        WORLD, series=(SERIES[0], late), market=replace(MARKET, peers=(SERIES[0], late))
    )
    cut = cut_after(world, LAST)
    assert [bars.symbol for bars in cut.series] == ["P0"]
    assert [bars.symbol for bars in cut.market.peers] == ["P0"]


def test_other_units_of_price_change_levels_and_no_return() -> None:
    """A power of two for all prices of a symbol, another one for its adjusted close."""
    for name, after in everything(rescaled(WORLD)).items():
        before = everything(WORLD)[name]
        if isinstance(before, Bars) and isinstance(after, Bars):
            factor = after.close / before.close
            assert (factor == factor[0]).all()
            assert factor[0] in {2.0, 4.0, 8.0, 16.0, 32.0}
            assert (after.adj_close == before.adj_close * factor[0] * 4).all()
            assert (after.volume == before.volume).all()
    windows, other = WORLD.windows(), rescaled(WORLD).windows()
    assert windows.features.tobytes() == other.features.tobytes()
