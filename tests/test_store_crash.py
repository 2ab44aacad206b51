"""The store under kills, full disks, rivals, flipped bits and failing calls: old or new, no mix.

FORECAST_SOAK=1 runs the long form.
"""

import errno
import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from operator import ne
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from synthetic import calendar_of, random_walk_bars

from forecast_cli.arrays import DateArray1D
from forecast_cli.data.bars import Bars, equal
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError, ForecastError
from forecast_cli.workflows.fetch import fetch

SOAK = bool(os.environ.get("FORECAST_SOAK"))
TODAY = date(2012, 1, 2)
SYMBOLS = [f"S{number:02}=X" for number in range(12)]
Series: TypeAlias = dict[str, Bars]
Process: TypeAlias = "subprocess.Popen[bytes]"


def write_files(folder: Path, *, seed: int, symbols: list[str], n_bars: int = 500) -> Path:
    """A folder of price files; another seed is another history of the same days."""
    folder.mkdir()
    for number, symbol in enumerate(symbols):
        bars = random_walk_bars(symbol, n_bars, seed + number, start="2010-01-01")
        lines = ["Date,Open,High,Low,Close,Adj Close,Volume"]
        columns = (bars.timestamp, bars.open, bars.high, bars.low, bars.close, bars.volume)
        for day, opened, high, low, close, volume in zip(*columns, strict=True):
            lines.append(
                f"{day},{opened:.4f},{high:.4f},{low:.4f},{close:.4f},{close:.4f},{volume:.0f}"
            )
        (folder / f"{symbol}.csv").write_text("\n".join(lines) + "\n")
    return folder


def stored(home: Path, symbols: list[str]) -> Series:
    """Every series, read with all checks."""
    return {symbol: BarStore(home).read(symbol, "1d") for symbol in symbols}


def n_new(now: Series, old: Series, new: Series) -> int:
    """How many series are the new ones. All others must be the old ones."""
    changed = 0
    for symbol, bars in now.items():
        is_new = equal(bars, new[symbol])
        assert is_new or equal(bars, old[symbol])
        changed += is_new
    return changed


def strays(home: Path) -> list[Path]:
    """Temporary files and folders anywhere in the store."""
    return list(home.rglob("*.tmp"))


def command(source: Path, home: Path) -> list[str]:
    """The program as cron starts it."""
    return [sys.executable, "-m", "forecast_cli", "fetch", "--from", str(source), "--home",
            str(home), "--quiet"]  # fmt: skip


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two histories of the same symbols and days."""
    folder = tmp_path_factory.mktemp("sources")
    return tuple(
        write_files(folder / name, seed=seed, symbols=SYMBOLS)
        for name, seed in (("old", 0), ("new", 100))
    )  # type: ignore[return-value]  # a pair


@pytest.fixture
def home(sources: tuple[Path, Path], tmp_path: Path) -> Path:
    """A store of the old history with its calendar, so that a fetch starts quickly."""
    fetch([], source=str(sources[0]), home=tmp_path / "home", today=TODAY)
    return tmp_path / "home"


@pytest.fixture(scope="module")
def both(sources: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> list[Series]:
    """What the two histories are in a store."""
    result = []
    for source in sources:
        home = tmp_path_factory.mktemp("expected")
        fetch([], source=str(source), home=home, today=TODAY)
        result.append(stored(home, SYMBOLS))
    return result


def inodes(home: Path) -> list[int]:
    """Which file each symbol's bars are: a replaced one has another number."""
    return [BarStore(home).path(symbol, "1d").stat().st_ino for symbol in SYMBOLS]


def wait_for_changes(home: Path, before: list[int], n: int, process: Process) -> None:
    """Wait until a running fetch has replaced the bars of n symbols, or has ended."""
    while process.poll() is None:
        if sum(map(ne, inodes(home), before)) >= n:
            return
        time.sleep(0.0005)


