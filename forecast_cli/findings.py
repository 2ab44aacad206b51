"""What may be wrong with a price series: the one list of codes, and what follows from each.

Codes are stable: scripts and `forecast.toml` name them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]
Policy: TypeAlias = Literal["error", "warn", "note", "ignore", "drop"]
"""What follows from a finding: the series is refused; it is reported as a warning, or as a note;
nothing; the rows are left out and reported."""

_SEVERITIES: Final[dict[Policy, Severity]] = {
    "error": "error",
    "warn": "warning",
    "drop": "warning",
    "note": "note",
}
_REPORT: Final[tuple[Policy, ...]] = ("error", "warn", "note", "ignore")
_REPORT_OR_DROP: Final[tuple[Policy, ...]] = (*_REPORT, "drop")


@dataclass(frozen=True)
class Code:
    """What a code says, the repair, its policy by default and those a user may choose."""

    what: str
    fix: str | None = None
    default: Policy = "warn"
    allowed: tuple[Policy, ...] = _REPORT


_CORRECT: Final = "correct these rows or download the file again"

CODES: Final[Mapping[str, Code]] = {
    # The rows of a file.
    "newest_first": Code("the rows were newest first; sorted", default="note"),
    "unsorted": Code("the rows were out of order", "check how the file was put together"),
    "duplicate_bar": Code("repeated bars dropped", "check how the file was put together"),
    "last_day_twice": Code("the last day stands twice; the later row is kept"),
    "empty_rows": Code("rows without prices dropped", default="note"),
    "partial_row": Code(
        "a price is missing while the row has others",
        'correct these rows, or drop them: partial_row = "drop" under [checks] in forecast.toml',
        "error",
        ("error", "drop"),
    ),
    "no_final_newline": Code("the last line has no end", "check that the file is complete"),
    "repaired_rows": Code("yfinance repaired rows", "download the symbol without repair"),
    "close_only": Code("close only: open, high and low are set to close", default="note"),
    "huge_volume": Code("the volume is too large to be kept to the last digit", default="note"),
    "price_basis_unknown": Code(
        "the file does not say whether close is adjusted for dividends", default="note"
    ),
    "price_returns": Code("neither dividends nor an adjusted close are known", default="note"),
    # What no series may have.
    "bad_price": Code("a price is missing, not finite or not positive", _CORRECT, "error", ()),
    "bad_volume": Code("volume is negative or not finite", _CORRECT, "error", ()),
    "bad_date": Code("the date lies before 1800 or in the future", _CORRECT, "error", ()),
    "conflicting_bar": Code("two different bars for the same date", _CORRECT, "error", ()),
    # Prices and volumes.
    "range_violation": Code(
        "high and low do not contain open and close",
        "compare with another vendor; only features of the range are touched",
        allowed=_REPORT_OR_DROP,
    ),
    "split_like_jump": Code(
        "adj_close jumps like a split that was not applied",
        "if there was a split, download the whole history again",
    ),
    "unit_jump": Code(
        "adj_close jumps by a factor of 100, like pence for pounds",
        "download the whole history again, or bring it to one unit",
    ),
    "large_jump": Code(
        "adj_close moves by more than 0.4 in log terms",
        "a spin-off, or real: compare with another vendor; nothing is changed",
    ),
    "stuck_price": Code(
        "close stays the same for five bars and more", "check that the symbol still trades"
    ),
    "repeated_bar": Code(
        "the bar is identical to the one before",
        "the vendor may have filled a gap: compare with another vendor",
        allowed=_REPORT_OR_DROP,
    ),
    "flat_bar": Code("open, high, low and close are one price", default="note"),
    "zero_volume": Code("the volume is 0", "compare with another vendor"),
    "constant_volume": Code(
        "the volume is the same on every bar", "these bars look made up: check the source"
    ),
    "short_series": Code("fewer than 252 bars, a year of sessions", default="note"),
    "wrong_interval": Code(
        "bars a week or more apart among daily ones", "download daily bars of these years"
    ),
    # The exchange's calendar.
    "no_calendar": Code("the exchange's sessions are not known", default="note"),
    "missing_session": Code(
        "no bar on a session of the calendar", "download these days again if they were traded"
    ),
    "closed_day": Code(
        "a bar on a day on which the exchange was closed",
        "check the calendar; choose another with --calendar",
        allowed=_REPORT_OR_DROP,
    ),
    "wrong_calendar": Code(
        "more than 1 % of the bars are on days on which the exchange was closed",
        "choose the exchange's calendar, as in --calendar XLON",
        "error",
    ),
    "unfinished_bar": Code(
        "the session had not closed when this bar was read",
        "fetch again after the close",
        "drop",
        _REPORT_OR_DROP,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Something a user should know about a series.

    n_rows: how many rows or sessions it is about. dates: these, ISO; of more than a
    hundred the first and the last. severity
    and fix are filled in by `Policies.weigh`.
    """

    code: str
    message: str
    n_rows: int
    dates: tuple[str, ...] = ()
    severity: Severity = "warning"
    fix: str | None = None


@dataclass(frozen=True, kw_only=True)
class Policies:
    """What follows from each code: what the user chose, else the default.

    strict: warnings are errors. keep_rows: what would be dropped is only reported.
    """

    chosen: Mapping[str, Policy] = field(default_factory=dict)
    strict: bool = False
    keep_rows: bool = False

    def of(self, code: str) -> Policy:
        """The policy for a code of `CODES`."""
        policy = self.chosen.get(code, CODES[code].default)
        if policy == "drop" and self.keep_rows:
            policy = "warn"
        return "error" if policy == "warn" and self.strict else policy

    def weigh(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that are not ignored, each with its severity and its fix."""
        return [
            replace(found, severity=_SEVERITIES[policy], fix=CODES[found.code].fix)
            for found in findings
            if (policy := self.of(found.code)) != "ignore"
        ]


DEFAULT_POLICIES: Final = Policies()
