"""Scores in words: better, worse or no different; of several, the best and its equals."""

from dataclasses import replace

import pytest

from forecast_cli.evaluation.contest import Contest
from forecast_cli.evaluation.scores import Score
from forecast_cli.evaluation.verdict import leader, leaderboard, verdict, verdict_of_several


def score(
    *,
    horizon: int = 1,
    crps: tuple[float | None, float | None] = (None, None),
    brier: tuple[float | None, float | None] = (None, None),
) -> Score:
    """A row with given skill and p."""
    return Score(
        forecaster="lstm",
        horizon=horizon,
        n=10,
        n_days=10,
        crps=None,
        coverage_90=None,
        mae=None,
        rmse=None,
        direction_accuracy=None,
        mcc=None,
        brier=None,
        skill_crps=crps[0],
        dm_p_corrected=crps[1],
        skill_brier=brier[0],
        dm_p_brier_corrected=brier[1],
    )


def test_verdict_better() -> None:
    """Better beyond chance: by how much, and how sure."""
    assert verdict(score(crps=(0.0123, 0.012)), by_direction=False) == (
        "1 bar ahead: lstm beats the best naive row, CRPS 1.2 % lower (p 0.012)."
    )
    assert verdict(score(horizon=5, brier=(0.04, 0.0001)), by_direction=True) == (
        "5 bars ahead: lstm beats the best naive row, Brier score 4.0 % lower (p < 0.001)."
    )


def test_verdict_worse() -> None:
    """Worse beyond chance is said as plainly."""
    assert verdict(score(crps=(-0.02, 0.001)), by_direction=False) == (
        "1 bar ahead: lstm loses to the best naive row, CRPS 2.0 % higher (p 0.001)."
    )
    assert verdict(score(horizon=20, brier=(-0.5, 0.03)), by_direction=True) == (
        "20 bars ahead: lstm loses to the best naive row, Brier score 50.0 % higher (p 0.030)."
    )


@pytest.mark.parametrize("skill", [0.02, -0.02])
def test_verdict_no_different(skill: float) -> None:
    """Within chance there is no edge, whichever side the number is on."""
    assert verdict(score(crps=(skill, 0.4)), by_direction=False) == (
        "1 bar ahead: no edge found, lstm matches the best naive row (p 0.40)."
    )
    assert verdict(score(horizon=5, brier=(skill, 0.05)), by_direction=True) == (
        "5 bars ahead: no edge found, lstm matches the best naive row (p 0.05)."
    )


@pytest.mark.parametrize("skill", [0.0, 0.3, None])
def test_verdict_without_a_test(skill: float | None) -> None:
    """Where no p is defined no edge is claimed, and no p is shown."""
    row = score(crps=(skill, None), brier=(skill, None))
    for by_direction in (False, True):
        assert verdict(row, by_direction=by_direction) == (
            "1 bar ahead: no edge found, lstm matches the best naive row."
        )


def test_verdict_reads_the_loss_it_is_judged_by() -> None:
    """A direction forecaster is judged by its Brier score, whatever its CRPS."""
    both = score(crps=(0.1, 0.001), brier=(-0.1, 0.001))
    assert "beats" in verdict(both, by_direction=False)
    assert "loses to" in verdict(both, by_direction=True)


def test_verdict_reads_the_corrected_p() -> None:
    """What is only sure before the number of tests is counted is no edge."""
    row = replace(score(crps=(0.02, 0.06)), dm_p=0.01)
    assert "no edge found" in verdict(row, by_direction=False)


def test_no_edge_says_what_could_have_been_seen() -> None:
    """No edge found is not "there is none": how small an edge would have gone unseen."""
    row = replace(
        score(crps=(0.001, 0.4), brier=(0.001, 0.4)),
        n_days=1258,
        detectable_skill=0.0123,
        detectable_skill_brier=0.2,
    )
    assert verdict(row, by_direction=False).endswith(
        "(p 0.40). With these 1,258 days an edge below 1.2 % of CRPS could not be seen."
    )
    assert "below 20.0 % of Brier score" in verdict(row, by_direction=True)
    found = replace(row, skill_crps=0.02, dm_p_corrected=0.01)
    assert "could not be seen" not in verdict(found, by_direction=False)


def rival(name: str, crps: float | None, skill: float | None, horizon: int = 1) -> Score:
    """A model's row whose Brier score says the opposite of its CRPS."""
    return replace(
        score(horizon=horizon, crps=(skill, 0.01), brier=(skill and -skill, 0.01)),
        forecaster=name,
        crps=crps,
        brier=crps and 1 - crps,
    )


FIELD = [rival("mlp", 0.5, 0.1), rival("linear", 0.4, 0.2), rival("odd", None, None)]


def contest(*confidence_set: str) -> Contest:
    """A contest of the field with a given outcome."""
    return Contest(
        horizon=1,
        measure="crps",
        benchmark="walk",
        block_days=1,
        spa_p=0.01,
        mcs_p={name: float(name in confidence_set) for name in ("mlp", "linear", "walk")},
        confidence_set=confidence_set,
    )


def test_leaderboard_has_the_best_first() -> None:
    """By CRPS, or by Brier score; a model without the score comes last."""
    ranges, directions = (leaderboard(FIELD, by_direction=by) for by in (False, True))
    assert [row.forecaster for row in ranges] == ["linear", "mlp", "odd"]
    assert [row.forecaster for row in directions] == ["mlp", "linear", "odd"]


def test_the_leader_is_best_over_all_horizons() -> None:
    """By mean skill, so that a long horizon, whose losses are larger, weighs no more."""
    rows = [
        *(rival("a", 0.5, skill, horizon) for horizon, skill in ((1, 0.2), (5, 0.0))),
        *(rival("b", 0.5, skill, horizon) for horizon, skill in ((1, 0.0), (5, 0.3))),
        replace(rival("naive", 0.1, 0.9), naive=True),
        rival("c", None, None),
    ]
    assert leader(rows, by_direction=False) == "b"
    assert leader(rows, by_direction=True) == "a"
    assert leader([rival("c", None, None), rival("d", None, None)], by_direction=False) == "c"


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (contest("linear", "mlp"), " It is in the model confidence set, with mlp."),
        (contest("linear"), " It is in the model confidence set, alone."),
        (contest("walk", "mlp"), " It is not in the model confidence set: walk, mlp."),
        (None, ""),
    ],
)
def test_verdict_of_several(result: Contest | None, says: str) -> None:
    """The best one by name, against the naive row, and its place among its equals."""
    assert verdict_of_several(FIELD, result, by_direction=False) == (
        "1 bar ahead: linear, the best of 3, beats the best naive row,"
        f" CRPS 20.0 % lower (p 0.010).{says}"
    )