def durations(source: Path, home: Path) -> tuple[float, float]:
    """Seconds of a whole fetch, and between the first and the last replaced file."""
    before, began = inodes(home), time.monotonic()
    with subprocess.Popen(command(source, home)) as process:
        wait_for_changes(home, before, 1, process)
        first = time.monotonic()
        wait_for_changes(home, before, len(SYMBOLS), process)
        last = time.monotonic()
        assert process.wait() == 0
    return time.monotonic() - began, last - first


def test_kill_at_any_moment(home: Path, sources: tuple[Path, Path], both: list[Series]) -> None:
    """kill -9: every series is its old or its new self, and the next run leaves no stray file.

    Half of the kills fall anywhere in the run, the others where it replaces bars.
    """
    whole, writing = durations(sources[1], home)
    fetch([], source=str(sources[0]), home=home, today=TODAY)
    draw = random.Random(5)  # noqa: S311 - moments, not secrets
    wanted, killed, halfway, n_strays, n_rounds = (200 if SOAK else 24), 0, 0, 0, 0
    while killed < wanted:
        target = (n_rounds + 1) % 2
        n_rounds += 1
        assert n_rounds <= 5 * wanted
        before = inodes(home)
        with subprocess.Popen(command(sources[target], home)) as process:
            if n_rounds % 4 < 2:  # so that both directions get both kinds of moment
                time.sleep(whole * draw.random())
            else:
                wait_for_changes(home, before, 1, process)
                time.sleep(writing * draw.random())
            process.kill()
            killed += process.wait() == -signal.SIGKILL
        halfway += 0 < n_new(stored(home, SYMBOLS), both[1 - target], both[target]) < len(SYMBOLS)
        n_strays += len(strays(home))
        fetch([], source=str(sources[target]), home=home, today=TODAY)
        assert n_new(stored(home, SYMBOLS), both[1 - target], both[target]) == len(SYMBOLS)
        assert not strays(home)
        for symbol in SYMBOLS:
            assert BarStore(home).read_revisions(symbol, "1d").num_rows == n_rounds + 2
    print(f"{killed} of {n_rounds} killed, {halfway} between two symbols, {n_strays} strays")  # noqa: T201 - pytest -s shows how sharp the test was
    assert halfway >= wanted // 8


def test_terminated_fetch_keeps_what_it_finished(
    home: Path, sources: tuple[Path, Path], both: list[Series]
) -> None:
    """SIGTERM is exit 143: finished symbols stay, the one in work is its old self."""
    first = BarStore(home).path(SYMBOLS[0], "1d")
    before = first.stat().st_ino
    with subprocess.Popen(command(sources[1], home)) as process:
        while first.stat().st_ino == before and process.poll() is None:
            time.sleep(0.0005)
        process.terminate()
        assert process.wait() in {143, 0}
    assert n_new(stored(home, SYMBOLS), *both) > 0
    assert not strays(home)


def test_kill_of_a_fetch_in_processes(tmp_path: Path) -> None:
    """Many files, each core its part: old or new bars, and the next run completes them all."""
    home, symbols = tmp_path / "home", [f"S{number:02}=X" for number in range(80)]
    sources = [
        write_files(tmp_path / name, seed=seed, symbols=symbols, n_bars=100)
        for name, seed in (("zero", 0), ("one", 100))
    ]
    both = []
    for source in sources:
        fetch([], source=str(source), home=tmp_path / f"of_{source.name}", today=TODAY)
        both.append(stored(tmp_path / f"of_{source.name}", symbols))
    fetch([], source=str(sources[0]), home=home, today=TODAY)
    for target, signal_ in ((1, signal.SIGKILL), (0, signal.SIGTERM)):
        newest = [BarStore(home).path(symbols[row], "1d") for row in (0, 40)]
        before = [path.stat().st_ino for path in newest]
        with subprocess.Popen(command(sources[target], home)) as process:
            while process.poll() is None:
                if [path.stat().st_ino for path in newest] != before:
                    break
                time.sleep(0.0005)
            process.send_signal(signal_)
            process.wait()
        assert n_new(stored(home, symbols), both[1 - target], both[target]) > 0
        deadline = time.monotonic() + 20
        while fetch([], source=str(sources[target]), home=home, today=TODAY).failed:
            assert time.monotonic() < deadline  # what the other processes had begun is ended soon
        assert n_new(stored(home, symbols), both[1 - target], both[target]) == len(symbols)
        assert not strays(home)


