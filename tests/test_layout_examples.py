"""Files as yfinance has written them over the years, and real downloads: each read right.

The truth is written down by hand from the files and from what was put into them: closes of 100,
101, ... split-adjusted, 99 % of that adjusted, from 2024-03-07 on.
"""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from forecast_cli.data.dates import parse_zone
from forecast_cli.data.reader import read_each
from forecast_cli.data.series import ReadOptions, ReadSeries
from forecast_cli.errors import BadDataError

TODAY = date(2026, 12, 31)
SHARED = Path(__file__).parents[2] / "shared"
LAYOUTS = SHARED / "reference" / "csv_layouts"
DOWNLOADS = SHARED / "data" / "yfinance_csv"

DAYS = ["2024-03-07", "2024-03-08", "2024-03-11", "2024-03-12", "2024-03-13", "2024-03-14"]
HOURS = [
    *("2024-03-08T18:30:00", "2024-03-08T19:30:00", "2024-03-08T20:30:00"),
    *("2024-03-11T13:30:00", "2024-03-11T14:30:00", "2024-03-11T15:30:00"),
]
"""13:30 to 15:30 in New York in winter, 9:30 to 11:30 in summer."""
ONE = ("AAPL",)
TWO = ("AAPL", "VOD.L")
UNNAMED = ("GIVEN",)


@dataclass(frozen=True)
class Truth:
    """What a file holds: the same bars for each symbol.

    factor: of open, high, low and close. adjusted: of adj_close. older: of all prices of the first
    two bars.
    """

    symbols: tuple[str, ...]
    basis: str
    times: list[str]
    factor: float = 1.0
    adjusted: float = 0.99
    interval: str = "1d"
    zone: str | None = None
    older: float = 1.0


def adjusted(symbols: tuple[str, ...], n_bars: int = 6, basis: str = "adjusted") -> Truth:
    """All prices at 99 %."""
    return Truth(symbols, basis, DAYS[:n_bars], factor=0.99)


def split_adjusted(symbols: tuple[str, ...], n_bars: int) -> Truth:
    """Prices as they were, and Adj Close at 99 %."""
    return Truth(symbols, "split_adjusted", DAYS[:n_bars])


def hourly(symbols: tuple[str, ...], n_bars: int = 6) -> Truth:
    """Prices of each hour in New York, never adjusted for dividends."""
    times = HOURS[:n_bars]
    return Truth(symbols, "split_adjusted", times, 1.0, 1.0, "1h", "America/New_York")


LONDON_HOURS = Truth(
    ("VOD.L",),
    "split_adjusted",
    ["2024-03-08T13:30:00", "2024-03-08T14:30:00", "2024-03-08T15:30:00"],
    adjusted=1.0,
    interval="1h",
    zone="Europe/London",
)
BACK_ADJUSTED = "looks like back_adjust=True: Close is not adjusted for dividends"

