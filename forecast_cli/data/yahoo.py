"""Daily bars from Yahoo through yfinance: one symbol a request, every failure told apart.

`yfinance.download` is never used: it turns a failed symbol into a blank column. Needs the extra
`yahoo`. The imports are inside: yfinance loads pandas and takes a second.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from forecast_cli.arrays import DateArray1D
from forecast_cli.data.csv_layout import normalised
from forecast_cli.data.series import RawSeries, ReadSeries, assemble
from forecast_cli.errors import BadDataError, TryAgainError, UpstreamError, UsageError
from forecast_cli.files import as_forecast_error
from forecast_cli.findings import Finding
from forecast_cli.threads import warnings_ignored

_ATTEMPTS: Final = 4
_DEADLINE_S: Final = 60.0
TIMEOUT_S: Final = 20.0
"""For one request."""

_SERVER_ERROR: Final = 500
_FIRST_DAY: Final = date(1927, 1, 1)
"""No series of Yahoo is older."""


class RateLimitError(TryAgainError):
    """Yahoo refuses more requests: asking on would only prolong the ban."""


class _ServerError(Exception):
    """Yahoo answered with a 5xx status."""


def fetch_yahoo(  # noqa: PLR0913 - what a request consists of, by keyword
    symbol: str,
    *,
    home: Path,
    today: date,
    start: date | None = None,
    end: date | None = None,
    timeout_s: float = TIMEOUT_S,
) -> ReadSeries:
    """The daily bars of one symbol from start to end, both included; all that Yahoo has by default.

    Prices are split-adjusted, `adj_close` is adjusted for dividends too. The bar of a session that
    is still open is left out. yfinance's cache goes under `home`. timeout_s: for one request;
    transport and server errors are tried again for a minute. Raises UsageError without the extra
    `yahoo`, RateLimitError when Yahoo limits the rate, UpstreamError for all other failures.
    """
    yfinance = _yfinance(home)
    try:
        frame, metadata = _request(yfinance, symbol, start, end, timeout_s)
    except yfinance.exceptions.YFRateLimitError as error:
        raise RateLimitError(
            f"{symbol}: Yahoo refuses more requests for now",
            fix="wait an hour, then run the same command again",
        ) from error
    except Exception as error:  # yfinance lets any kind through, also its own bugs
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UpstreamError(
            f"{symbol}: Yahoo gave no bars ({reason[:200]})",
            fix="check the symbol and the network, then try again",
        ) from error
    if frame.empty:
        raise UpstreamError(
            f"{symbol}: Yahoo sent an empty reply", fix="check the symbol and the dates"
        )
    raw = _raw_series(symbol, frame)
    unfinished = _open_session(metadata)
    if len(raw.dates) and raw.dates[-1] == unfinished:
        read = _judge(_without_last(raw), today)
        finding = Finding("unfinished_bar", f"the session of {unfinished} is still open", 1)
        read.findings.append(finding)
        return read
    return _judge(raw, today)


def _yfinance(home: Path) -> Any:  # noqa: ANN401 - yfinance ships no types
    try:
        import curl_cffi  # noqa: F401, PLC0415 - `_session` needs it
        import stamina  # noqa: F401, PLC0415 - `_request` needs it
        import yfinance  # noqa: PLC0415 - an extra, and slow
    except ImportError as error:
        raise UsageError(
            "fetching from Yahoo needs an extra that is not installed",
            fix="pip install 'forecast-cli[yahoo]'",
        ) from error
    yfinance.config.debug.hide_exceptions = False
    # What matters reaches the user as an error; remarks on cookies and tries would only puzzle.
    for name in ("yfinance", "stamina"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    cache = home / "cache" / "yfinance"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise as_forecast_error(error, cache) from error
    yfinance.set_tz_cache_location(str(cache))
    return yfinance


def _request(
    yfinance: Any,  # noqa: ANN401 - yfinance ships no types
    symbol: str,
    start: date | None,
    end: date | None,
    timeout_s: float,
) -> tuple[Any, Mapping[str, Any]]:
    """The price frame and Yahoo's metadata. Transport errors and 5xx are tried again."""
    import stamina  # noqa: PLC0415 - an extra

    period: dict[str, Any] = {"period": "max"}
    if start or end:
        # Yahoo's end is exclusive.
        until = end + timedelta(days=1) if end else None
        period = {"start": start or _FIRST_DAY, "end": until}
    for attempt in stamina.retry_context(
        on=_is_passing, attempts=_ATTEMPTS, timeout=_DEADLINE_S, wait_initial=0.5
    ):
        with attempt:
            ticker = yfinance.Ticker(symbol, session=_session())
            # yfinance uses what pandas 3 has deprecated; its user can do nothing about it.
            with warnings_ignored():
                frame = ticker.history(
                    interval="1d",
                    auto_adjust=False,
                    actions=True,
                    timeout=timeout_s,
                    **period,
                )
    return frame, ticker.history_metadata


