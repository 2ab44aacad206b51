"""Canaries: small checks, on a backtest's own data, that nothing it says knows the future.

Scores do not show a small leak. So the future is changed, and what is said of the past must not
change with it, in any bit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np

from forecast_cli.arrays import DateArray1D, IntArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.evaluation.check import Check, compared
from forecast_cli.evaluation.folds import Fold, History
from forecast_cli.evaluation.shuffle import ShuffledScore
from forecast_cli.evaluation.walk_forward import Candidate, forecast_fold
from forecast_cli.evaluation.worlds import World, garbage_after
from forecast_cli.features.targets import future_return
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts

N_DATES: Final = 5
"""Dates at which the future is changed: a single one may miss what repeats by week or month."""

PLANTED: Final = "a copy of the future"
_MIDWEEK: Final = (1, 2, 3)
_MIDMONTH: Final = range(4, 25)
_Values: TypeAlias = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Built:
    """A world and its windows. features: names of the columns."""

    world: World
    windows: Windows
    features: tuple[str, ...]

    @classmethod
    def of(cls, world: World) -> "Built":
        """Build the windows of a world."""
        return cls(world=world, windows=world.windows(), features=world.features)

    def planted(self) -> "Built":
        """The same with one more column, the next bar's return: what every check must find."""
        future = np.concatenate([future_return(bars.adj_close, 1) for bars in self.world.series])
        column = future.astype(np.float32)[:, None]
        windows = replace(self.windows, features=np.hstack([self.windows.features, column]))
        return replace(self, windows=windows, features=(*self.features, PLANTED))


def differences(
    clean: Built, other: Built, last: np.datetime64
) -> dict[str, tuple[str, np.datetime64]]:
    """What two worlds do not agree on up to the close of a date, bit by bit.

    Features, bar returns, windows, scales, and the targets known by then.
    """
    found: dict[str, tuple[str, np.datetime64]] = {}
    there = _first_rows(other.world)
    for symbol, (bars, first) in _first_rows(clean.world).items():
        if symbol not in there:
            continue
        own, theirs = _known(clean, bars, first, last), _known(other, *there[symbol], last)
        for name, (dates, values) in own.items():
            where = _first_difference(dates, values, *theirs[name])
            if where is not None:
                found.setdefault(name, (symbol, where))
    return found


def subjects(of: Built) -> tuple[str, ...]:
    """The names that `differences` looks at."""
    return (*of.features, "bar returns", "windows", "scale", "targets")


def _first_rows(world: World) -> dict[str, tuple[Bars, int]]:
    """Each symbol's bars, and the row of all features at which they begin."""
    firsts = np.cumsum([0, *map(len, world.series)]).tolist()
    return {bars.symbol: (bars, first) for bars, first in zip(world.series, firsts, strict=False)}


def _known(
    of: Built, bars: Bars, first: int, last: np.datetime64
) -> dict[str, tuple[DateArray1D, _Values]]:
    """Dates and values of everything that one symbol says up to a date."""
    windows, dates = of.windows, bars.until(last).timestamp
    rows = slice(first, first + len(dates))
    start, stop = np.searchsorted(windows.rows, [rows.start, rows.stop])
    own = windows.take(slice(start, stop))
    known = own.take(own.known_from <= last)
    return {
        **{name: (dates, windows.features[rows, i]) for i, name in enumerate(of.features)},
        "bar returns": (dates, windows.bar_returns[rows]),
        "windows": (own.cutoffs, own.cutoffs.astype(np.int64)),
        "scale": (own.cutoffs, own.scale),
        "targets": (known.cutoffs, known.targets),
    }


def _first_difference(
    dates: DateArray1D, values: _Values, other_dates: DateArray1D, others: _Values
) -> np.datetime64 | None:
    """The first date at which values differ, or exist on one side only; NaN equals NaN."""
    n = min(len(dates), len(other_dates))
    own, theirs = (each[:n].reshape(n, each[:1].size or 1) for each in (values, others))
    # NaN is the one value that differs from itself
    unequal = (own != theirs) & ((own == own) | (theirs == theirs))  # noqa: PLR0124
    (rows,) = np.nonzero(unequal.any(axis=1))
    if len(rows):
        return np.datetime64(dates[rows[0]])
    longer = dates if len(dates) > n else other_dates
    return np.datetime64(longer[n]) if len(longer) > n else None


def odd_dates(tested: DateArray1D, n: int = N_DATES) -> list[np.datetime64]:
    """Some of the tested cutoffs, spread over them, in the middle of weeks and months.

    An interpolation between releases, or a weekly mean, does not show at the end of its period.
    """
    days = np.unique(tested)
    weekday = (days.astype("datetime64[D]").astype(np.int64) + 3) % 7
    of_month = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    odd = np.isin(weekday, _MIDWEEK) & np.isin(of_month, _MIDMONTH)
    places: IntArray1D = len(days) * (2 * np.arange(n) + 1) // (2 * n)
    chosen = []
    for place in places:
        later = np.flatnonzero(odd[place:])
        chosen.append(days[place + (later[0] if len(later) else 0)])
    return list(dict.fromkeys(chosen))


