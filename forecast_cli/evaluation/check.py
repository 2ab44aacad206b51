"""One check for look-ahead, and what several say together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

Differences: TypeAlias = Mapping[str, tuple[str, np.datetime64]]
"""What is not the same: symbol and date of the first difference, by feature or step."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of one thing.

    check: what was done. subject: the feature, forecaster or step it was done to. detail: dates or
    numbers; of a failed one, where it shows.
    """

    check: str
    subject: str
    passed: bool
    detail: str


def compared(
    check: str,
    names: Iterable[str],
    found: Sequence[tuple[np.datetime64, Differences]],
) -> list[Check]:
    """A check of each name in several worlds. found: last date known, and what differed by then."""
    dates = list(dict.fromkeys(last for last, _ in found))
    unchanged = f"same at {_listed(dates)}"
    rows = []
    for name in names:
        caught = [(last, *of[name]) for last, of in found if name in of]
        detail = unchanged
        if caught:
            last, symbol, date = caught[0]
            detail = f"{symbol}: the value of {date} changes with what comes after {last}"
        rows.append(Check(check=check, subject=name, passed=not caught, detail=detail))
    return rows


def _listed(dates: Sequence[np.datetime64]) -> str:
    if len(dates) <= 2:  # noqa: PLR2004 - few enough to be named
        return " and ".join(map(str, dates))
    return f"{len(dates)} dates to {dates[-1]}"


def first_failure(checks: Sequence[Check]) -> str | None:
    """A sentence about the first check that failed, and how many did; None if none."""
    failed = [each for each in checks if not each.passed]
    if not failed:
        return None
    what = _FAILED[failed[0].check].format(failed[0].subject)
    more = f"; {len(failed) - 1} more checks failed" if len(failed) > 1 else ""
    return f"{what} ({failed[0].detail}){more}"


_FAILED: Final = {
    "garbage": "{} looks ahead",
    "truncation": "{} looks ahead",
    "level": "{} depends on the price level",
    "fold edge": "fold {}: labels reach over this edge",
    "forecasts": "the forecasts of {} look ahead",
    "fitting": "{} learns from what is not in its training windows",
    "shuffled": "{} foresees targets that nobody can foresee",
    "planted": "{} was not caught: the checks are blind",
    "cache": "the fold cache does not see {}",
    "delay": "the account looks ahead in its {}",
}


def summary(checks: Sequence[Check]) -> str:
    """What a run's canaries say, in one sentence."""
    if (failure := first_failure(checks)) is not None:
        return f"canaries: {failure}."
    n_unchanged = sum(each.check in {"garbage", "fold edge", "forecasts"} for each in checks)
    return (
        f"canaries: {n_unchanged} features, steps and rows do not change with the future, targets"
        "\nof other days are forecast as by chance, and a copy of the future is caught."
    )
