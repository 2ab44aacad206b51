"""Validation: faults stop a series, what the checks find follows the user's policies."""

from collections.abc import Iterable
from datetime import date
from typing import Final

import numpy as np

from forecast_cli.arrays import BoolArray1D, DateArray1D, FloatArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.data.checks import Subject, run, short_series
from forecast_cli.errors import BadDataError
from forecast_cli.findings import CODES, Finding, Policies
from forecast_cli.schema import BAR_COLUMNS, PRICE_COLUMNS

_SHOWN: Final = 3
"""How many faults, or dates of one fault, a message spells out."""
_KEPT_DATES: Final = 100


def validate(bars: Bars, *, source: str, today: date) -> tuple[Bars, list[Finding]]:
    """Sort and check a freshly read series.

    Returns the series, ascending with one bar per date, and findings that do not stop it. Raises
    BadDataError, naming every fault, for prices that are missing, not finite or not positive,
    negative volume, dates out of range and dates that appear twice with different values.
    """
    if not len(bars):
        raise BadDataError(f"{source}: {bars.symbol} has no rows")
    ordered, findings = _sorted_by_date(bars)
    repeated = ordered.timestamp[1:] == ordered.timestamp[:-1]
    faults = [finding.message for finding in faults_of(ordered, today=today)]
    conflicts = _conflicts(ordered, repeated)
    if len(conflicts):
        faults.append(of_dates("conflicting_bar", conflicts).message)
    if faults:
        shown = "; ".join(faults[:_SHOWN])
        shown += f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise BadDataError(f"{source}: {bars.symbol}: {shown}", fix=CODES["bad_price"].fix)
    if repeated.any():
        ordered = ordered.take(np.concatenate([[True], ~repeated]))
        count = int(repeated.sum())
        findings.append(Finding("duplicate_bar", f"{count} repeated bars dropped", count))
    return ordered, findings


def faults_of(bars: Bars, *, today: date) -> list[Finding]:
    """Values that would poison whatever is computed from them: one finding a column."""
    found = []
    for name in PRICE_COLUMNS:
        values = getattr(bars, name)
        if all_positive(values):
            continue
        bad = bars.timestamp[~(np.isfinite(values) & (values > 0))]
        what = f"{name} is missing, not finite or not positive"
        found.append(of_dates("bad_price", bad, what, " (expected a price above 0)"))
    bad_volume = ~(np.isfinite(bars.volume) & (bars.volume >= 0))
    found.append(of_dates("bad_volume", bars.timestamp[bad_volume]))
    # One day of grace: east of the reader, tomorrow's session may already have closed.
    latest = np.datetime64(today, "D") + 1
    outside = (bars.timestamp < np.datetime64("1800-01-01")) | (bars.timestamp > latest)
    found.append(of_dates("bad_date", bars.timestamp[outside]))
    return [finding for finding in found if finding.n_rows]


def findings_of(subject: Subject) -> list[Finding]:
    """What every check of the list finds in a whole stored series, before any policy."""
    found = run(subject)
    if len(short := short_series(subject)):
        found.append(("short_series", short))
    return [of_dates(code, dates) for code, dates in found]


def all_positive(values: FloatArray1D) -> bool:
    """Whether all values are finite and above 0, in two quick passes; NaN is neither."""
    return len(values) > 0 and bool(values.min() > 0 and values.max() < np.inf)


def review(
    subject: Subject, earlier: Iterable[Finding], policies: Policies, *, source: str
) -> tuple[Bars, list[Finding]]:
    """Apply the policies to a validated series before it is stored.

    earlier: what the reader of the file has found. Returns the bars that remain and what is to be
    reported. Raises BadDataError where a policy says error, or no bar remains.
    """
    bars = subject.bars
    found = run(subject)
    weighed = policies.weigh([*earlier, *(of_dates(code, dates) for code, dates in found)])
    errors = [finding for finding in weighed if finding.severity == "error"]
    if errors:
        shown = "; ".join(finding.message for finding in errors[:_SHOWN])
        shown += f"; and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
        raise BadDataError(f"{source}: {bars.symbol}: {shown}", fix=errors[0].fix)
    dropped = [dates for code, dates in found if policies.of(code) == "drop"]
    if dropped:
        bars = bars.take(~np.isin(bars.timestamp, np.concatenate(dropped)))
    if not len(bars):
        raise BadDataError(
            f"{source}: {subject.bars.symbol}: no bar remains ({weighed[-1].message})",
            fix=weighed[-1].fix,
        )
    return bars, weighed


def of_dates(code: str, dates: DateArray1D, what: str | None = None, more: str = "") -> Finding:
    """A finding about some rows, in the words of its code unless others are given."""
    kept = dates if len(dates) <= _KEPT_DATES else np.append(dates[: _KEPT_DATES - 1], dates[-1])
    texts = tuple(map(str, kept))
    shown = ", ".join(texts[:_SHOWN])
    if len(dates) > _SHOWN:
        shown += f" and {len(dates) - _SHOWN:,} more dates"
    message = f"{what or CODES[code].what} on {shown}{more}"
    return Finding(code, message, len(dates), texts)


def _sorted_by_date(bars: Bars) -> tuple[Bars, list[Finding]]:
    steps = np.diff(bars.timestamp).astype(np.int64)
    if (steps >= 0).all():
        return bars, []
    if (steps <= 0).all():
        return bars.take(slice(None, None, -1)), [
            Finding("newest_first", CODES["newest_first"].what, len(bars))
        ]
    count = int((steps < 0).sum())
    order = np.argsort(bars.timestamp, kind="stable")
    return bars.take(order), [Finding("unsorted", f"rows were out of order {count} times", count)]


def _conflicts(ordered: Bars, repeated: BoolArray1D) -> DateArray1D:
    rows = np.flatnonzero(repeated) + 1
    differs = np.zeros(len(rows), dtype=bool)
    for name in BAR_COLUMNS[1:]:
        values = getattr(ordered, name)
        now, before = values[rows], values[rows - 1]
        differs |= (now != before) & ~(np.isnan(now) & np.isnan(before))
    conflicts: DateArray1D = ordered.timestamp[rows[differs]]
    return conflicts
