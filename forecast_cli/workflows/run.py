"""One run for cron: fetch, train what is due, predict and score, each step only if it has to.

A run can be killed at any moment. Every step stores what is finished and begins by asking what is
missing, so the next run does what this one did not, and the second run of a day does nothing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from forecast_cli.config import ModelConfig
from forecast_cli.data.store import BarStore
from forecast_cli.errors import ForecastError
from forecast_cli.files import locked
from forecast_cli.models.artifact import ModelStore
from forecast_cli.workflows.due import training_due
from forecast_cli.workflows.fetch import FetchResult
from forecast_cli.workflows.freshness import sessions_behind
from forecast_cli.workflows.predict import PredictResult, predict

if TYPE_CHECKING:
    from forecast_cli.workflows.score import ScoreResult

YAHOO = "yahoo"


@dataclass(frozen=True, kw_only=True)
class FetchStep:
    """What to fetch. call: `workflows.fetch.fetch` with everything but the symbols given."""

    source: str
    symbols: tuple[str, ...]
    call: Callable[[Sequence[str]], FetchResult]


@dataclass(frozen=True, kw_only=True)
class TrainStep:
    """A model to be kept young. symbols: to learn from; empty for all that are stored.

    keep: how many of its versions stay; None for all. time_budget: in seconds, None for no limit.
    """

    name: str
    symbols: tuple[str, ...]
    config: ModelConfig
    interval: str
    time_budget: float | None = None
    keep: int | None = None


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What a run does.

    fetch: None where somebody else keeps the store. models: each is trained when due, and forecasts
    `symbols`, empty for all that are stored. retrain_every: sessions after which a model has aged.
    max_age_sessions: how far a symbol's last bar may lie behind the last closed session before it
    is refused a forecast; None for any distance. deliver: hands out a model's forecasts. score:
    judges what has come of earlier forecasts, whenever another step has done something.
    """

    fetch: FetchStep | None
    models: tuple[TrainStep, ...]
    symbols: tuple[str, ...]
    retrain_every: int
    max_age_sessions: int | None = None
    deliver: Callable[[PredictResult], None] = lambda _: None
    score: "Callable[[], ScoreResult] | None" = None


