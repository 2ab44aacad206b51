"""A server on this machine that answers as Yahoo's charts do, and misbehaves when told to."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

import pytest

DAYS = ("2024-03-07", "2024-03-08", "2024-03-11")

Reply: TypeAlias = tuple[int, bytes] | Literal["reset", "half", "slow"]
"""Status and body; or a connection reset, half of a body, a body after half a second."""

_PAYS_AT = 102
"""The close, before splits, of the day of the dividend."""


class FakeYahoo:
    """A chart server.

    Each symbol's `replies` are given in turn, the last one again and again. Without any, the chart
    of `days` between the dates asked for comes, its prices divided by `split`, its adjusted closes
    multiplied by `adjusted`. `asked` holds symbol, first and last date of each chart request.
    """

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.days: Sequence[str] = DAYS
        self.adjusted = 0.99
        self.split = 1.0
        self.asked: list[tuple[str, str, str]] = []

    def reply(self, url: str) -> Reply:
        """The time zone request (range=1d) is always answered; the others take their turn."""
        parts = urlsplit(url)
        symbol, query = parts.path.rsplit("/", 1)[1], parse_qs(parts.query)
        if "range" in query:
            return 200, chart()
        first, last = (str(datetime.fromtimestamp(int(query[k][0])).date()) for k in _RANGE)  # noqa: DTZ006 - this machine's day is near enough
        self.asked.append((symbol, first, last))
        replies = self.replies.get(symbol)
        if replies:
            return replies.pop(0) if len(replies) > 1 else replies[0]
        inside = [day for day in self.days if first <= day <= last]
        everything = len(inside) == len(self.days)
        first_close = 100.0 + (0 if everything else self.days.index(inside[0]) if inside else 0)
        return 200, chart(inside, first_close=first_close, adjusted=self.adjusted, split=self.split)


_RANGE = ("period1", "period2")


def chart(
    days: Sequence[str] = DAYS,
    *,
    first_close: float = 100.0,
    adjusted: float = 0.99,
    split: float = 1.0,
    **meta: object,
) -> bytes:
    """A chart reply with rising closes and a dividend on the last day, New York time."""
    stamps = [int(datetime.fromisoformat(f"{day}T14:30:00+00:00").timestamp()) for day in days]
    closes = [(first_close + i) / split for i in range(len(days))]
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
        "events": {
            "dividends": {
                str(stamp): {"amount": 0.24 / split, "date": stamp}
                for stamp, close in zip(stamps, closes, strict=True)
                if close * split == _PAYS_AT
            }
        },
        "indicators": {
            "quote": [
                {
                    "open": [c - 0.5 / split for c in closes],
                    "high": [c + 1 / split for c in closes],
                    "low": [c - 1 / split for c in closes],
                    "close": closes,
                    "volume": [int(10 * close * split**2) for close in closes],
                }
            ],
            "adjclose": [{"adjclose": [c * adjusted for c in closes]}],
        },
    }
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


@contextlib.contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeYahoo]:
    """A running FakeYahoo that yfinance takes for Yahoo."""
    import stamina  # noqa: PLC0415 - an extra
    from yfinance import base, data  # noqa: PLC0415 - an extra
    from yfinance.scrapers import history  # noqa: PLC0415 - an extra

    fake = FakeYahoo()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, fake.reply(self.path))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that no longer waits is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(history, "_BASE_URL_", url)
    monkeypatch.setattr(base, "_BASE_URL_", url)
    # The crumb comes from fixed hosts and the chart does not need it.
    monkeypatch.setattr(data.YfData, "_get_cookie_and_crumb", lambda *_, **__: (None, "basic"))
    stamina.set_testing(True, attempts=3, cap=True)
    try:
        yield fake
    finally:
        stamina.set_testing(False)
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    if reply == "reset":
        linger = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.connection.close()
        return
    if reply == "slow":
        time.sleep(0.5)
    status, body = (200, chart()) if isinstance(reply, str) else reply
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2] if reply == "half" else body)