def _tmpfs(home: Path) -> Iterator[dict[str, Any]]:
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs", str(home)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True)
    except OSError as error:
        pytest.skip(f"no mount here: {error}")
    if done.returncode:
        pytest.skip("a 1 MB file system takes root to mount it")
    try:
        yield {}
    finally:
        subprocess.run(["umount", str(home)], check=True)  # noqa: S607 - where mount was found


def _limited(home: Path) -> Iterator[dict[str, Any]]:
    resource = pytest.importorskip("resource")
    yield {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))}


def _fill(folder: Path, *, leaving: int) -> None:
    """Use up a file system's space but for some bytes."""
    space = os.statvfs(folder)
    (folder / "filler").write_bytes(bytes(space.f_bavail * space.f_frsize - leaving))


@pytest.mark.parametrize("kind", [_tmpfs, _limited])
def test_full_disk(
    tmp_path: Path, kind: Callable[[Path], Iterator[dict[str, Any]]], both: list[Series]
) -> None:
    """No space for the new bars: exit 74, the old bars intact, no temporary file left."""
    home, symbols = tmp_path / "home", SYMBOLS[:2]
    small = write_files(tmp_path / "small", seed=0, symbols=symbols, n_bars=50)
    large = write_files(tmp_path / "large", seed=100, symbols=symbols, n_bars=2000)
    disk = kind(home)
    options = next(disk)
    try:
        fetch([], source=str(small), home=home, today=TODAY)
        old = stored(home, symbols)
        if kind is _tmpfs:
            _fill(home, leaving=40_960)
        done = subprocess.run(
            [*command(large, home)[:1], "-B", *command(large, home)[1:]],
            capture_output=True, text=True, check=False, **options,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (74, "")
        assert "the old content is intact" in done.stderr
        assert n_new(stored(home, symbols), old, old) == len(symbols)
        assert not strays(home)
    finally:
        next(disk, None)


def test_two_fetches_at_once(tmp_path: Path, both: list[Series]) -> None:
    """Of two runs each adds its bars or says to try again; in the end the store has both."""
    home = tmp_path / "home"
    whole = write_files(tmp_path / "whole", seed=0, symbols=SYMBOLS)
    halves = []
    for name, days in (("early", slice(1, 300)), ("late", slice(200, 501))):
        (tmp_path / name).mkdir()
        for path in whole.iterdir():
            lines = path.read_text().splitlines(keepends=True)
            (tmp_path / name / path.name).write_text("".join([lines[0], *lines[days]]))
        halves.append(tmp_path / name)
    for symbol in SYMBOLS:  # the calendar is there, so that both reach the bars together
        every_day = np.arange("2009-01-01", "2032-01-01", dtype="M8[D]")
        BarStore(home).write_calendar(calendar_of(every_day, name="24-5"))
        BarStore(home).write(both[0][symbol].take(slice(1)))
    running = [subprocess.Popen(command(half, home), stderr=subprocess.PIPE) for half in halves]
    said = [process.communicate()[1].decode() for process in running]
    codes = [process.returncode for process in running]
    assert set(codes) <= {0, 3, 75}
    for code, text in zip(codes, said, strict=True):
        assert (code == 0) == ("another run is writing here" not in text)
    for code, half in zip(codes, halves, strict=True):
        if code:
            subprocess.run(command(half, home), check=True)
    assert n_new(stored(home, SYMBOLS), both[0], both[0]) == len(SYMBOLS)
    assert not strays(home)


def test_no_flipped_bit_is_read_as_data(home: Path, sources: tuple[Path, Path]) -> None:
    """One bit anywhere in a stored file: refused, or without any effect on what is read."""
    fetch(["S00=X"], source=str(sources[1]), home=home, today=TODAY)
    store = BarStore(home)
    reads: list[tuple[Path, Callable[[], object]]] = [
        (store.path("S00=X", "1d"), lambda: store.read("S00=X", "1d")),
        (next(home.rglob("revisions.parquet")), lambda: store.read_revisions("S00=X", "1d")),
        (home / "calendars/24-5.parquet", lambda: _sessions(store)),
    ]
    draw = random.Random(11)  # noqa: S311 - positions, not secrets
    refused = 0
    n_flips = 10_000 if SOAK else 300
    for number in range(n_flips):
        path, read = reads[number % len(reads)]
        good, expected = path.read_bytes(), read()
        # Half of them in the last kilobyte, where the footer lies, which page checksums leave out.
        first = random.Random(number).choice([0, max(0, len(good) - 1024)])  # noqa: S311 - the same
        spoilt = bytearray(good)
        spoilt[draw.randrange(first, len(good))] ^= 1 << draw.randrange(8)
        path.write_bytes(spoilt)
        try:
            found = read()
        except BadDataError:
            refused += 1
        else:
            assert same(found, expected)
        path.write_bytes(good)
    assert refused > n_flips // 2


def _sessions(store: BarStore) -> DateArray1D | None:
    calendar = store.read_calendar("24-5")
    return None if calendar is None else calendar.sessions


def same(left: object, right: object) -> bool:
    """Whether two reads gave the same."""
    if isinstance(left, Bars) and isinstance(right, Bars):
        return equal(left, right)
    if isinstance(left, np.ndarray):
        return np.array_equal(left, np.asarray(right))
    return bool(left == right)


class _Failing:
    """The k-th call from now on fails, as do all that follow: a disk that is gone."""

    def __init__(self, number: int, at: int) -> None:
        self.number, self.at, self.calls = number, at, 0

    def __call__(self) -> None:
        """Count a call."""
        self.calls += 1
        if self.calls >= self.at:
            raise OSError(self.number, os.strerror(self.number))


def _break(patch: pytest.MonkeyPatch, function: str, fails: _Failing) -> None:
    """Let a function of the operating system fail as told."""
    if function == "write":
        opened = Path.open

        class File(io.FileIO):
            def write(self, data: Any) -> int:  # noqa: ANN401 - bytes of any kind
                fails()
                return super().write(data)

        def open_failing(path: Path, mode: str = "r", **options: Any) -> Any:  # noqa: ANN401
            return File(path, mode) if path.suffix == ".tmp" else opened(path, mode, **options)

        patch.setattr(Path, "open", open_failing)
        return
    owner = {"fsync": os, "replace": Path, "mkdir": Path}[function]
    original = getattr(owner, function)

    def failing(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - any signature
        fails()
        return original(*arguments, **options)

    patch.setattr(owner, function, failing)


@pytest.mark.parametrize(
    ("function", "number"),
    [("write", errno.ENOSPC), ("fsync", errno.EIO), ("replace", errno.EDQUOT)],
)
def test_every_call_may_fail(tmp_path: Path, function: str, number: int) -> None:
    """Whichever write, fsync or rename fails: old or new, no mixture, no stray file, repairable."""
    home, symbols = tmp_path / "home", SYMBOLS[:2]
    files = [write_files(tmp_path / str(seed), seed=seed, symbols=symbols, n_bars=20)
             for seed in (0, 100)]  # fmt: skip
    states = []
    for source in files:
        fetch([], source=str(source), home=tmp_path / source.name / "home", today=TODAY)
        states.append(stored(tmp_path / source.name / "home", symbols))
    fetch([], source=str(files[0]), home=home, today=TODAY)
    step = 13 if function == "write" and not SOAK else 1  # some 130 writes
    for at in range(1, 1000, step):
        fails = _Failing(number, at)
        with pytest.MonkeyPatch.context() as patch:
            _break(patch, function, fails)
            try:
                result = fetch([], source=str(files[1]), home=home, today=TODAY)
                codes = [failed.exit_code for failed in result.failed]
            except ForecastError as error:
                codes = [error.exit_code]
        assert set(codes) <= {74}
        assert n_new(stored(home, symbols), *states) >= (len(symbols) if not codes else 0)
        assert not strays(home)
        fetch([], source=str(files[1]), home=home, today=TODAY)
        assert n_new(stored(home, symbols), *states) == len(symbols)
        fetch([], source=str(files[0]), home=home, today=TODAY)
        if fails.calls < at:
            break
    assert 4 < at < 999


def test_the_next_run_sweeps_everywhere(home: Path, sources: tuple[Path, Path]) -> None:
    """Strays of every kind go, of symbols that the run does not fetch, too; nothing else does."""
    kept = sorted(path for path in home.rglob("*") if path.suffix != ".lock")
    for folder in (
        "bars/interval=1d/symbol=S05%3DX",
        "calendars",
        "revisions/interval=1d/symbol=X",
    ):
        (home / folder).mkdir(parents=True, exist_ok=True)
        (home / folder / ".bars.parquet.123.tmp").write_bytes(b"half")
    (home / "bars/interval=1d/symbol=S06%3DX/.bars.parquet.9.tmp").mkdir()
    (home / "bars/interval=1d/symbol=S06%3DX/.bars.parquet.9.tmp/part").touch()
    assert len(strays(home)) == 4
    fetch(["S00=X"], source=str(sources[0]), home=home, today=TODAY)
    assert not strays(home)
    assert set(kept) <= set(home.rglob("*"))


def test_damaged_bars_stop_a_fetch_and_stay(home: Path, sources: tuple[Path, Path]) -> None:
    """What cannot be read is not overwritten silently: the symbol fails, the others are stored."""
    path = BarStore(home).path("S03=X", "1d")
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    result = fetch([], source=str(sources[1]), home=home, today=TODAY)
    assert [(failed.name, failed.exit_code) for failed in result.failed] == [("S03=X", 65)]
    assert path.read_bytes() == content[:-10]
    assert len(result.series) == len(SYMBOLS) - 1


def test_a_refetch_reports_and_records(home: Path, sources: tuple[Path, Path]) -> None:
    """A vendor's rewrite of history is told; the same again is told and recorded no more."""
    result = fetch([], source=str(sources[1]), home=home, today=TODAY)
    assert [series.n_revised for series in result.series] == [500] * len(SYMBOLS)
    again = fetch([], source=str(sources[1]), home=home, today=TODAY)
    assert [series.n_revised for series in again.series] == [0] * len(SYMBOLS)
    rows = BarStore(home).read_revisions("S00=X", "1d").to_pylist()
    assert [(row["kind"], row["n_rows"], row["ratio"]) for row in rows] == [("revised", 500, None)]


def test_a_readjustment_is_recorded_with_its_ratio(home: Path, both: list[Series]) -> None:
    """A dividend since: one row with the ratio, and the returns stay what they were."""
    old = both[0]["S00=X"]
    lowered = replace(old, adj_close=old.adj_close * 0.9876).take(slice(400, None))
    merged, changed = BarStore(home).merge(lowered)
    assert changed
    assert merged.readjusted == pytest.approx(0.9876)
    rows = BarStore(home).read_revisions("S00=X", "1d").to_pylist()
    assert [(row["kind"], row["n_rows"]) for row in rows] == [("readjusted", 500)]
    now = BarStore(home).read("S00=X", "1d")
    np.testing.assert_allclose(np.diff(np.log(now.adj_close)), np.diff(np.log(old.adj_close)))
