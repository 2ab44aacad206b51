"""The long form of the canaries: what is too slow, or too much to read, for every run."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from forecast_cli.evaluation.canaries import (
    Built,
    differences,
    forecast_differences,
    subjects,
)
from forecast_cli.evaluation.check import Check, compared
from forecast_cli.evaluation.fold_cache import fold_key, seen_rows
from forecast_cli.evaluation.folds import Fold, History
from forecast_cli.evaluation.walk_forward import Candidate, forecast_fold
from forecast_cli.evaluation.worlds import rescaled
from forecast_cli.features.windows import Windows

_STRANGE: Final = 1e3
"""In place of what must not be looked at."""


def level_checks(clean: Built) -> list[Check]:
    """Prices in another currency, adjusted close re-based: no feature, scale or target changes.

    So a later dividend or split, which re-bases all of history, cannot move an old forecast.
    """
    last = max(bars.timestamp[-1] for bars in clean.world.series)
    found = differences(clean, Built.of(rescaled(clean.world)), last)
    return [
        replace(
            each,
            detail="same in other units of price"
            if each.passed
            else f"{found[each.subject][0]}: the value of {found[each.subject][1]} changes",
        )
        for each in compared("level", subjects(clean), [(last, found)])
    ]


def fitting_check(candidate: Candidate, fold: Fold) -> Check:
    """Spoil every bar behind the training and validation windows while a forecaster is fitted.

    A scaler, threshold or choice that is measured on all rows changes with them; what it says of
    the test windows, which are whole again, must not.
    """
    past = fold.history
    seen = seen_rows((past.train, past.validation))

    def spoilt(part: Windows) -> Windows:
        return replace(
            part,
            features=np.where(seen[:, None], part.features, np.float32(_STRANGE)),
            bar_returns=np.where(seen | np.isnan(part.bar_returns), part.bar_returns, _STRANGE),
        )

    history = replace(past, train=spoilt(past.train), validation=spoilt(past.validation))
    usual = forecast_fold(candidate, fold)
    strange = forecast_fold(candidate, replace(fold, history=history))
    same = forecast_differences(usual, strange, usual.cutoffs.max()) is None
    by = max(past.train.cutoffs.max(), past.validation.cutoffs.max())
    return Check(
        check="fitting",
        subject=candidate.name,
        passed=same,
        detail=f"{'same' if same else 'changes'} with other bars after {by}",
    )


def cache_checks(
    fold: Fold, key: Callable[[str, Fold], str] = fold_key, identity: str = "candidate"
) -> list[Check]:
    """Change each thing that forecasts of a fold depend on: the name it is kept under must change.

    In each of the fold's four parts. What came after the fold must leave the name as it is.
    """
    known = key(identity, fold)
    parts = (*_parts(fold.history), fold.test)
    seen = seen_rows(parts)
    rows = []
    for name in ("targets", "scale", "cutoffs", "known_from"):
        changed = [_changed_in(fold, place, name) for place in range(4)]
        rows.append((name, all(key(identity, each) != known for each in changed)))
    for name in ("features", "bar_returns"):
        last = np.flatnonzero(seen)[-1]
        rows.append((name, key(identity, _with_row(fold, name, last)) != known))
    rows.append(("the candidate", key(f"{identity}, another one", fold) != known))
    (later,) = np.nonzero(~seen & np.isfinite(parts[0].bar_returns))
    if len(later):
        after = _with_row(fold, "features", later[-1])
        rows.append(("no bar that came later", key(identity, after) == known))
    return [
        Check(
            check="cache",
            subject=name.replace("_", " "),
            passed=passed,
            detail="as it must be" if passed else "forecasts of other values would be taken",
        )
        for name, passed in rows
    ]


def _parts(history: History) -> tuple[Windows, Windows, Windows]:
    return history.train, history.validation, history.calibration


def _changed_in(fold: Fold, place: int, name: str) -> Fold:
    """A fold whose part number `place` has another value in the last window's array `name`."""
    parts = [*_parts(fold.history), fold.test]
    values = getattr(parts[place], name).copy()
    values[-1] = values[-1] + (1 if values.dtype.kind == "M" else 0.5)
    parts[place] = replace(parts[place], **{name: values})
    return _fold(parts)


def _with_row(fold: Fold, name: str, row: int) -> Fold:
    """A fold with another value in one row of the series that all parts share."""
    values = getattr(fold.test, name).copy()
    values[row] = values[row] + 1
    changed: dict[str, Any] = {name: values}
    return _fold([replace(part, **changed) for part in (*_parts(fold.history), fold.test)])


def _fold(parts: Sequence[Windows]) -> Fold:
    train, validation, calibration, test = parts
    history = History(train=train, validation=validation, calibration=calibration)
    return Fold(history=history, test=test)
