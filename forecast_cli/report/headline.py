"""What to take home from a backtest: one sentence, and a handful of figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from forecast_cli.evaluation.scores import SIGNIFICANCE
from forecast_cli.evaluation.verdict import Standing
from forecast_cli.report.measures import skill_measure
from forecast_cli.report.words import bars, interval, number, p_value, percent
from forecast_cli.workflows.backtest_result import BacktestResult


@dataclass(frozen=True)
class Tile:
    """A figure, what it is, and what it is to be seen beside."""

    label: str
    value: str
    note: str


def headline(result: BacktestResult) -> str:
    """The verdict in one sentence: does it forecast better, and did following it pay.

    Of several rules the first asked for is named, whichever did best: choosing after the fact is
    what makes backtests lie.
    """
    if result.config.objective == "sharpe":
        return result.verdict.splitlines()[0]
    horizons: dict[str, list[int]] = {}
    for horizon, standing in _own_standings(result).items():
        horizons.setdefault(_verb(standing), []).append(horizon)
    found = "Edge found" if "beats" in horizons else "No edge found"
    n_models = len(result.candidates)
    who = f"{result.model}, the best of {n_models}," if n_models > 1 else result.model
    done = " and ".join(
        f"{verb} {'it' if position else 'the best naive row'} {_ahead(of)}"
        for position, (verb, of) in enumerate(horizons.items())
    )
    return f"{found}: {who} {done}; {_earned(result)}."


def tiles(result: BacktestResult) -> list[Tile]:
    """Skill by horizon, coverage, money and trials."""
    measure = skill_measure(result)
    skills = [
        Tile(
            f"{measure} skill, {bars(horizon)} ahead",
            percent(standing.skill, 2),
            f"interval {interval(standing.interval, 2)}, corrected p {p_value(standing.corrected)}",
        )
        for horizon, standing in _own_standings(result).items()
    ]
    shortest = result.model_scores[0]
    held = shortest.intervals.coverage_90 if shortest.intervals else None
    first, hold = result.trading[0], result.trading[-1]
    trials = "trial" if result.n_tried == 1 else "trials"
    return [
        *skills,
        Tile(
            "Returns in the 90 % range",
            percent(shortest.coverage_90, 1),
            f"interval {interval(held, 1)}, {bars(shortest.horizon)} ahead",
        ),
        Tile(
            "Sharpe ratio after costs",
            number(first.sharpe, 2),
            f"{first.strategy}; {hold.strategy} {number(hold.sharpe, 2)}",
        ),
        Tile(
            "Deflated Sharpe ratio",
            number(first.deflated_sharpe, 2),
            f"probability of an edge after {result.n_tried:,} {trials} on these symbols",
        ),
    ]


def _own_standings(result: BacktestResult) -> dict[int, Standing]:
    """The model's places, horizon by horizon."""
    return {
        horizon: next(one for one in places if one.forecaster == result.model)
        for horizon, places in result.leaderboard.items()
    }


def _verb(standing: Standing) -> str:
    if standing.skill is None or standing.corrected is None or standing.corrected >= SIGNIFICANCE:
        return "matches"
    return "beats" if standing.skill > 0 else "loses to"


def _ahead(horizons: Sequence[int]) -> str:
    """Horizons in words: "1 bar ahead", "1, 5 and 21 bars ahead"."""
    if len(horizons) == 1:
        return f"{bars(horizons[0])} ahead"
    return f"{', '.join(map(str, horizons[:-1]))} and {horizons[-1]} bars ahead"


def _earned(result: BacktestResult) -> str:
    first, hold = result.trading[0], result.trading[-1]
    if first.cagr is None:
        return "too few days were traded to say what following it would have earned"
    return (
        f"after costs, {first.strategy} earned {percent(first.cagr, 1)} a year,"
        f" {hold.strategy} {percent(hold.cagr, 1)}"
    )
