"""The measures of live scores by name, and the conditions under which they raise an alarm."""

import difflib
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from forecast_cli.errors import UsageError

if TYPE_CHECKING:
    from forecast_cli.workflows.score import LiveScore, ModelDrift

COUNTS: Final = ("n", "pending", "gone", "backfilled", "repeated")
MEASURES: Final = (
    *("coverage_50", "coverage_80", "coverage_90", "crps", "skill", "brier", "ece"),
    *("psi", "out_of_range", "cusum", "cusum_alarm", *COUNTS),
)
"""What a condition may name."""

_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION: Final = re.compile(
    r"\s*([a-z_0-9]+)\s*(<=|>=|==|<|>)\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*", re.ASCII
)


@dataclass(frozen=True)
class Condition:
    """A measure, compared with a number: `coverage_90<0.85`."""

    measure: str
    comparison: str
    number: float

    def __str__(self) -> str:
        return f"{self.measure}{self.comparison}{self.number:g}"

    def is_met(self, row: dict[str, Any], *, at_least: int) -> bool:
        """Whether a row is as the condition says; of too few forecasts only their counts are."""
        value = row[self.measure]
        if value is None or (row["n"] < at_least and self.measure not in COUNTS):
            return False
        return _OPERATORS[self.comparison](float(value), self.number)


def parse_condition(text: str) -> Condition:
    """Read a condition. Raises UsageError for anything but NAME, one of < <= > >= ==, and a number.

    The names are those of MEASURES; nothing is evaluated.
    """
    found = _CONDITION.fullmatch(text)
    if not found:
        raise UsageError(
            f"{text[:60]!a} is not a condition",
            fix='write a name, one of < <= > >= ==, and a number: "coverage_90<0.85"',
        )
    name, comparison, number = found.groups()
    if name not in MEASURES:
        close = difflib.get_close_matches(name, MEASURES, n=1)
        near = f"did you mean {close[0]}? " if close else ""
        raise UsageError(
            f"{name!r} is not measured", fix=f"{near}choose from {', '.join(MEASURES)}"
        )
    return Condition(name, comparison, float(number))


def measures(row: "LiveScore", drifts: "ModelDrift") -> dict[str, Any]:
    """Everything that is measured of a model at a horizon, flat; None where it is not known."""
    return {
        "model": row.model,
        "horizon": row.horizon,
        "n": row.n_scored,
        "pending": row.n_pending,
        "next_target": row.next_target,
        "gone": row.n_gone,
        "backfilled": row.n_backfilled,
        "repeated": row.n_repeated,
        **_scored(row),
        "psi": max((of.psi for of in drifts.drifts), default=None),
        "out_of_range": max((of.outside for of in drifts.drifts), default=None),
        "cusum": row.cusum and row.cusum.statistic,
        "cusum_alarm": row.cusum and int(row.cusum.alarm),
        "cusum_since": row.cusum and row.cusum.since and str(row.cusum.since),
    }


def _scored(row: "LiveScore") -> dict[str, Any]:
    score = row.score
    ranges = {round(100 * of.level): of.coverage for of in score.ranges} if score else {}
    naive = [of for of in row.naive if of.crps is not None]
    return {
        "n_effective": score and score.n_effective,
        **{f"coverage_{level}": ranges.get(level) for level in (50, 80, 90)},
        "crps": score and score.crps,
        "best_naive": min(naive, key=lambda of: of.crps or 0.0).forecaster if naive else None,
        "skill": score and score.skill_crps,
        "dm_p": score and score.dm_p,
        "brier": score and score.brier,
        "skill_brier": score and score.skill_brier,
        "ece": score and score.ece,
    }


def failures(
    rows: Iterable[dict[str, Any]], conditions: Iterable[Condition], *, at_least: int
) -> list[str]:
    """A sentence for each condition that a row meets."""
    conditions = list(conditions)
    return [
        f"{row['model']}, horizon {row['horizon']}: {of.measure} is {row[of.measure]:.4g} ({of})"
        for row in rows
        for of in conditions
        if of.is_met(row, at_least=at_least)
    ]
