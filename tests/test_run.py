"""`forecast run`: a night's work in one command, done once, and silent when all went well."""

import csv
import io
import json
import signal
import time
from pathlib import Path

import pytest
from nightly import CONFIGURATION, Nightly

from forecast_cli.data.ledger import Ledger
from forecast_cli.models.artifact import ModelStore

HORIZONS = 2


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Nightly:
    """A job after its first night; tests add nights to it, in any order."""
    job = Nightly(tmp_path_factory.mktemp("nightly") / "job")
    first = job.run()
    assert (first.code, first.out, first.err) == (0, "", "")
    return job


def steps(text: str) -> list[tuple[str, str]]:
    """What each step says of itself, from a result or a journal."""
    if "steps" in (whole := json.loads(text) if text.startswith("{\n") else {}):
        return [(step["step"], step["status"]) for step in whole["steps"]]
    lines = [json.loads(line) for line in text.splitlines()]
    return [(line["step"], line["status"]) for line in lines if "status" in line]


def recorded(job: Nightly) -> int:
    """Forecasts in the ledger."""
    return len(Ledger(job.home).read())


def test_the_second_run_of_a_night_does_nothing_and_writes_nothing(trained: Nightly) -> None:
    """Every step asks what is missing first; nothing is, so no file changes, not even its time."""
    before = trained.state()
    again = trained.run("run", "--format", "json")
    assert (again.code, again.err) == (0, "")
    assert {status for _, status in steps(again.out)} == {"nothing"}
    assert trained.state() == before


def test_a_new_bar_is_fetched_and_forecast_and_not_learnt_from(trained: Nightly) -> None:
    """A model younger than retrain_every is kept; each symbol gets a forecast of each horizon."""
    n_before, version = recorded(trained), ModelStore(trained.home).open("linear").manifest.version
    trained.publish(1)
    night = trained.run("run", "--format", "json")
    assert dict(steps(night.out)) == {
        "fetch": "done", "train": "nothing", "predict": "done", "score": "nothing",
    }  # fmt: skip
    assert recorded(trained) == n_before + HORIZONS * len(trained.symbols)
    assert ModelStore(trained.home).open("linear").manifest.version == version
    rows = list(csv.DictReader(io.StringIO((trained.folder / "forecasts.csv").read_text())))
    assert {row["cutoff"] for row in rows} == {str(trained.cutoff)}


def test_the_journal_has_one_object_per_step(trained: Nightly) -> None:
    """ts in UTC, a level and the run's id stand in each; stdout stays empty."""
    trained.publish(1)
    night = trained.run("run", "--log-format", "json")
    assert night.out == ""
    lines = [json.loads(line) for line in night.err.splitlines()]
    named = [line["step"] for line in lines if "status" in line]
    assert named == ["fetch", "train", "predict", "score"]
    assert {line["level"] for line in lines} == {"info"}
    assert len({line["run_id"] for line in lines}) == 1
    assert all(line["ts"].endswith("Z") for line in lines)


def test_a_log_file_grows_and_stderr_stays_silent(trained: Nightly) -> None:
    """For whoever wants to look later: a line per step, after those of earlier runs."""
    log = trained.folder.parent / "runs.log"
    for n_runs in (1, 2):
        assert trained.run("run", "--log-file", str(log)).err == ""
        assert len(log.read_text().splitlines()) == n_runs * 4


def test_a_symbol_that_fails_costs_no_other(trained: Nightly) -> None:
    """Exit 3, a line for what failed, and the others are fetched and forecast."""
    bad = trained.prices / "CCC=X.csv"
    bad.write_text("Date,Open\n2017-01-02,1\n")
    try:
        trained.publish(1)
        night = trained.run()
    finally:
        bad.unlink()
    assert night.code == 3
    assert night.err.startswith("failed: fetch ")
    assert "CCC=X.csv" in night.err
    assert len(night.err.splitlines()) <= 5
    assert f"{trained.cutoff}" in (trained.folder / "forecasts.csv").read_text()


def test_symbols_that_are_left_behind_are_refused(trained: Nightly) -> None:
    """A feed that stopped a week ago: 65, which symbols and how old, and no forecast."""
    n_before = recorded(trained)
    later = trained.cutoff + 12
    night = trained.run(environment=trained.environment(clock=f"{later} 06:00:00"))
    assert night.code == 65
    assert "AAA=X: its last bar" in night.err
    assert recorded(trained) == n_before


def test_a_model_ages_and_a_changed_option_makes_it_due(tmp_path: Path) -> None:
    """After retrain_every sessions, and at once when its configuration says something else."""
    job = Nightly(tmp_path / "job", symbols=("AAA=X",), retrain_every=2)

    def trainings() -> list[str]:
        night = job.run("run", "--format", "json")
        assert night.code == 0, night.err
        return [step["why"] for step in json.loads(night.out)["steps"] if step["step"] == "train"]

    assert trainings() == ["trained, since there was none"]
    job.publish(1)
    assert trainings() == ["young enough"]
    job.publish(1)
    assert trainings() == ["trained, since it had not seen the last 2 sessions"]
    text = CONFIGURATION.format(retrain_every=2).replace("epochs = 1", "epochs = 2")
    job.config.write_text(text)
    assert trainings() == ["trained, since its configuration has changed"]


def test_a_fetch_that_fails_wholly_is_told_and_the_rest_goes_on(trained: Nightly) -> None:
    """No source tonight: its own exit code where nothing else was done, and nothing is lost."""
    before = trained.state()
    away = trained.prices.rename(trained.prices.with_name("away"))
    try:
        night = trained.run()
    finally:
        away.rename(trained.prices)
    assert night.code == 66
    assert trained.state() == before


def test_terminated_it_says_what_stands(tmp_path: Path) -> None:
    """SIGTERM in a training: 143 within a second or so, one sentence, and the next run heals."""
    job = Nightly(tmp_path / "job", symbols=("AAA=X",))
    job.config.write_text(job.config.read_text().replace("epochs = 1", "epochs = 5000"))
    with job.start("run") as process:
        checkpoints = job.home / "checkpoints"
        while process.poll() is None and not list(checkpoints.rglob("*.safetensors")):
            time.sleep(0.05)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert time.monotonic() - told < 3
    assert process.returncode == 143
    assert err.startswith("terminated: finished: fetch ")
    assert "the next run goes on" in err
    job.config.write_text(job.config.read_text().replace("epochs = 5000", "epochs = 1"))
    assert job.run().code == 0


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("[run]\nretrain_evry = 3\n", "did you mean retrain_every?"),
        ('[fetch]\nfrom = "-"\n', "a run reads no standard input"),
        ('[train]\nmodel = "linear"\nuntil = "2017-01-01"\n', "a run learns from all bars"),
        ('[run]\nmodel = ["linear", "lstm"]\n[predict]\noutput = "one.csv"\n', "put {model} into"),
    ],
)
def test_a_wrong_configuration_changes_nothing(tmp_path: Path, lines: str, said: str) -> None:
    """78, before the first step."""
    job = Nightly(tmp_path / "job")
    job.config.write_text(f'home = "store"\n{lines}')
    night = job.run()
    assert night.code == 78
    assert said in night.err
    assert not job.home.exists()
