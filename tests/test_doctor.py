"""Every check of `forecast doctor`, in order and, one after another, really out of order."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, unprivileged
from packaging.requirements import Requirement

from forecast_cli.config import model_config
from forecast_cli.data.covariates import CovariateStore, covariate
from forecast_cli.data.sessions import Calendar
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError, ConfigError, InternalCheckError, MissingInputError
from forecast_cli.workflows import home as store_checks
from forecast_cli.workflows import machine
from forecast_cli.workflows.diagnosis import Diagnosis
from forecast_cli.workflows.doctor import examine
from forecast_cli.workflows.train import train

Forecast = Callable[..., Run]
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""The day on which the sample data were fetched, so that calendars reach two years further."""


@pytest.fixture(scope="module")
def trained(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with bars, a covariate and a model; tests only read it."""
    home = tmp_path_factory.mktemp("doctor") / "home"
    shutil.copytree(sample_home, home)
    days = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]").astype("datetime64[us]")
    CovariateStore(home).write(covariate("mood", None, days, np.ones(len(days))))
    train(["^GSPC"], config=model_config("linear", horizons=(1, 5), epochs=1), home=home)
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(trained, tmp_path / "home"))


def about(check: str, home: Path, now: datetime | None = None) -> list[Diagnosis]:
    """What one check says of a home folder."""
    return [one for one in examine(home, now=now).diagnoses if one.check == check]


def only(check: str, home: Path, now: datetime | None = None) -> Diagnosis:
    """The one thing that a check says."""
    (found,) = about(check, home, now)
    return found


def test_a_home_in_order_has_no_fault(home: Path) -> None:
    """Every check is there once, and says what it saw."""
    found = {one.check: one for one in examine(home).diagnoses}
    assert list(found) == [
        "python", "packages", "extras", "processor", "bytecode", "time zone", "disk", "home",
        "locks", "leftovers", "clock", "calendars", "checksums", "models",
    ]  # fmt: skip
    assert {name for name, one in found.items() if one.status == "fault"} == set()
    assert found["models"].found == "1 in use gave their canary's output: linear"
    assert found["calendars"].found.startswith("XNYS from 19")
    n_series = len(BarStore(home).symbols("1d"))
    n_calendars = len(list((home / "calendars").glob("*.parquet")))
    assert found["checksums"].found.startswith(f"{n_series + n_calendars + 1} tables")


def test_doctor_changes_nothing(forecast: Forecast, home: Path) -> None:
    """No file is written, removed or touched."""
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    assert forecast("doctor", "--home", home).code == 0
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


def test_the_table_shows_each_check_and_its_fix(
    forecast: Forecast, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stdout, in eighty columns too, whether anybody watches or not."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    run = forecast("doctor", "--home", home, "--quick")
    assert (run.code, run.err) == (0, "")
    assert "fix: unset OMP_NUM_THREADS" in run.out
    assert "checksums" not in run.out
    assert max(map(len, run.out.splitlines())) <= 80


@pytest.mark.parametrize("options", [["--json"], ["--format", "json"]])
def test_json_is_one_object(forecast: Forecast, home: Path, options: list[str]) -> None:
    """On stdout alone, faults included; each has its exit code."""
    (home / "bars" / "interval=1d" / "symbol=AAPL" / "bars.parquet").write_bytes(b"PAR1")
    run = forecast("doctor", "--home", home, *options)
    form = json.loads(run.out)
    assert (run.code, form["healthy"], form["schema_version"]) == (65, False, 1)
    (fault,) = [one for one in form["checks"] if one["status"] == "fault"]
    assert (fault["check"], fault["exit_code"]) == ("checksums", 65)
    assert "Traceback" not in run.err


# the machine


@pytest.mark.parametrize(
    ("version", "status"),
    [("3.10.14", "fault"), ("3.11.13", "warning"), ("3.11.14", "ok"), ("3.13.5", "ok")],
)
def test_python(version: str, status: str) -> None:
    """Too old to run, with known holes, or good."""
    assert machine.python(version).status == status


def test_a_missing_and_an_old_package_are_faults() -> None:
    """Of what is really installed: one asked for in vain, one that would have to be newer."""
    asked = [Requirement("numpy>=999"), Requirement("no-such-package>=1"), Requirement("rich>=1")]
    old, missing = machine.packages(asked)
    assert (old.status, old.error, old.fix) == ("fault", ConfigError, "pip install 'numpy>=999'")
    assert missing.found == "no-such-package is missing"


def test_a_version_with_a_known_hole_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the requirement itself is met."""
    monkeypatch.setattr(machine, "SAFE_VERSIONS", {"numpy": "999"})
    (found,) = machine.packages([Requirement("numpy>=1")])
    assert "has known holes" in found.found
    assert found.fix == "pip install 'numpy>=999'"


def test_a_program_that_is_only_on_the_path_is_told() -> None:
    """Without metadata nobody knows what it needs."""
    assert machine.packages([])[0].status == "warning"


def test_absent_extras_are_a_note() -> None:
    """Nothing is wrong without them; the line says how to get them."""
    asked = [
        Requirement("numpy>=1; extra == 'there'"),
        Requirement("no-such-package; extra == 'absent'"),
    ]
    found = machine.extras(asked)
    assert (found.status, found.found) == ("note", "present: there; absent: absent")
    assert "[absent]" in str(found.fix)
    assert machine.extras(asked[:1]).status == "ok"


@pytest.mark.parametrize(
    ("threads", "status"),
    [(None, "ok"), ("1", "note"), ("4,2", "note"), ("0", "warning"), ("x", "warning")],
)
def test_threads(monkeypatch: pytest.MonkeyPatch, threads: str | None, status: str) -> None:
    """What the environment says of threads is shown; what is no number of them is warned of."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if threads is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
    found = machine.processor()
    assert found.status == status
    assert f"{len(os.sched_getaffinity(0))} core" in found.found


def test_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, every start compiles anew: a note with the remedy."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    found = machine.bytecode()
    assert (found.status, str(found.fix)[:20]) == ("note", "python -m compileall")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert machine.bytecode().status == "ok"


@pytest.mark.parametrize(
    ("zone", "status"),
    [
        *(
            (name, "ok")
            for name in ("", "UTC", "Europe/Berlin", ":Asia/Tokyo", "EST5EDT", "<+03>-3")
        ),
        *((name, "warning") for name in ("bogus", "../../etc/passwd", "a\x1bb")),
    ],
)
def test_time_zone(monkeypatch: pytest.MonkeyPatch, zone: str, status: str) -> None:
    """TZ is a zone of the data base or a rule of POSIX; else it is said what follows."""
    monkeypatch.setenv("TZ", zone)
    (found,) = machine.zones()
    assert found.status == status
    assert "\x1b" not in found.found


def test_missing_zone_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the system's nor the package's: intraday bars cannot be read."""
    for name in ("tzdata", "tzdata.zoneinfo", "tzdata.zoneinfo.America"):
        monkeypatch.setitem(sys.modules, name, None)
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        (found,) = machine.zones()
    finally:
        zoneinfo.reset_tzpath()
    assert (found.status, found.fix) == ("fault", "pip install tzdata")


# the home folder


@pytest.mark.parametrize(
    ("free", "status"), [(10 << 20, "fault"), (200 << 20, "warning"), (2 << 30, "ok")]
)
def test_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, status: str) -> None:
    """Little space is warned of, next to none is a fault; also before the home exists."""
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert store_checks.disk(tmp_path / "not" / "yet").status == status


