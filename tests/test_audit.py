"""`backtest --audit`: check by check, and a leak in any step is named."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import planted
import pytest
from conftest import Run
from synthetic import random_walk_bars

from forecast_cli.arrays import FloatArray2D
from forecast_cli.data.locks import LockBook
from forecast_cli.data.store import BarStore
from forecast_cli.evaluation.audit import cache_checks, fitting_check, level_checks
from forecast_cli.evaluation.canaries import Built
from forecast_cli.evaluation.fold_cache import fold_key
from forecast_cli.evaluation.folds import Fold, History
from forecast_cli.evaluation.walk_forward import Candidate
from forecast_cli.features.indicators import INDICATORS, Indicator
from forecast_cli.features.windows import Windows
from forecast_cli.models.probe import LeastSquares
from forecast_cli.trading.accounting import Account, Market, Terms, simulate
from forecast_cli.workflows import audit as audit_workflow
from forecast_cli.workflows import entries
from forecast_cli.workflows.audit import audit, delay_checks
from forecast_cli.workflows.canaries import PROBE

from test_canaries import cut, failed, world  # isort: skip

Forecast = Callable[..., Run]
SERIES = [random_walk_bars(f"S{i}", 700, seed=i) for i in range(2)]


@pytest.fixture(scope="module")
def clean() -> Built:
    """Windows that hold no leak."""
    return Built.of(world())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two random walks."""
    folder = tmp_path_factory.mktemp("audited")
    for bars in SERIES:
        BarStore(folder).write(bars)
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[type], None]:
    """Put a learner that needs no Keras in the place of the network."""

    def put(learner: type) -> None:
        monkeypatch.setattr(entries, "_network", lambda _: learner())

    return put


OPTIONS = ("--model", "linear", "--folds", "2", "--horizon", "1", "--calibration", "adaptive")


def test_an_audit_of_what_is_clean(
    forecast: Forecast, home: Path, quick: Callable[[type], None]
) -> None:
    """Every kind of check, each feature, step, row and model by name; the exit code is 0."""
    quick(LeastSquares)
    run = forecast("backtest", "--home", home, *OPTIONS, "--audit", "--format", "json")
    assert (run.code, run.err) == (0, "")
    form = json.loads(run.out)
    assert (form["schema_version"], form["passed"], form["models"]) == (1, True, ["linear"])
    assert form["n_checks"] == len(form["checks"])
    of: dict[str, list[str]] = {}
    for check in form["checks"]:
        assert check["passed"]
        of.setdefault(check["check"], []).append(check["subject"])
    looked_at = [*world().features, "bar returns", "windows", "scale", "targets"]
    assert of["garbage"] == of["truncation"] == of["level"] == looked_at
    assert of["fold edge"] == [
        f"{fold}: {edge}"
        for fold in (1, 2)
        for edge in ("train/validation", "validation/calibration", "calibration/test")
    ]
    rows = ["random_walk", "drift", "ewma_history", "always_up", "least squares", "linear"]
    assert of["forecasts"] == of["fitting"] == rows
    assert of["shuffled"] == rows[-2:]
    assert of["delay"] == ["decisions", "prices"]
    assert len(of["planted"]) == 2
    assert not (home / "trials").exists()
    assert not (home / "cache").exists()


def test_an_audit_has_no_page(forecast: Forecast, home: Path, tmp_path: Path) -> None:
    """Nothing is scored: a usage error, before any work."""
    page = tmp_path / "audit.html"
    run = forecast("backtest", "--home", home, *OPTIONS, "--audit", "--report", page)
    assert (run.code, run.out, page.exists()) == (2, "", False)
    assert "leave out --report" in run.err


