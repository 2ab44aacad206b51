"""Yahoo through the real yfinance and curl_cffi, against a server on this machine."""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from fake_yahoo import DAYS, FakeYahoo, chart, serving

from forecast_cli.data.yahoo import RateLimitError, fetch_yahoo
from forecast_cli.errors import UpstreamError, UsageError

TODAY = date(2024, 3, 13)


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeYahoo]:
    """A running FakeYahoo."""
    with serving(monkeypatch) as fake:
        yield fake


def test_good_reply(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """Every bar keeps its New York date; adj_close and dividends come along."""
    read = fetch_yahoo("AAPL", home=tmp_path, today=TODAY)
    bars = read.bars
    assert [str(day) for day in bars.timestamp] == list(DAYS)
    assert bars.price_basis == "split_adjusted"
    np.testing.assert_allclose(bars.close, [100, 101, 102])
    np.testing.assert_allclose(bars.adj_close, [99, 99.99, 100.98])
    np.testing.assert_allclose(bars.dividends, [0, 0, 0.24])
    np.testing.assert_allclose(bars.splits, [0, 0, 0])
    assert len(yahoo.asked) == 1


def test_cache_lies_in_the_home_folder(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """Under cron there may be no other folder to write to."""
    fetch_yahoo("MSFT", home=tmp_path, today=TODAY)
    assert (tmp_path / "cache" / "yfinance").is_dir()


def test_start_and_end_are_both_included(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """Yahoo's own end is exclusive; ours is not."""
    read = fetch_yahoo(
        "AAPL", home=tmp_path, today=TODAY, start=date(2024, 3, 7), end=date(2024, 3, 11)
    )
    assert len(read.bars) == 3
    assert yahoo.asked == [("AAPL", "2024-03-07", "2024-03-12")]


def test_open_session_is_left_out(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """A bar whose session has not closed is not a bar yet."""
    start = int(datetime(2024, 3, 11, 13, 30, tzinfo=UTC).timestamp())
    regular = {"start": start, "end": 4102444800, "gmtoffset": -14400, "timezone": "EDT"}
    period = {"pre": regular, "regular": regular, "post": regular}
    yahoo.replies["AAPL"] = [(200, chart(currentTradingPeriod=period))]
    read = fetch_yahoo("AAPL", home=tmp_path, today=TODAY)
    assert [str(day) for day in read.bars.timestamp] == list(DAYS[:2])
    assert "unfinished_bar" in [finding.code for finding in read.findings]


def test_server_error_is_tried_again(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """A 5xx answer passes; the next one counts."""
    yahoo.replies["AAPL"] = [(500, b"oops"), (200, chart())]
    assert len(fetch_yahoo("AAPL", home=tmp_path, today=TODAY).bars) == 3
    assert len(yahoo.asked) == 2


def test_lasting_server_error(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """After the last try the vendor is down."""
    yahoo.replies["AAPL"] = [(503, b"oops")]
    with pytest.raises(UpstreamError, match="503"):
        fetch_yahoo("AAPL", home=tmp_path, today=TODAY)
    assert len(yahoo.asked) == 3


@pytest.mark.parametrize("fault", ["reset", "half", "slow"])
def test_broken_transport_is_tried_again(
    yahoo: FakeYahoo, tmp_path: Path, fault: Literal["reset", "half", "slow"]
) -> None:
    """A connection reset, a body cut in two and a reply beyond the time limit pass, too."""
    yahoo.replies["AAPL"] = [fault, (200, chart())]
    assert len(fetch_yahoo("AAPL", home=tmp_path, today=TODAY, timeout_s=0.25).bars) == 3
    assert len(yahoo.asked) == 2


@pytest.mark.parametrize("fault", ["reset", "half", "slow"])
def test_lasting_transport_fault(
    yahoo: FakeYahoo, tmp_path: Path, fault: Literal["reset", "half", "slow"]
) -> None:
    """After the last try the message gives the reason; no half a body is taken for bars."""
    yahoo.replies["AAPL"] = [fault]
    with pytest.raises(UpstreamError, match="AAPL: Yahoo gave no bars"):
        fetch_yahoo("AAPL", home=tmp_path, today=TODAY, timeout_s=0.25)
    assert len(yahoo.asked) == 3


def test_refusal_is_not_tried_again(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """404 stays 404 (yfinance itself asks once more, with other cookies)."""
    yahoo.replies["AAPL"] = [(404, b"{}"), (404, b"{}"), (200, chart())]
    with pytest.raises(UpstreamError):
        fetch_yahoo("AAPL", home=tmp_path, today=TODAY)
    assert len(yahoo.asked) <= 2


def test_rate_limit(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """429 is not tried again by us: asking on prolongs the ban (yfinance itself asks twice)."""
    yahoo.replies["AAPL"] = [(429, b"Too Many Requests")]
    with pytest.raises(RateLimitError, match="refuses more requests"):
        fetch_yahoo("AAPL", home=tmp_path, today=TODAY)
    assert len(yahoo.asked) <= 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"chart": {"result": null, "error": {"code": "x", "description": "No data"}}}'),
        (200, b'{"chart": {"result": [], "error": null}}'),
        (200, b"<html>consent</html>"),
        (200, b""),
        (404, b'{"chart": {"result": null, "error": {"code": "x", "description": "delisted"}}}'),
        (200, b'{"chart": {"result": [{"meta": {}}], "error": null}}'),
    ],
)
def test_no_bars_is_an_upstream_error(
    yahoo: FakeYahoo, tmp_path: Path, status: int, body: bytes
) -> None:
    """Whatever yfinance makes of a reply without bars, the user reads one sentence."""
    yahoo.replies["NOPE"] = [(status, body)]
    with pytest.raises(UpstreamError) as caught:
        fetch_yahoo("NOPE", home=tmp_path, today=TODAY)
    assert caught.value.message.startswith("NOPE: Yahoo")


def test_absent_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without yfinance the error names the command that installs it."""
    absent: Any = None
    monkeypatch.setitem(sys.modules, "yfinance", absent)
    with pytest.raises(UsageError) as caught:
        fetch_yahoo("AAPL", home=tmp_path, today=TODAY)
    assert caught.value.fix == "pip install 'forecast-cli[yahoo]'"
