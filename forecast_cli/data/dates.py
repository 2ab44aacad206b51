"""The time of a bar out of text: a session date, or the instant at which an intraday bar starts.

A daily bar is a local calendar date and never a shifted instant. An intraday bar is an instant in
UTC: its stamp carries an offset, or the zone of its clock must be given.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from forecast_cli.arrays import DateArray1D, IntArray1D
from forecast_cli.errors import UsageError

DAY: Final = np.dtype("datetime64[D]")
"""Session dates of daily bars."""
INSTANT: Final = np.dtype("datetime64[s]")
"""Instants in UTC at which intraday bars start."""

_ISO: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?"
    r"\s?(Z|UTC|[+-]\d{2}:?\d{2})?\Z",
    re.ASCII,
)
_SLASHED: Final = re.compile(r"\d{1,4}[/.]\d{1,2}[/.]\d{1,4}\b", re.ASCII)


class DateError(ValueError):
    """A text that is no time of a bar: what it is instead, and what to do about it.

    row: which of several stamps it is.
    """

    def __init__(self, problem: str, fix: str, *, row: int = 0) -> None:
        super().__init__(problem)
        self.fix = fix
        self.row = row


def parse_zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises UsageError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"{name[:40]!a} is not a time zone", fix="use a name such as America/New_York"
        ) from error


def parse_stamp(text: str, date_format: str | None) -> datetime:
    """What a text such as `2024-03-07` or `2024-03-07 09:30:00-05:00` says, offset included.

    `date_format` is a strptime pattern and replaces the ISO form. Raises DateError.
    """
    text = text.strip()
    if date_format is not None:
        return _by_format(text, date_format)
    match = _ISO.match(text)
    if match is None:
        raise _not_iso(text)
    day, clock, offset = match.groups()
    zone = "+00:00" if offset in ("Z", "UTC") else offset or ""
    try:
        return datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone}")
    except ValueError as error:
        raise DateError(f"is not a date ({error})", "correct or remove the row") from error


def parse_times(
    texts: Sequence[str], date_format: str | None, zone: ZoneInfo | None
) -> DateArray1D:
    """The times of bars, as `bar_times` gives them, from their texts. Raises DateError."""
    stamps = []
    for row, text in enumerate(texts):
        try:
            stamps.append(parse_stamp(text, date_format))
        except DateError as error:
            raise DateError(str(error), error.fix, row=row) from error
    return bar_times(stamps, zone)


def has_offset(text: str) -> bool:
    """Whether an ISO stamp carries a zone offset."""
    match = _ISO.match(text.strip())
    return match is not None and match.group(3) is not None


def bar_times(stamps: Sequence[datetime], zone: ZoneInfo | None) -> DateArray1D:
    """Session dates where each stamp is a midnight on its own clock, else instants in UTC.

    The offset of a midnight is ignored: converted to UTC, a day in Tokyo or Madrid would become the
    day before. zone: of the clock of stamps without an offset. Raises DateError for stamps with and
    without one, and for instants without a zone, skipped or repeated by it, or between two seconds.
    """
    is_aware = np.array([stamp.tzinfo is not None for stamp in stamps])
    if is_aware.any() and not is_aware.all():
        row = int(np.argmax(is_aware != is_aware[0]))
        raise DateError(
            f"has {'a' if is_aware[row] else 'no'} zone offset, unlike the stamps above it",
            "download the file again in one piece",
            row=row,
        )
    if all(stamp.time() == time.min for stamp in stamps):
        return np.array([stamp.date() for stamp in stamps], dtype=DAY)
    instants = [_instant(stamp, zone, row) for row, stamp in enumerate(stamps)]
    return np.array(instants, dtype=INSTANT)


def local_dates(instants: DateArray1D, zone: ZoneInfo) -> DateArray1D:
    """The calendar day on the zone's clock of each instant in UTC."""
    # No clock changes between two quarters of an hour.
    quarters, rows = np.unique(instants.astype(np.int64) // 900, return_inverse=True)
    offsets = [
        _seconds_east(datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone))
        for quarter in quarters.tolist()
    ]
    shifts: IntArray1D = np.array(offsets, dtype=np.int64)
    days: DateArray1D = (instants + shifts[rows]).astype(DAY)
    return days


def known_at(times: DateArray1D, interval: str) -> DateArray1D:
    """When bars are complete, from their timestamps: the same session, or an interval later."""
    if times.dtype == DAY:
        return times
    minutes = int(interval[:-1]) * (60 if interval.endswith("h") else 1)
    ends: DateArray1D = times + np.timedelta64(minutes, "m")
    return ends


def _instant(stamp: datetime, zone: ZoneInfo | None, row: int) -> int:
    """Seconds since 1970 in UTC."""
    if stamp.microsecond:
        raise DateError(
            "lies between two seconds, expected the start of a bar", "remove the row", row=row
        )
    if stamp.tzinfo is not None:
        return int(stamp.timestamp())
    if zone is None:
        raise DateError(
            "is a time of day without a zone",
            "name the zone of the exchange's clock, as in --zone America/New_York",
            row=row,
        )
    # Where the clock jumps, a time of day has two readings (PEP 495).
    first, second = (stamp.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    change = _seconds_east(second) - _seconds_east(first)
    if change:
        kind = "does not exist" if change > 0 else "happens twice"
        raise DateError(
            f"{kind} on the clock of {zone.key}",
            "check --zone, or download the file with zone offsets",
            row=row,
        )
    return int(first.timestamp())


def _seconds_east(stamp: datetime) -> int:
    offset = stamp.utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _by_format(text: str, date_format: str) -> datetime:
    try:
        return datetime.strptime(text, date_format)  # noqa: DTZ007 - it may have no zone
    except (ValueError, re.error) as error:
        raise DateError(
            f"does not have the date format {date_format}", "correct --date-format"
        ) from error


def _not_iso(text: str) -> DateError:
    if _SLASHED.match(text):
        return DateError(
            "is ambiguous (day or month first?), expected YYYY-MM-DD",
            "use --date-format, for example --date-format %m/%d/%Y",
        )
    return DateError(
        "is not an ISO date, expected YYYY-MM-DD",
        "use --date-format with a strptime pattern such as '%b %d, %Y' or %Y%m%d",
    )
