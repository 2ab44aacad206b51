"""What the scores say, in sentences: better, worse, or no different; of several, which is best."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast_cli.evaluation.contest import Contest
from forecast_cli.evaluation.scores import SIGNIFICANCE, Score


def verdict(score: Score, *, by_direction: bool) -> str:
    """What a score says about a forecaster: better, worse, or no different and how small an edge.

    The p is corrected for the tests in the table. by_direction: judge P(up) by its Brier score, not
    the whole range by its CRPS.
    """
    return _sentence(score, score.forecaster, by_direction=by_direction)


def verdict_of_several(
    scores: Sequence[Score], contest: Contest | None, *, by_direction: bool
) -> str:
    """The best of several models at one horizon, and which others may be as good.

    scores: the models' rows at that horizon.
    """
    best = leaderboard(scores, by_direction=by_direction)[0]
    name = f"{best.forecaster}, the best of {len(scores)},"
    told = _sentence(best, name, by_direction=by_direction)
    if contest is None or best.forecaster not in contest.mcs_p:
        return told
    others = ", ".join(name for name in contest.confidence_set if name != best.forecaster)
    if best.forecaster not in contest.confidence_set:
        return f"{told} It is not in the model confidence set: {others}."
    return f"{told} It is in the model confidence set, {f'with {others}' if others else 'alone'}."


def verdict_against(score: Score, row: str, *, by_direction: bool) -> str:
    """What a score says about a forecaster beside a reference row, in a sentence."""
    beside = next(comparison for comparison in score.against if comparison.row == row)
    skill, p, name = (
        (beside.skill_brier, beside.dm_p_brier, "Brier score")
        if by_direction
        else (beside.skill_crps, beside.dm_p, "CRPS")
    )
    if skill is None or p is None or p >= SIGNIFICANCE:
        told = "" if p is None else f" (p {p:.2f})"
        return f"{_ahead(score)}: {score.forecaster} matches {row}{told}."
    return f"{_ahead(score)}: {score.forecaster} {_outcome(skill, row, name, p)}"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A model's place at one horizon, by the loss that models are judged by.

    skill, interval: share of the loss saved against the best naive row. p, corrected: of
    Diebold-Mariano, alone and for so many tests. set_p: of being among the best.
    """

    forecaster: str
    skill: float | None
    interval: tuple[float, float] | None
    p: float | None
    corrected: float | None
    set_p: float | None


def standings(
    scores: Sequence[Score], contest: Contest | None, *, by_direction: bool
) -> list[Standing]:
    """The places of several models at one horizon, best first. scores: their rows."""
    return [
        Standing(
            forecaster=score.forecaster,
            skill=score.skill_brier if by_direction else score.skill_crps,
            interval=_interval(score, by_direction=by_direction),
            p=score.dm_p_brier if by_direction else score.dm_p,
            corrected=score.dm_p_brier_corrected if by_direction else score.dm_p_corrected,
            set_p=contest.mcs_p.get(score.forecaster) if contest else None,
        )
        for score in leaderboard(scores, by_direction=by_direction)
    ]


def _interval(score: Score, *, by_direction: bool) -> tuple[float, float] | None:
    if score.intervals is None:
        return None
    return score.intervals.skill_brier if by_direction else score.intervals.skill_crps


def leaderboard(scores: Sequence[Score], *, by_direction: bool) -> list[Score]:
    """Rows of one horizon, best first, by Brier score or CRPS; unknown ones last."""

    def loss(score: Score) -> float:
        value = score.brier if by_direction else score.crps
        return np.inf if value is None else value

    return sorted(scores, key=loss)


def leader(scores: Sequence[Score], *, by_direction: bool) -> str:
    """The model that saved most of the naive loss, on average over the horizons.

    scores: rows of several models and horizons; those beside the models are left out. The first of
    equals.
    """
    skill: dict[str, list[float]] = {}
    for score in scores:
        if not score.naive and not score.reference:
            value = score.skill_brier if by_direction else score.skill_crps
            skill.setdefault(score.forecaster, []).append(-np.inf if value is None else value)
    return max(skill, key=lambda name: float(np.mean(skill[name])))


def _sentence(score: Score, who: str, *, by_direction: bool) -> str:
    skill, p, detectable, name = (
        (score.skill_brier, score.dm_p_brier_corrected, score.detectable_skill_brier, "Brier score")
        if by_direction
        else (score.skill_crps, score.dm_p_corrected, score.detectable_skill, "CRPS")
    )
    ahead = _ahead(score)
    if p is None and score.n_days <= score.horizon:
        return (
            f"{ahead}: not enough data: {score.n_days} days are tested, no more than one horizon."
        )
    if skill is None or p is None or p >= SIGNIFICANCE:
        told = "" if p is None else f" (p {p:.2f})"
        seen = _power(score.n_days, detectable, name)
        return f"{ahead}: no edge found, {who} matches the best naive row{told}.{seen}"
    return f"{ahead}: {who} {_outcome(skill, 'the best naive row', name, p)}"


def _ahead(score: Score) -> str:
    return "1 bar ahead" if score.horizon == 1 else f"{score.horizon} bars ahead"


def _outcome(skill: float, row: str, name: str, p: float) -> str:
    verb, side = ("beats", "lower") if skill > 0 else ("loses to", "higher")
    told = "p < 0.001" if p < 0.001 else f"p {p:.3f}"  # noqa: PLR2004 - the usual floor
    return f"{verb} {row}, {name} {100 * abs(skill):.1f} % {side} ({told})."


def _power(n_days: int, detectable: float | None, name: str) -> str:
    """How large an edge must be for so many days to show it: no edge found is not no edge."""
    if detectable is None:
        return ""
    share = f"{100 * detectable:.1f} % of {name}"
    return f" With these {n_days:,} days an edge below {share} could not be seen."