TRUTH: dict[str, Truth | str] = {
    "L01_download_classic": split_adjusted(UNNAMED, 4),
    "L02_history_naive": adjusted(UNNAMED, 3),
    "L03_history_tz_aware": adjusted(UNNAMED),
    "L04_history_auto_adjust_false": split_adjusted(UNNAMED, 6),
    "L05_history_fund": adjusted(UNNAMED),
    # yfinance's repair took the dividend of 0.24 off the rows before it a second time.
    "L06_history_repair": replace(adjusted(UNNAMED), older=1 - 0.24 / 101),
    "L07_history_actions_false": adjusted(UNNAMED, basis="unknown"),
    "L08_history_back_adjust": BACK_ADJUSTED,
    "L08b_back_adjust_naive": BACK_ADJUSTED,
    "L09_three_header_rows_one_symbol": adjusted(ONE),
    "L10_three_header_rows_adj_close": split_adjusted(ONE, 6),
    "L11_two_header_rows": adjusted(ONE, 3),
    "L11b_two_header_rows_two_symbols": adjusted(TWO, 3),
    "L12_unnamed_levels_two_symbols": split_adjusted(TWO, 2),
    "L13_named_levels_two_symbols": adjusted(TWO),
    "L14_group_by_ticker_two_symbols": adjusted(TWO),
    "L14b_group_by_ticker_one_symbol": adjusted(ONE),
    "L14c_group_by_ticker_unnamed": split_adjusted(TWO, 2),
    "L15_multi_level_index_false": adjusted(UNNAMED, basis="unknown"),
    "L15b_multi_level_index_false_unnamed_date": adjusted(UNNAMED, 4, basis="unknown"),
    "L16_long_form": adjusted(TWO, basis="unknown"),
    "L16b_long_form_unnamed_symbol": split_adjusted(TWO, 2),
    "L17_reset_index_two_level": adjusted(ONE),
    "L17b_reset_index_flat": split_adjusted(UNNAMED, 4),
    "L17c_reset_index_two_level_index": adjusted(ONE, 3),
    "L18_daily_utc_midnight": split_adjusted(ONE, 2),
    "L18b_daily_utc_midnight_two_symbols": split_adjusted(TWO, 2),
    "L19_intraday_local_offset_history": hourly(UNNAMED),
    "L19b_intraday_local_offset_three_rows": hourly(ONE),
    "L20_intraday_utc": hourly(ONE, 5),
    "L20b_intraday_utc_two_symbols": LONDON_HOURS,
    "L21_intraday_naive_unnamed_date": hourly(UNNAMED),
    "L22_failed_symbol": adjusted(ONE),
    "L23_empty_download": "no rows",
    "L23b_empty_history": "no rows",
    "L23c_empty_three_rows": "no rows",
}
FAILED = {"L20b_intraday_utc_two_symbols": ["AAPL"], "L22_failed_symbol": ["NOPE"]}
"""Symbols without any price, which cost only themselves."""
OPTIONS = {"L21_intraday_naive_unnamed_date": ReadOptions(zone=parse_zone("America/New_York"))}


@pytest.mark.parametrize("name", TRUTH)
def test_example(name: str) -> None:
    """Symbols, dates, basis, interval, zone and every value; or the reason why not."""
    if not LAYOUTS.is_dir():
        pytest.skip(f"the example files are not here: {LAYOUTS}")
    truth = TRUTH[name]
    if isinstance(truth, str):
        assert truth in refusal(LAYOUTS / f"{name}.csv")
        return
    options = OPTIONS.get(name, ReadOptions())
    path = LAYOUTS / f"{name}.csv"
    parts = list(read_each(path, today=TODAY, symbol="GIVEN", options=options))
    good = [part for part in parts if isinstance(part, ReadSeries)]
    assert [part.name for part in parts if not isinstance(part, ReadSeries)] == FAILED.get(name, [])
    assert tuple(part.bars.symbol for part in good) == truth.symbols
    for part in good:
        assert_true(part, truth)


def assert_true(part: ReadSeries, truth: Truth) -> None:
    """Compare bars with the prices that were put into the examples."""
    bars = part.bars
    said = (bars.price_basis, bars.interval, bars.zone)
    assert said == (truth.basis, truth.interval, truth.zone)
    assert [str(time) for time in bars.timestamp] == truth.times
    number = np.arange(len(truth.times))
    older = np.where(number < 2, truth.older, 1.0)
    expected = {
        "open": (99.5 + number) * truth.factor * older,
        "high": (101.0 + number) * truth.factor * older,
        "low": (99.0 + number) * truth.factor * older,
        "close": (100.0 + number) * truth.factor * older,
        "adj_close": (100.0 + number) * truth.adjusted * older,
        "volume": 1000.0 + number,
    }
    for column, values in expected.items():
        np.testing.assert_allclose(getattr(bars, column), values, rtol=1e-12, err_msg=column)


def refusal(path: Path) -> str:
    """Why a file is not read, whether as a whole or its one symbol."""
    try:
        (part,) = read_each(path, today=TODAY, symbol="GIVEN")
    except BadDataError as error:
        return error.message
    assert not isinstance(part, ReadSeries)
    return part.error.message