StepName: TypeAlias = Literal["fetch", "train", "predict", "score"]
StepStatus: TypeAlias = Literal["done", "nothing", "partial", "failed"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one step did. about: its source, or the model's name; empty for the score.

    nothing: it had nothing to do, and wrote nothing. partial: some symbols failed, see `failed`.
    failed: it did nothing at all, see `error`. why: what made it due, or what it did, one clause.
    result: of its workflow; None where that was not called or failed.
    """

    step: StepName
    about: str
    status: StepStatus
    why: str
    seconds: float = 0.0
    failed: tuple[tuple[str, str], ...] = ()
    error: ForecastError | None = None
    result: object = None

    @property
    def is_fault(self) -> bool:
        """Whether somebody should hear of it."""
        return self.status in ("partial", "failed")


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """steps: in the order in which they ended."""

    steps: tuple[Step, ...]

    @property
    def faults(self) -> tuple[Step, ...]:
        """The steps that somebody should hear of."""
        return tuple(step for step in self.steps if step.is_fault)


def run(
    plan: RunPlan,
    *,
    home: Path,
    now: datetime | None = None,
    on_begin: Callable[[StepName, str], None] = lambda *_: None,
    on_step: Callable[[Step], None] = lambda _: None,
) -> RunResult:
    """Do what is due. A step that fails costs only what needs it.

    now: the instant, with its zone, up to which sessions have closed; by default the clock's.
    on_begin, on_step: told of each step as it begins and ends. Raises TryAgainError at once when
    another run works in the same home, CannotCreateError when nothing can be written there.
    """
    moment = now or datetime.now(UTC)
    with locked(home / "run"):
        steps: list[Step] = []
        for step, about, work in _work(plan, home, moment, steps):
            on_begin(step, about)
            began = time.monotonic()
            try:
                done = work()
            except ForecastError as error:
                done = Step(step=step, about=about, status="failed", why="", error=error)
            steps.append(replace(done, seconds=time.monotonic() - began))
            on_step(steps[-1])
    return RunResult(steps=tuple(steps))


_Work: TypeAlias = tuple[StepName, str, Callable[[], Step]]


def _work(plan: RunPlan, home: Path, now: datetime, ended: Sequence[Step]) -> Iterator[_Work]:
    """The steps, one after another: what comes later is decided by what stands then.

    ended: those that have, as they do.
    """
    if plan.fetch:
        yield "fetch", plan.fetch.source, partial(_fetch, plan.fetch, home, now)
    if plan.fetch and not BarStore(home).intervals():
        return  # the fetch has said why there is nothing
    for model in plan.models:
        yield "train", model.name, partial(_train, model, plan, home)
    trained = ModelStore(home).names()
    for model in plan.models:
        if model.name in trained:
            yield "predict", model.name, partial(_predict, model, plan, home, now)
    if plan.score and any(step.status != "nothing" for step in ended):
        yield "score", "", partial(_score, plan.score)


def _fetch(fetch: FetchStep, home: Path, now: datetime) -> Step:
    step = Step(step="fetch", about=fetch.source, status="nothing", why="nothing new")
    wanted = fetch.symbols
    if fetch.source == YAHOO and wanted:
        behind = sessions_behind(home, now=now)
        wanted = tuple(symbol for symbol in wanted if behind.get(symbol) != 0)
        if not wanted:
            return replace(step, why="the last closed session is stored")
    result = fetch.call(wanted)
    changed = sum(series.changed for series in result.series)
    step = replace(
        step,
        status="done" if changed else "nothing",
        why=f"{changed} of {len(result.series)} series have news" if changed else step.why,
        result=result,
    )
    if not result.failed:
        return step
    failed = tuple((failure.name, failure.reason) for failure in result.failed)
    return replace(step, status="partial", failed=failed)


def _train(model: TrainStep, plan: RunPlan, home: Path) -> Step:
    step = Step(step="train", about=model.name, status="nothing", why="young enough")
    if ModelStore(home).pinned(model.name):
        return replace(step, why="pinned: another training would not be used")
    why = training_due(
        model.symbols,
        config=model.config,
        name=model.name,
        interval=model.interval,
        home=home,
        retrain_every=plan.retrain_every,
    )
    if why is None:
        return step
    # Keras takes seconds to import, and most runs train nothing
    from forecast_cli.workflows.train import train  # noqa: PLC0415

    result = train(
        model.symbols,
        config=model.config,
        home=home,
        name=model.name,
        interval=model.interval,
        time_budget=model.time_budget,
        keep=model.keep,
        resume=True,
    )
    return replace(step, status="done", why=f"trained, since {why}", result=result)


def _predict(model: TrainStep, plan: RunPlan, home: Path, now: datetime) -> Step:
    result = predict(
        plan.symbols,
        home=home,
        model=model.name,
        now=now,
        max_age_sessions=plan.max_age_sessions,
    )
    plan.deliver(result)
    n_new = result.n_recorded
    step = Step(
        step="predict",
        about=model.name,
        status="done" if n_new else "nothing",
        why=f"{n_new} new forecasts" if n_new else "every forecast has been made",
        result=result,
    )
    if not result.failed:
        return step
    failed = tuple((failure.symbol, failure.reason) for failure in result.failed)
    return replace(step, status="partial", failed=failed)


def _score(score: "Callable[[], ScoreResult]") -> Step:
    step = Step(step="score", about="", status="nothing", why="no condition is met")
    result = score()
    alarms = tuple(("", alarm) for alarm in result.alarms)
    return replace(step, status="partial" if alarms else "nothing", failed=alarms, result=result)
