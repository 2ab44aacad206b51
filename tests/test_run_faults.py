"""`forecast run` under kills, full disks, rivals, wrong clocks and poor environments.

Whatever happens, the store is never a mixed state, no forecast is lost or recorded twice, no
traceback is shown, and the next run heals. FORECAST_SOAK=1 runs the long form; the counts are
printed.
"""

import os
import random
import resource
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, which

import numpy as np
import pytest
from nightly import Nightly

from forecast_cli.data.ledger import Ledger
from forecast_cli.data.store import BarStore
from forecast_cli.models.artifact import ModelStore

SOAK = bool(os.environ.get("FORECAST_SOAK"))
HORIZONS = 2


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a job after its first night, to be copied."""
    job = Nightly(tmp_path_factory.mktemp("faults") / "job")
    assert job.run().code == 0
    return job.folder


@pytest.fixture
def job(first_night: Path, tmp_path: Path) -> Nightly:
    """A job of one's own after its first night."""
    copytree(first_night, tmp_path / "job")
    return Nightly(tmp_path / "job")


def ledger_files(job: Nightly) -> dict[str, bytes]:
    """Every file of the ledger."""
    return {path.name: path.read_bytes() for path in (job.home / "ledger").glob("*.parquet")}


def check_sound(job: Nightly, earlier: dict[str, bytes]) -> dict[str, bytes]:
    """Everything that is there can be read; no earlier forecast changed, and none is doubled.

    earlier: the files of the ledger before. Returns those of now.
    """
    for symbol in BarStore(job.home).symbols("1d"):
        BarStore(job.home).read(symbol, "1d")
    for name in ModelStore(job.home).names():
        ModelStore(job.home).open(name)
    entries = Ledger(job.home).read()
    assert len({entry.key for entry in entries}) == len(entries)
    now = ledger_files(job)
    assert earlier.items() <= now.items()
    return now


def check_healed(job: Nightly) -> None:
    """One more run in peace ends well, says nothing, and every forecast of the night is there."""
    healed = job.run()
    assert (healed.code, healed.out, healed.err) == (0, "", "")
    tonight = [each for each in Ledger(job.home).read() if each.cutoff == job.cutoff.item()]
    assert Counter(each.symbol for each in tonight) == dict.fromkeys(job.symbols, HORIZONS)
    assert str(job.cutoff) in (job.folder / "forecasts.csv").read_text()
    assert not list(job.folder.rglob("*.tmp"))


def seconds_of(job: Nightly) -> float:
    """How long a run takes."""
    began = time.monotonic()
    assert job.run().code == 0
    return time.monotonic() - began


def test_kill_at_any_moment(tmp_path: Path) -> None:
    """SIGKILL at random moments, in fetch, training, forecast and between: never a mixed state."""
    wanted, retrain_every = (300, 4) if SOAK else (8, 2)
    job = Nightly(tmp_path / "job", retrain_every=retrain_every)
    training = seconds_of(job)
    job.publish(1)
    plain = seconds_of(job)
    draw = random.Random(7)  # noqa: S311 - moments, not secrets
    known, killed, n_runs, n_strays, states = ledger_files(job), 0, 0, 0, set()
    while killed < wanted:
        job.publish(1)
        learns = job.night % retrain_every == 0
        for _ in range(3):
            with job.start() as process:
                time.sleep((training if learns else plain) * draw.random())
                ended = job.kill(process)
            n_runs += 1
            killed += ended.code == -signal.SIGKILL
            assert "Traceback" not in ended.err
            n_strays += len(list(job.home.rglob("*.tmp")))
            known = check_sound(job, known)
            states.add((len(known), len(ModelStore(job.home).versions("linear"))))
        check_healed(job)
        known = ledger_files(job)
        assert n_runs < 5 * wanted
    assert len(Ledger(job.home).read()) == (job.night + 1) * HORIZONS * len(job.symbols)
    print(  # noqa: T201 - pytest -s shows how sharp the test was
        f"{killed} of {n_runs} runs killed over {job.night} nights, {n_strays} stray files left and"
        f" swept, {len(ModelStore(job.home).versions('linear'))} models trained,"
        f" {len(Ledger(job.home).read())} forecasts, none lost or doubled"
    )


