"""Session dates out of text. A daily bar is a local calendar date and never a shifted instant."""

import re
from datetime import date, datetime
from typing import Final

_ISO: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?"
    r"\s?(Z|UTC|[+-]\d{2}:?\d{2})?\Z",
    re.ASCII,
)
_SLASHED: Final = re.compile(r"\d{1,4}[/.]\d{1,2}[/.]\d{1,4}\b", re.ASCII)


class DateError(ValueError):
    """A text that is no session date: what it is instead, and what to do about it."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.fix = fix


def parse_date(text: str, date_format: str | None) -> date:
    """The date in a text such as `2024-03-07` or `2024-03-07 00:00:00-05:00`.

    The offset is ignored: converted to UTC, a day in Tokyo or Madrid would become the day before.
    `date_format` is a strptime pattern and replaces the ISO form. Raises DateError.
    """
    text = text.strip()
    if date_format is not None:
        return _by_format(text, date_format)
    match = _ISO.match(text)
    if match is None:
        raise _not_iso(text)
    day, clock, _ = match.groups()
    if clock and clock.strip("0:."):
        raise DateError(
            "has a time of day: intraday bars are not supported yet, expected daily bars",
            "download daily bars (interval 1d)",
        )
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise DateError(f"is not a date ({error})", "correct or remove the row") from error


def has_offset(text: str) -> bool:
    """Whether an ISO stamp carries a zone offset."""
    match = _ISO.match(text.strip())
    return match is not None and match.group(3) is not None


def _by_format(text: str, date_format: str) -> date:
    try:
        # The offset, if any, is of no use: a daily bar is a calendar date.
        stamp = datetime.strptime(text, date_format)  # noqa: DTZ007
    except (ValueError, re.error) as error:
        raise DateError(
            f"does not have the date format {date_format}", "correct --date-format"
        ) from error
    if stamp.hour or stamp.minute or stamp.second:
        raise DateError(
            "has a time of day: intraday bars are not supported yet, expected daily bars",
            "download daily bars (interval 1d)",
        )
    return stamp.date()


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