def test_every_example_is_tested() -> None:
    """None is forgotten."""
    if not LAYOUTS.is_dir():
        pytest.skip(f"the example files are not here: {LAYOUTS}")
    assert {path.stem for path in LAYOUTS.glob("*.csv")} == set(TRUTH)
    assert len(TRUTH) == 36


def test_actions_of_the_examples() -> None:
    """A dividend of 0.24 on 2024-03-11 and a split event on 2024-03-13, where the file has them."""
    if not LAYOUTS.is_dir():
        pytest.skip(f"the example files are not here: {LAYOUTS}")
    for name in ("L03_history_tz_aware", "L04_history_auto_adjust_false", "L05_history_fund"):
        (part,) = read_each(LAYOUTS / f"{name}.csv", today=TODAY, symbol="GIVEN")
        assert isinstance(part, ReadSeries)
        np.testing.assert_array_equal(part.bars.dividends, [0, 0, 0.24, 0, 0, 0])
        np.testing.assert_array_equal(part.bars.splits, [0, 0, 0, 0, 2, 0])


DAILY_FACTS = {
    "flat_adjclose/AAPL": (
        1258,
        "2012-09-04",
        "2017-09-01",
        96.424286,
        87.121140,
        "split_adjusted",
    ),
    "flat_adjclose/KO": (1258, "2012-09-04", "2017-09-01", 37.279999, 31.985813, "split_adjusted"),
    "flat_adjclose/XOM": (1258, "2012-09-04", "2017-09-01", 87.120003, 74.408150, "split_adjusted"),
    "flat_adjclose/JPM": (1258, "2012-09-04", "2017-09-01", 37.009998, 32.366596, "split_adjusted"),
    "flat_noname_index/GOOG": (2148, "2004-08-19", "2013-03-01", 100.34, 100.34, "unknown"),
    "multiheader_daily/SPY": (2535, "2015-01-02", "2025-01-30", 172.592850, 172.592850, "adjusted"),
    "multiheader_daily/TSLA": (2535, "2015-01-02", "2025-01-30", 14.620667, 14.620667, "adjusted"),
    "history_tz/CALM-1d-no-bad-divs": (
        *(662, "2022-01-03", "2024-08-21", 37.700001, 32.630737, "split_adjusted"),
    ),
    "history_tz/EWG-1d-no-bad-divs": (
        *(662, "2022-01-03", "2024-08-21", 33.160000, 30.576433, "split_adjusted"),
    ),
    "history_tz/IBE-MC-1d-no-bad-divs": (
        *(677, "2022-01-03", "2024-08-22", 10.444999, 9.132648, "split_adjusted"),
    ),
    "defects/4063-T-1d-bad-stock-split": (
        *(22, "2023-03-15", "2023-04-14", 20205, 19940.789062, "split_adjusted"),
    ),
    "defects/4063-T-1d-bad-stock-split-fixed": (
        *(22, "2023-03-15", "2023-04-14", 4041, 3988.157812, "split_adjusted"),
    ),
    "defects/8TRA-DE-1d-missing-div-adjust": (
        *(5, "2023-05-30", "2023-06-06", 19.35, 19.35, "split_adjusted"),
    ),
    "defects/8TRA-DE-1d-missing-div-adjust-fixed": (
        *(5, "2023-05-30", "2023-06-06", 19.35, 18.629138, "split_adjusted"),
    ),
    "defects/AET-L-1d-100x-error": (
        *(23, "2022-05-03", "2022-06-06", 0.1455, 0.1455, "split_adjusted"),
    ),
    "defects/AET-L-1d-100x-error-fixed": (
        *(23, "2022-05-03", "2022-06-06", 14.55, 14.55, "split_adjusted"),
    ),
    "defects/JENYX-1d-cg-double-count": (
        *(1256, "2021-01-11", "2026-01-09", 54.95, 13.737714, "split_adjusted"),
    ),
    "defects/JENYX-1d-cg-double-count-fixed": (
        *(1256, "2021-01-11", "2026-01-09", 54.95, 29.364987, "split_adjusted"),
    ),
    "defects/SSNLF-1d-bad-div-fixed": (
        *(6017, "2001-08-06", "2026-06-26", 139.710007, 93.751321, "split_adjusted"),
    ),
}
"""Rows with prices, first and last day, close and adjusted close of the first day, basis."""