def test_a_locked_period_stays_locked(tmp_path: Path, quick: Callable[[type], None]) -> None:
    """An audit looks at what a backtest would: at nothing from the lock on."""
    quick(LeastSquares)
    BarStore(tmp_path).write(SERIES[0])
    start = date(2003, 3, 3)
    LockBook(tmp_path).lock(["S0"], "1d", start, n_tried=0)
    assert audit([], model="linear", home=tmp_path, horizons=(1,)).data.last < start


def test_rows_asked_for_are_audited_too(home: Path, quick: Callable[[type], None]) -> None:
    """Each once, the ones that always stand included."""
    quick(LeastSquares)
    found = audit([], model="linear", home=home, horizons=(1,), baselines=["history_250", "drift"])
    assert found.failed == ()
    rows = [check.subject for check in found.checks if check.check == "forecasts"]
    assert sorted(rows) == sorted({*rows})
    assert "history_250" in rows


def test_an_audit_for_people(
    forecast: Forecast, home: Path, quick: Callable[[type], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table in 80 columns that says passed or FAILED with dates, and how much was looked at."""
    quick(LeastSquares)
    monkeypatch.setenv("COLUMNS", "80")
    leak = Indicator(planted.FEATURES["next_return"], "planted")
    monkeypatch.setitem(INDICATORS, "tomorrow", leak)
    features = ("--features", "return,tomorrow")
    run = forecast("backtest", "--home", home, *OPTIONS, *features, "--audit")
    assert run.code == 70
    assert max(map(len, run.out.splitlines())) <= 80
    (line, *_) = [line for line in run.out.splitlines() if "tomorrow" in line]
    assert "FAILED" in line
    assert "look-ahead: tomorrow" in run.err
    assert "checks failed." in run.out


def test_a_leaking_feature_stops_a_backtest(
    forecast: Forecast, home: Path, quick: Callable[[type], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 70 and a sentence before anything is fitted; no score, no verdict."""
    quick(LeastSquares)
    leak = Indicator(planted.FEATURES["centred_mean"], "planted")
    monkeypatch.setitem(INDICATORS, "smooth", leak)
    arguments = ("backtest", "--home", home, *OPTIONS, "--features", "return,smooth")
    stopped = forecast(*arguments)
    assert (stopped.code, stopped.out) == (70, "")
    assert "smooth looks ahead (S0: the value of 20" in stopped.err
    assert "--audit" in stopped.err
    let_through = forecast(*arguments, "--no-canaries", "--no-cache")
    assert let_through.code == 0
    assert "canaries" not in let_through.out


def test_canaries_are_a_line_and_part_of_the_json(
    forecast: Forecast, home: Path, quick: Callable[[type], None]
) -> None:
    """What was looked at is said on each run, and each check is there for scripts."""
    quick(LeastSquares)
    run = forecast("backtest", "--home", home, *OPTIONS)
    assert run.code == 0, run.err
    assert "canaries: 22 features, steps and rows do not change with the future" in run.out
    form = json.loads(forecast("backtest", "--home", home, *OPTIONS, "--format", "json").out)
    assert len(form["canaries"]) == 24
    assert set(form["canaries"][0]) == {"check", "subject", "passed", "detail"}
    off = forecast("backtest", "--home", home, *OPTIONS, "--no-canaries", "--format", "json")
    assert json.loads(off.out)["canaries"] == []


@pytest.mark.parametrize("kind", planted.FORECASTERS)
def test_a_leaking_network_is_named(kind: str, home: Path, quick: Callable[[type], None]) -> None:
    """A network, a plug-in's as well, whose forecasts know what comes."""
    quick(planted.FORECASTERS[kind])
    found = audit([], model="linear", home=home, horizons=(1,))
    assert {check.subject for check in found.failed} == {"linear"}
    assert "forecasts" in {check.check for check in found.failed}


def test_a_plug_in_is_named_with_the_project_it_comes_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever reads of a leak in it knows whose it is."""

    class Found:
        distribution = "forecast-gru 1.0"

    (entry,) = entries.entries_of(["linear"], Path(), "1d", None, {}, calibration="none")
    assert audit_workflow.named(entry).name == "linear"
    monkeypatch.setattr(audit_workflow, "find_plugin", lambda _: Found())
    config = entry.config.model_copy(update={"plugin": "forecast-gru 1.0"})
    assert audit_workflow.named(replace(entry, config=config)).name == (
        "linear of forecast-gru 1.0"
    )


def test_a_scaler_of_all_rows_is_found(clean: Built) -> None:
    """Statistics of rows that no training window ends on; training's own are no alarm."""
    fold = cut(clean.windows)[0]
    assert fitting_check(PROBE, fold).passed
    found = fitting_check(Candidate(name="scaler", make=planted.WholeScaler), fold)
    assert (found.passed, found.subject) == (False, "scaler")


def test_a_price_level_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feature in units of money moves with a later dividend or split."""
    monkeypatch.setitem(INDICATORS, "level", Indicator(lambda of: of.bars.adj_close, "planted"))
    assert failed(level_checks(Built.of(world("return", "level")))) == {"level"}


@pytest.mark.parametrize("forgotten", ["targets", "scale", "cutoffs", "known_from", "features"])
def test_a_cache_that_forgets_a_value_is_found(clean: Built, forgotten: str) -> None:
    """A name of kept forecasts that does not depend on all they depend on."""
    fold = cut(clean.windows)[1]

    def blind(part: Windows) -> Windows:
        values = getattr(part, forgotten)
        return replace(
            part,
            **{
                forgotten: np.full_like(
                    values, values.dtype.type(1, "D") if values.dtype.kind == "M" else 1
                )
            },
        )

    def key(identity: str, of: Fold) -> str:
        past = of.history
        history = History(
            train=blind(past.train),
            validation=blind(past.validation),
            calibration=blind(past.calibration),
        )
        return fold_key(identity, Fold(history=history, test=blind(of.test)))

    assert failed(cache_checks(fold, key)) == {forgotten.replace("_", " ")}
    assert failed(cache_checks(fold)) == set()


def test_a_cache_that_knows_later_bars_is_found(clean: Built) -> None:
    """A new day must leave finished folds finished."""

    def key(identity: str, of: Fold) -> str:
        return fold_key(identity, of) + str(np.nansum(of.test.features))

    assert failed(cache_checks(cut(clean.windows)[1], key)) == {"no bar that came later"}


@pytest.mark.parametrize(
    ("leak", "caught"),
    [
        (lambda positions, market: (np.roll(positions, -1, axis=0), market), "decisions"),
        (
            lambda positions, market: (
                positions * np.sign(np.roll(market.closes, -2, axis=0) - market.closes),
                market,
            ),
            "prices",
        ),
    ],
)
def test_trading_before_the_next_bar_is_found(
    monkeypatch: pytest.MonkeyPatch,
    leak: Callable[[FloatArray2D, Market], tuple[FloatArray2D, Market]],
    caught: str,
) -> None:
    """A position that earns the bar it was decided on, or that was sized by later prices."""

    def leaky(positions: FloatArray2D, market: Market, terms: Terms) -> Account:
        return simulate(*leak(positions, market), terms)

    assert failed(delay_checks(SERIES, Terms())) == set()
    monkeypatch.setattr(audit_workflow, "simulate", leaky)
    assert failed(delay_checks(SERIES, Terms())) == {caught}


def test_audit_of_a_real_network(forecast: Forecast, home: Path) -> None:
    """Trained with Keras, deterministically: bit by bit the same whatever comes after."""
    small = ("--epochs", "1", "--features", "return,volatility", "--format", "json")
    run = forecast("backtest", "S0", "--home", home, *OPTIONS, *small, "--audit")
    assert run.code == 0, run.err
    about = [check for check in json.loads(run.out)["checks"] if check["subject"] == "linear"]
    assert [check["check"] for check in about] == ["forecasts", "fitting", "shuffled"]