def _no_file_longer_than(n_bytes: int) -> Callable[[], None]:
    """A disk that is full after so many bytes of a file."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))


@pytest.mark.parametrize(
    ("state", "n_bytes"),
    [
        ("empty", 5_000),
        ("empty", 20_000),
        ("fetched", 3_000),
        ("news", 2_000),
        ("forecast", 2_000),
    ],
)
def test_disk_full_at_each_step(tmp_path: Path, job: Nightly, state: str, n_bytes: int) -> None:
    """No space for bars, a model, the ledger: 74 or 3, what was there stays, and it heals."""
    if state in {"empty", "fetched"}:
        job = Nightly(tmp_path / "other")
    else:
        job.publish(1)
    if state in {"fetched", "forecast"}:
        assert job.run("fetch").code == 0
    known = ledger_files(job)
    starved = job.run(prepare=_no_file_longer_than(n_bytes))
    assert starved.code in {3, 74}, starved.err
    assert "Traceback" not in starved.err
    assert starved.err
    check_sound(job, known)
    check_healed(job)


def test_a_full_file_system(tmp_path: Path, first_night: Path) -> None:
    """The same with a real one, filled to the last block and then freed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = which("mount")
    done = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if not done or done.returncode:
        pytest.skip("a small file system takes root to mount it")
    try:
        copytree(first_night, folder / "job")
        job = Nightly(folder / "job")
        job.publish(1)
        known, space = ledger_files(job), os.statvfs(folder)
        (folder / "filler").write_bytes(bytes(space.f_bavail * space.f_frsize))
        starved = job.run()
        assert starved.code in {3, 74}, starved.err
        check_sound(job, known)
        (folder / "filler").unlink()
        check_healed(job)
    finally:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - where mount was found


def test_eight_at_once(job: Nightly) -> None:
    """One of them works; those that meet it end with 75 at once, and nothing is done twice."""
    for _ in range(10 if SOAK else 1):
        job.publish(1)
        known = ledger_files(job)
        rivals = [job.start() for _ in range(8)]
        ends = [(rival, *rival.communicate(timeout=120)) for rival in rivals]
        codes = Counter(rival.returncode for rival, _, _ in ends)
        assert codes[0] >= 1
        assert codes[0] + codes[75] == 8, codes
        for rival, out, err in ends:
            assert out == ""
            assert err == "" if rival.returncode == 0 else "another run is writing here" in err
        assert len(check_sound(job, known)) == len(known) + 1
        check_healed(job)


def test_a_clock_set_back(job: Nightly) -> None:
    """A year back: bars of the future are not believed, nothing is recorded, and it heals."""
    job.publish(1)
    known = ledger_files(job)
    early = job.run(environment=job.environment(clock="2016-01-05 06:00:00"))
    assert early.code in {65, 78, 3}, early
    assert "Traceback" not in early.err
    assert check_sound(job, known) == known
    check_healed(job)


@pytest.mark.parametrize("hour", ["06:30:00", "07:30:00"])
@pytest.mark.parametrize("day", ["2017-11-05", "2018-03-11"])
def test_a_change_to_or_from_summer_time(job: Nightly, day: str, hour: str) -> None:
    """In an hour that New York has twice or not at all, the same night's work is done, once."""
    n_days = int(np.busday_count(job.cutoff, np.datetime64(day)))
    job.publish(n_days - 1)
    zone = job.environment(clock=f"{day} {hour}", TZ="America/New_York")
    zone["FAKETIME"] = f"@{_in_new_york(day, hour)}"
    night = job.run(environment=zone)
    assert (night.code, night.err) == (0, "")
    known = ledger_files(job)
    assert job.run(environment=zone).code == 0
    assert check_sound(job, known) == known


def _in_new_york(day: str, hour: str) -> str:
    """A moment of UTC as a clock in New York shows it, which is how libfaketime is told."""
    env = {"TZ": "America/New_York", "PATH": os.environ["PATH"]}
    command = ["date", "-d", f"{day} {hour} UTC", "+%Y-%m-%d %H:%M:%S"]
    told = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return told.stdout.strip()


def test_an_empty_environment(job: Nightly) -> None:
    """No HOME, no LANG, no terminal, a bogus zone, the root folder: the night's work is done."""
    job.publish(1)
    clock = job.environment()
    bare = {name: clock[name] for name in ("LD_PRELOAD", "FAKETIME", "NO_FAKE_STAT")}
    bare |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "LANG": "C", "TZ": "Nowhere/Bogus"}
    night = job.run(environment=bare)
    assert (night.code, night.out, night.err) == (0, "", "")


def test_stdout_closed(job: Nightly) -> None:
    """Nothing that reads: no traceback, and the work is done."""
    job.publish(1)
    shell = 'exec "$@" >&-'
    command = ["sh", "-c", shell, "sh", *job.command("run", "--format", "table")]
    night = subprocess.run(
        command, env=job.environment(), check=False, capture_output=True, text=True, cwd="/"
    )
    assert night.returncode in {0, 141}
    assert "Traceback" not in night.stderr
    check_healed(job)


@pytest.fixture
def read_only(job: Nightly) -> Iterator[Nightly]:
    """A job whose store cannot be written, by the superuser neither."""
    change = [which("chattr") or "chattr", "-R", "+i", str(job.home)]
    if os.geteuid():
        change = ["chmod", "-R", "a-w", str(job.home)]
    try:
        if subprocess.run(change, check=False, capture_output=True).returncode:
            pytest.skip("the superuser can write everywhere here")
    except OSError as error:
        pytest.skip(f"the superuser can write everywhere here ({error})")
    yield job
    change[2] = "u+w" if os.geteuid() else "-i"
    subprocess.run(change, check=True)


def test_a_read_only_home(read_only: Nightly) -> None:
    """73 before anything is done, and one sentence."""
    night = read_only.run()
    assert night.code == 73
    assert len(night.err.splitlines()) <= 2