INTRADAY_FACTS = {
    "multiheader_intraday/SPY_1m": ("1m", 1946, "2025-05-09T13:44:00", "2025-05-16T13:42:00"),
    "multiheader_intraday/SPY_5m": ("5m", 625, "2025-05-06T13:40:00", "2025-05-16T13:40:00"),
    "multiheader_intraday/AAPL_15m": ("15m", 209, "2025-05-06T13:30:00", "2025-05-16T13:30:00"),
    "history_tz/EA-15m-no-bad-divs": ("15m", 319, "2026-05-26T08:00:00", "2026-06-03T18:15:00"),
}
REFUSED = {
    "defects/AV-L-1wk-bad-stock-split": "7 days apart, expected daily bars",
    "defects/AV-L-1wk-bad-stock-split-fixed": "7 days apart, expected daily bars",
    "defects/SSNLF-1d-bad-div": 'line 2, column Adj Close: "-inf" is not finite',
}


def download(name: str) -> ReadSeries:
    """The one symbol of a real download."""
    if not DOWNLOADS.is_dir():
        pytest.skip(f"the real downloads are not here: {DOWNLOADS}")
    (part,) = read_each(DOWNLOADS / f"{name}.csv", today=TODAY, symbol="GIVEN")
    assert isinstance(part, ReadSeries)
    return part


@pytest.mark.parametrize("name", DAILY_FACTS)
def test_daily_download(name: str) -> None:
    """Every row is there, on its own calendar day."""
    bars = download(name).bars
    n_bars, first, last, close, adj_close, basis = DAILY_FACTS[name]
    assert (len(bars), str(bars.timestamp[0]), str(bars.timestamp[-1])) == (n_bars, first, last)
    assert (bars.interval, bars.zone, bars.price_basis) == ("1d", None, basis)
    assert bars.close[0] == pytest.approx(close, rel=1e-6)
    assert bars.adj_close[0] == pytest.approx(adj_close, rel=1e-6)
    # In Madrid, London and Tokyo days would become Sundays by way of UTC.
    assert np.is_busday(bars.timestamp).all()


@pytest.mark.parametrize("name", INTRADAY_FACTS)
def test_intraday_download(name: str) -> None:
    """The interval is measured, stamps are instants in UTC, the zone is the exchange's."""
    bars = download(name).bars
    facts = (bars.interval, len(bars), str(bars.timestamp[0]), str(bars.timestamp[-1]))
    assert facts == INTRADAY_FACTS[name]
    assert (bars.zone, bars.price_basis) == ("America/New_York", "split_adjusted")


def test_two_symbols_in_one_file() -> None:
    """Joined side by side they are what they were alone."""
    alone = [download(f"multiheader_daily/{name}").bars for name in ("SPY", "TSLA")]
    path = DOWNLOADS / "multiheader_wide" / "SPY_TSLA.csv"
    for part, bars in zip(read_each(path, today=TODAY), alone, strict=True):
        assert isinstance(part, ReadSeries)
        assert part.bars.symbol == bars.symbol
        np.testing.assert_array_equal(part.bars.close, bars.close)
        np.testing.assert_array_equal(part.bars.volume, bars.volume)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_download(name: str) -> None:
    """Weekly bars, and an Adj Close that a wrong dividend has driven below zero (D10)."""
    if not DOWNLOADS.is_dir():
        pytest.skip(f"the real downloads are not here: {DOWNLOADS}")
    assert REFUSED[name] in refusal(DOWNLOADS / f"{name}.csv")


def test_every_download_is_tested() -> None:
    """None is forgotten."""
    if not DOWNLOADS.is_dir():
        pytest.skip(f"the real downloads are not here: {DOWNLOADS}")
    found = {str(path.relative_to(DOWNLOADS).with_suffix("")) for path in DOWNLOADS.rglob("*.csv")}
    tested = {*DAILY_FACTS, *INTRADAY_FACTS, *REFUSED, "multiheader_wide/SPY_TSLA"}
    assert found == tested
