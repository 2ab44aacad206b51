"""Yahoo through the real yfinance and curl_cffi, against a server on this machine."""

import json
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecast_cli.data.yahoo import fetch_yahoo
from forecast_cli.errors import TryAgainError, UpstreamError, UsageError

TODAY = date(2024, 3, 13)
DAYS = ("2024-03-07", "2024-03-08", "2024-03-11")


class FakeYahoo:
    """A chart server. `replies` are (status, body) in turn; the last one stays."""

    def __init__(self) -> None:
        self.replies: list[tuple[int, bytes]] = [(200, chart())]
        self.n_charts = 0

    def reply(self, path: str) -> tuple[int, bytes]:
        """The time zone request (range=1d) is always answered; the others take their turn."""
        if "range=1d" in path:
            return 200, chart()
        self.n_charts += 1
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def chart(days: tuple[str, ...] = DAYS, **meta: object) -> bytes:
    """A chart reply with closes 100, 101, ... and a dividend on the last day, New York time."""
    stamps = [int(datetime.fromisoformat(f"{day}T14:30:00+00:00").timestamp()) for day in days]
    closes = [100.0 + i for i in range(len(days))]
    result = {
        "meta": {
            "currency": "USD",
            "symbol": "AAPL",
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": "America/New_York",
            "timezone": "EST",
            "gmtoffset": -18000,
            "firstTradeDate": 345479400,
            "regularMarketTime": stamps[-1] + 3600 if stamps else 0,
            "dataGranularity": "1d",
            "range": "max",
            "validRanges": ["1d", "max"],
            **meta,
        },
        "timestamp": stamps,
        "events": {"dividends": {str(s): {"amount": 0.24, "date": s} for s in stamps[-1:]}},
        "indicators": {
            "quote": [
                {
                    "open": [c - 0.5 for c in closes],
                    "high": [c + 1 for c in closes],
                    "low": [c - 1 for c in closes],
                    "close": closes,
                    "volume": [1000 + i for i in range(len(closes))],
                }
            ],
            "adjclose": [{"adjclose": [c * 0.99 for c in closes]}],
        },
    }
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeYahoo]:
    """A running FakeYahoo that yfinance takes for Yahoo."""
    import stamina  # noqa: PLC0415 - an extra
    from yfinance import base, data  # noqa: PLC0415 - an extra
    from yfinance.scrapers import history  # noqa: PLC0415 - an extra

    fake = FakeYahoo()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = fake.reply(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(history, "_BASE_URL_", url)
    monkeypatch.setattr(base, "_BASE_URL_", url)
    # The crumb comes from fixed hosts and the chart does not need it.
    monkeypatch.setattr(data.YfData, "_get_cookie_and_crumb", lambda *_, **__: (None, "basic"))
    stamina.set_testing(True, attempts=3, cap=True)
    yield fake
    stamina.set_testing(False)
    server.shutdown()
    server.server_close()
    thread.join()


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
    assert yahoo.n_charts == 1


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


def test_open_session_is_left_out(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """A bar whose session has not closed is not a bar yet."""
    start = int(datetime(2024, 3, 11, 13, 30, tzinfo=UTC).timestamp())
    regular = {"start": start, "end": 4102444800, "gmtoffset": -14400, "timezone": "EDT"}
    period = {"pre": regular, "regular": regular, "post": regular}
    yahoo.replies = [(200, chart(currentTradingPeriod=period))]
    read = fetch_yahoo("AAPL", home=tmp_path, today=TODAY)
    assert [str(day) for day in read.bars.timestamp] == list(DAYS[:2])
    assert "unfinished_bar" in [finding.code for finding in read.findings]


def test_server_error_is_tried_again(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """A 5xx answer passes; the next one counts."""
    yahoo.replies = [(500, b"oops"), (200, chart())]
    assert len(fetch_yahoo("AAPL", home=tmp_path, today=TODAY).bars) == 3
    assert yahoo.n_charts == 2


def test_lasting_server_error(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """After the last try the vendor is down."""
    yahoo.replies = [(503, b"oops")]
    with pytest.raises(UpstreamError, match="503"):
        fetch_yahoo("AAPL", home=tmp_path, today=TODAY)
    assert yahoo.n_charts == 3


def test_rate_limit(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """429 is not tried again by us: asking on prolongs the ban (yfinance itself asks twice)."""
    yahoo.replies = [(429, b"Too Many Requests")]
    with pytest.raises(TryAgainError, match="refuses more requests"):
        fetch_yahoo("AAPL", home=tmp_path, today=TODAY)
    assert yahoo.n_charts <= 2


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
    yahoo.replies = [(status, body)]
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