def _session() -> Any:  # noqa: ANN401 - a class made below
    """A browser-like session that raises on 5xx: yfinance would pass the page on as bad JSON."""
    from curl_cffi import requests  # noqa: PLC0415 - an extra

    class Session(requests.Session):  # type: ignore[type-arg]
        def request(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the base class
            response = super().request(*args, **kwargs)
            if response.status_code >= _SERVER_ERROR:
                raise _ServerError(f"HTTP status {response.status_code}")
            return response

    return Session(impersonate="chrome")


def _is_passing(error: Exception) -> bool:
    """Whether a later try may succeed: transport and server errors, not refusals."""
    from curl_cffi.requests import exceptions  # noqa: PLC0415 - an extra

    if isinstance(error, exceptions.HTTPError) and not isinstance(error, exceptions.IncompleteRead):
        return False  # an answer, if not a good one; a body that breaks off is none
    return isinstance(
        error, (_ServerError, ConnectionError, TimeoutError, exceptions.RequestException)
    )


def _raw_series(symbol: str, frame: Any) -> RawSeries:  # noqa: ANN401 - a pandas frame
    # The index is midnight on the exchange's clock; its date must not pass through UTC.
    dates: DateArray1D = frame.index.tz_localize(None).to_numpy().astype("datetime64[D]")
    named = {normalised(str(name)): name for name in frame.columns}
    columns = {
        field: frame[name].to_numpy(dtype=np.float64)
        for field, name in named.items()
        if field not in (None, "repaired")
    }
    return RawSeries(
        symbol=symbol,
        dates=dates,
        columns={field: values for field, values in columns.items() if field is not None},
        locate=lambda row, field: f"{dates[row]}, {field}: {columns[field][row]:g}",
    )


def _open_session(metadata: Mapping[str, Any]) -> np.datetime64 | None:
    """The date, on the exchange's clock, of a session that has not closed yet."""
    try:
        regular = metadata["currentTradingPeriod"]["regular"]
        start, end = (_seconds(regular[name]) for name in ("start", "end"))
        offset = float(metadata.get("gmtoffset", regular.get("gmtoffset", 0)))
    except (KeyError, TypeError, ValueError):
        return None
    if datetime.now(tz=UTC).timestamp() >= end:
        return None
    local = datetime.fromtimestamp(start + offset, tz=UTC)
    return np.datetime64(local.date(), "D")


def _seconds(stamp: Any) -> float:  # noqa: ANN401 - seconds, or a pandas stamp once formatted
    return float(stamp.timestamp() if hasattr(stamp, "timestamp") else stamp)


def _without_last(raw: RawSeries) -> RawSeries:
    if len(raw.dates) == 1:
        raise UpstreamError(f"{raw.symbol}: Yahoo has only the session that is still open")
    return RawSeries(
        symbol=raw.symbol,
        dates=raw.dates[:-1],
        columns={name: values[:-1] for name, values in raw.columns.items()},
        locate=raw.locate,
    )


def _judge(raw: RawSeries, today: date) -> ReadSeries:
    try:
        return assemble(raw, source="Yahoo", layout="Yahoo chart", today=today)
    except BadDataError as error:
        raise UpstreamError(error.message, fix=error.fix) from error