def garbage_checks(
    clean: Built, dates: Sequence[np.datetime64], change: Callable[..., World] = garbage_after
) -> tuple[list[Check], Check]:
    """Change all that came after some dates: a check of each feature and step, and of the check.

    The second shows that the first is alive: a copy of the future, planted in both worlds, must be
    found by its name, and nothing beside it that was not found before.
    """
    name = "garbage" if change is garbage_after else "truncation"
    found, alive = [], False
    for last in dates:
        other = Built.of(change(clean.world, last))
        found.append((last, differences(clean, other, last)))
        if last == dates[0]:
            traced = differences(clean.planted(), other.planted(), last)
            alive = set(traced) == {*found[0][1], PLANTED}
    seen = f"caught by its name after {dates[0]}"
    return compared(name, subjects(clean), found), Check(
        check="planted",
        subject=f"{PLANTED} ({name})",
        passed=alive,
        detail=seen if alive else f"not {seen}",
    )


def edge_checks(clean: Built, cut: Callable[[Windows], Sequence[Fold]], number: int) -> list[Check]:
    """Whether each part of a fold's history is whole at the first cutoff of what follows it.

    By the dates at which labels are known, and by garbage after that cutoff: a label that reaches
    over the edge changes with it. number: of the fold, from 0.
    """
    fold = cut(clean.windows)[number]
    past = fold.history
    parts = [past.train, past.validation, past.calibration, fold.test]
    names = ["train", "validation", "calibration", "test"]
    rows = []
    for place in range(3):
        edge, known = parts[place + 1].cutoffs.min(), parts[place].known_from.max()
        other = cut(garbage_after(clean.world, edge).windows())[number]
        same = _same_history(fold, other, place)
        said = f"known {known}, next {edge}"
        rows.append(
            Check(
                check="fold edge",
                subject=f"{number + 1}: {names[place]}/{names[place + 1]}",
                passed=bool(known <= edge) and same,
                detail=said if same else f"{said}: labels change with what came after",
            )
        )
    return rows


def _same_history(fold: Fold, other: Fold, place: int) -> bool:
    def part(of: History) -> Windows:
        return (of.train, of.validation, of.calibration)[place]

    own, theirs = part(fold.history), part(other.history)
    return all(
        np.array_equal(getattr(own, name), getattr(theirs, name))
        for name in ("rows", "cutoffs", "scale", "targets")
    )


def forecast_checks(
    candidates: Sequence[Candidate],
    clean: Built,
    cut: Callable[[Windows], Sequence[Fold]],
    number: int,
    dates: Sequence[np.datetime64],
) -> list[Check]:
    """Refit a fold in worlds with another future: what is said up to a date must stay the same.

    Once with garbage after it, once with the same windows and the opposite of the answers to come:
    a choice among two that is made by the answers may well survive the garbage.

    number: of the fold, from 0. dates: within its test. The calibration of a candidate is part of
    what it says.
    """
    fold = cut(clean.windows)[number]
    folds = [(last, cut(garbage_after(clean.world, last).windows())[number]) for last in dates]
    folds += [(last, _other_answers(fold, last)) for last in dates]
    rows = []
    for candidate in candidates:
        said = forecast_fold(candidate, fold)
        found = [
            (last, forecast_differences(said, forecast_fold(candidate, other), last))
            for last, other in folds
        ]
        caught = [(last, {candidate.name: where} if where else {}) for last, where in found]
        rows += compared("forecasts", [candidate.name], caught)
    return rows


def _other_answers(fold: Fold, last: np.datetime64) -> Fold:
    """The targets of the test that are not known by a date, turned around."""
    known = (fold.test.known_from <= last)[:, None]
    targets = np.where(known, fold.test.targets, -fold.test.targets)
    return replace(fold, test=replace(fold.test, targets=targets))


def forecast_differences(
    said: Forecasts, other: Forecasts, last: np.datetime64
) -> tuple[str, np.datetime64] | None:
    """Symbol and cutoff of the first forecast up to a date that differs; None if none does."""
    own, theirs = (each.take(each.cutoffs <= last) for each in (said, other))
    columns = ["quantiles", "point", "p_up"] + (["position"] if said.position is not None else [])
    for column in columns:
        where = _first_difference(
            own.cutoffs, getattr(own, column), theirs.cutoffs, getattr(theirs, column)
        )
        if where is not None:
            symbol = own.symbols[np.flatnonzero(own.cutoffs == where)[:1]]
            return str(symbol[0]) if len(symbol) else "all", where
    return None


def shuffled_check(name: str, score: ShuffledScore) -> Check:
    """Whether a forecaster scores as chance on targets of other days."""
    p = ", ".join("-" if np.isnan(one) else f"{one:.3f}" for one in score.p)
    skill = ", ".join(f"{100 * one:.2f}" for one in score.skill)
    return Check(
        check="shuffled",
        subject=name,
        passed=score.as_chance,
        detail=f"skill {skill} % on targets of other days (p {p}; {score.n_days:,} days)",
    )