def test_an_absent_home_is_no_fault(forecast: Forecast, tmp_path: Path) -> None:
    """Before the first fetch there is none; an empty one is the same."""
    run = forecast("doctor", "--home", tmp_path / "none")
    assert run.code == 0
    assert "does not exist yet" in run.out
    assert not (tmp_path / "none").exists()
    assert forecast("doctor", "--home", tmp_path).code == 0


def test_a_home_that_cannot_be_one(forecast: Forecast, home: Path, tmp_path: Path) -> None:
    """A file, or a folder in which anybody may exchange a model: exit code 78, as everywhere."""
    (tmp_path / "file").write_text("x")
    run = forecast("doctor", "--home", tmp_path / "file")
    assert run.code == 78
    assert "is no folder" in run.err
    home.chmod(0o777)
    run = forecast("doctor", "--home", home)
    assert run.code == 78
    assert f"fix: chmod o-w {home}" in run.err


@pytest.fixture
def read_only(trained: Path) -> Iterator[Path]:
    """A home that others may read, below a folder that they may enter."""
    top = Path(tempfile.mkdtemp())
    shutil.copytree(trained, top / "home")
    for path in (top, *top.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield top / "home"
    for path in (top, *top.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(top)


def test_a_read_only_home(read_only: Path) -> None:
    """A warning, and every other check still says what it sees."""
    examine(read_only)  # whatever is imported late
    with unprivileged():
        found = {one.check: one for one in examine(read_only).diagnoses}
        below = store_checks.folder(read_only / "none")
    assert found["home"].status == "warning"
    assert "predict works" in found["home"].found
    assert {one.status for name, one in found.items() if name in ("models", "checksums")} == {"ok"}
    assert below.status == "fault"


def test_a_held_lock_is_named(home: Path) -> None:
    """Held by another process, for real; free again when that ends."""
    path = BarStore(home).path("AAPL", "1d")
    code = f"""
import sys
from pathlib import Path
from forecast_cli.files import locked
with locked(Path({str(path)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-B", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        (path.parent / ".bars.parquet.1.tmp").touch()
        held, being_written = only("locks", home), only("leftovers", home)
        other.communicate()
    assert held.status == "note"
    assert "interval=1d/symbol=AAPL/.bars.parquet.lock" in held.found
    assert being_written.status == "ok"
    assert only("locks", home).status == "ok"
    assert only("leftovers", home).status == "warning"


@pytest.mark.parametrize(
    "stray",
    [
        "bars/interval=1d/symbol=AAPL/.bars.parquet.77.tmp",
        "models/linear/.20260101T000000Z-00000000.tmp",
    ],
)
def test_leftovers_are_named(home: Path, stray: str) -> None:
    """What a killed run left, file or folder."""
    (home / stray).mkdir() if "models" in stray else (home / stray).touch()
    found = only("leftovers", home)
    assert found.status == "warning"
    assert stray in found.found


def test_a_clock_before_the_newest_forecast(home: Path) -> None:
    """A forecast that was recorded tells the time, too; and a damaged record is named."""
    shutil.rmtree(home / "models", ignore_errors=True)
    folder = home / "ledger"
    folder.mkdir()
    made = folder / "20300105T060000000000Z-01234567.parquet"
    made.write_bytes(b"PAR1")
    found = only("clock", home, datetime(2030, 1, 2, tzinfo=UTC))
    assert "before the last forecast of the ledger (2030-01-05)" in found.found
    assert made.name in only("checksums", home).found


@pytest.mark.parametrize("name", ["^GSPC", "linear"])
def test_a_clock_set_back(home: Path, name: str) -> None:
    """Before the newest bar, or before a training: a fault of the machine, not of the store."""
    newest = datetime(2018, 12, 31, tzinfo=UTC)
    if name == "^GSPC":
        shutil.rmtree(home / "models")
    else:
        newest = datetime.now(UTC)
    found = only("clock", home, newest - timedelta(days=3000 if name == "^GSPC" else 3))
    assert (found.status, found.error) == ("fault", ConfigError)
    assert "the clock was set back" in found.found
    assert only("clock", home).status == "ok"


def test_a_calendar_that_ends_too_soon(home: Path) -> None:
    """Fewer sessions ahead than the longest horizon of a model: forecasts have no dates."""
    store = BarStore(home)
    whole = store.read_calendar("XNYS")
    assert whole is not None

    def ending(day: str) -> None:
        kept = whole.sessions <= np.datetime64(day)
        store.write_calendar(
            Calendar(name="XNYS", sessions=whole.sessions[kept], closes=whole.closes[kept])
        )

    today = datetime.now(UTC)
    assert only("calendars", home, NOW).status == "ok"
    ending("2026-02-27")
    assert only("calendars", home, NOW).status == "warning"
    ending("2026-01-09")
    found = only("calendars", home, NOW)
    assert (found.status, found.error) == ("fault", BadDataError)
    assert "4 sessions ahead, 5 are needed" in found.found
    assert only("calendars", home, today).status == "fault"


def test_a_calendar_that_is_not_stored(home: Path) -> None:
    """Bars without sessions: no forecast of them has a date."""
    (home / "calendars" / "XNYS.parquet").unlink()
    found = only("calendars", home)
    assert (found.status, found.error) == ("fault", MissingInputError)


@pytest.mark.parametrize("folder", ["bars", "calendars", "covariates"])
def test_damaged_tables_are_named(forecast: Forecast, home: Path, folder: str) -> None:
    """One bit of a page: exit code 65 and the file; --quick does not look."""
    file = next((home / folder).rglob("*.parquet"))
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)
    run = forecast("doctor", "--home", home)
    assert run.code == 65
    assert str(file) in run.err
    assert not [one for one in examine(home, quick=True).diagnoses if one.check == "checksums"]


def model_files(home: Path) -> Path:
    """The folder of the model in use."""
    folder = home / "models" / "linear"
    return folder / (folder / "LATEST").read_text().strip()


def test_a_canary_that_sings_otherwise(forecast: Forecast, home: Path) -> None:
    """The graph gives another output than in training: exit code 70."""
    manifest = model_files(home) / "manifest.json"
    form = json.loads(manifest.read_text())
    form["canary"]["outputs"][0] += 0.01
    manifest.write_text(json.dumps(form))
    (found,) = about("models", home)
    assert (found.status, found.error) == ("fault", InternalCheckError)
    assert forecast("doctor", "--home", home).code == 70


def test_damaged_models_are_faults(home: Path) -> None:
    """A file of other bytes, or none: each with its own kind of error; others are opened still."""
    graph = model_files(home) / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    assert only("models", home).error is BadDataError
    graph.unlink()
    assert only("models", home).error is MissingInputError


def test_it_works_without_an_environment(tmp_path: Path) -> None:
    """`env -i`, from the root folder, with a zone that is none: a table, and no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "forecast_cli", "doctor", "--home", str(tmp_path), "--json"],
        env={"TZ": "bogus", "LANG": "C"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = {one["check"]: one["status"] for one in json.loads(done.stdout)["checks"]}
    assert found["time zone"] == "warning"
