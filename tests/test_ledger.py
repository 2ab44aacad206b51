"""The ledger: a forecast, once made, can neither change nor be lost nor be counted twice."""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast_cli.data.ledger import Entry, Ledger
from forecast_cli.errors import (
    BadDataError,
    CannotCreateError,
    ConfigError,
    InputOutputError,
    TryAgainError,
)
from forecast_cli.evaluation import metrics
from forecast_cli.files import locked

NOW = datetime(2024, 6, 3, 22, 5, tzinfo=UTC)


def entry(cutoff: date = date(2024, 6, 3), *, shift: float = 0.0, **fields_: Any) -> Entry:  # noqa: ANN401 - values of any field
    """A forecast of AAPL one session ahead. shift: of its whole curve."""
    made = Entry(
        made_at=NOW,
        model="mlp",
        model_version="20240101T000000Z-12345678",
        symbol="AAPL",
        interval="1d",
        cutoff=cutoff,
        horizon=1,
        target_date=cutoff + timedelta(days=1),
        last_close=194.03,
        point_return=shift,
        p_up=0.5123,
        position=None,
        data_sha256="a" * 64,
        quantiles=np.linspace(-0.03, 0.03, 99) + shift,
    )
    return replace(made, **fields_)


def said(of: Entry) -> dict[str, object]:
    """A forecast as plain values, its curve in the ledger's precision."""
    values = {field.name: getattr(of, field.name) for field in fields(of)}
    return values | {"quantiles": of.quantiles.astype(np.float32).tolist()}


def contents(home: Path) -> dict[str, bytes]:
    """Every file of a ledger."""
    return {path.name: path.read_bytes() for path in (home / "ledger").glob("*.parquet")}


def test_what_is_recorded_is_read(tmp_path: Path) -> None:
    """All values come back, position or none; the file name is the instant and eight digits."""
    made = [entry(), entry(symbol="^GSPC", horizon=5, position=-0.25)]
    assert Ledger(tmp_path).append(made) == 2
    assert [said(one) for one in Ledger(tmp_path).read()] == [said(one) for one in made]
    (path,) = (tmp_path / "ledger").glob("*.parquet")
    stamp, _, digits = path.stem.partition("-")
    assert stamp == "20240603T220500000000Z"
    assert len(digits) == 8
    assert len(bytes.fromhex(digits)) == 4


def test_the_folder_reads_as_one_flat_table(tmp_path: Path) -> None:
    """Any Parquet reader sees plain columns, q01 to q99 among them."""
    Ledger(tmp_path).append([entry()])
    Ledger(tmp_path).append([entry(date(2024, 6, 4), made_at=NOW + timedelta(days=1))])
    table = pq.read_table(tmp_path / "ledger")
    assert table.num_rows == 2
    assert not any(hasattr(column, "fields") or column.num_fields for column in table.schema.types)
    assert table.column_names[-99:] == [f"q{level:02}" for level in range(1, 100)]


def test_scores_agree_to_a_millionth(tmp_path: Path) -> None:
    """Single precision of the quantiles changes no CRPS by more than 1e-6 of itself."""
    rng = np.random.default_rng(3)
    curves = np.sort(rng.normal(0, 0.02, size=(200, 99)), axis=1)
    made = [entry(horizon=row + 1, quantiles=curve) for row, curve in enumerate(curves)]
    Ledger(tmp_path).append(made)
    kept = np.stack([one.quantiles for one in Ledger(tmp_path).read()])
    came = rng.normal(0, 0.02, size=200)
    np.testing.assert_allclose(metrics.crps(came, kept), metrics.crps(came, curves), rtol=1e-6)


def test_the_same_forecast_is_recorded_once(tmp_path: Path) -> None:
    """A second run on the same session adds no row and no file; a new symbol adds only itself."""
    assert Ledger(tmp_path).append([entry()]) == 1
    before = contents(tmp_path)
    later = NOW + timedelta(hours=3)
    assert Ledger(tmp_path).append([entry(made_at=later, shift=0.01)]) == 0
    assert contents(tmp_path) == before
    both = [entry(made_at=later), entry(made_at=later, symbol="MSFT")]
    assert Ledger(tmp_path).append(both) == 1
    assert Ledger(tmp_path).append([entry(), entry()]) == 0
    assert [one.symbol for one in Ledger(tmp_path).read()] == ["AAPL", "MSFT"]


@pytest.mark.parametrize(
    "changed",
    [{"model": "lstm"}, {"model_version": "20240601T000000Z-87654321"}, {"symbol": "MSFT"},
     {"cutoff": date(2024, 5, 31)}, {"horizon": 5}, {"data_sha256": "b" * 64}],
    ids=lambda changed: next(iter(changed)),
)  # fmt: skip
def test_whatever_makes_it_another_forecast_is_a_new_row(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    """Another model, version, symbol, cutoff, horizon, or revised bars: the old row stays."""
    Ledger(tmp_path).append([entry()])
    assert Ledger(tmp_path).append([entry(made_at=NOW + timedelta(1), **changed)]) == 1
    assert said(Ledger(tmp_path).read()[0]) == said(entry())
    assert len(Ledger(tmp_path).read()) == 2


_CALLS = st.lists(
    st.tuples(
        st.sampled_from(["mlp", "lstm"]),
        st.sampled_from(["v1", "v2"]),  # a retraining
        st.integers(0, 3),  # sessions before the newest: a forecast as of an earlier day
        st.sampled_from(["a" * 64, "b" * 64]),  # revised bars
        st.floats(-0.1, 0.1),  # what is said this time
        st.sets(st.sampled_from(["AAPL", "MSFT"]), min_size=1),
    ),
    min_size=1,
    max_size=8,
)


@given(calls=_CALLS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_forecast_once_made_cannot_change(
    calls: list[tuple[str, str, int, str, float, set[str]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whatever is appended later, earlier files keep every byte and their rows what was said."""
    home, first = tmp_path_factory.mktemp("ledger"), dict[object, object]()
    for number, (model, version, age, sha256, shift, symbols) in enumerate(calls):
        before = contents(home)
        made = [
            entry(
                date(2024, 6, 3) - timedelta(days=age),
                made_at=NOW + timedelta(hours=number), model=model, model_version=version,
                data_sha256=sha256, shift=shift, symbol=symbol,
            )
            for symbol in sorted(symbols)
        ]  # fmt: skip
        new = [one for one in made if one.key not in first]
        assert Ledger(home).append(made) == len(new)
        first |= {one.key: said(one) for one in new}
        now = contents(home)
        assert {name: now[name] for name in before} == before
        assert len(now) == len(before) + bool(new)
        assert [said(one) for one in Ledger(home).read()] == list(first.values())


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    """By model and by cutoff; files made before the cutoffs asked for are not even opened."""
    days = [date(2024, 5, day) for day in range(1, 21)]
    for day in days:
        made_at = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
        Ledger(tmp_path).append(
            [entry(day, made_at=made_at, model=model) for model in ("mlp", "lstm")]
        )
    read = Ledger(tmp_path).read(since=date(2024, 5, 18), model="lstm")
    assert [(one.cutoff.day, one.model) for one in read] == [(n, "lstm") for n in (18, 19, 20)]
    for path in (tmp_path / "ledger").glob("2024051[0-6]*"):
        path.write_bytes(b"spoilt")
    assert len(Ledger(tmp_path).read(since=date(2024, 5, 18))) == 6
    assert Ledger(tmp_path).append([entry(date(2024, 5, 20))]) == 0


def test_a_clock_before_the_last_bar_is_refused(tmp_path: Path) -> None:
    """A wrong time of making would make a forecast look live that is not, and hide its key."""
    with pytest.raises(ConfigError, match="the clock says 2024-06-03 22:05 UTC, before the last"):
        Ledger(tmp_path).append([entry(date(2024, 6, 5))])
    assert not contents(tmp_path)


def _spoil(path: Path, kind: str) -> Path:
    if kind == "renamed":
        return path.rename(path.with_name("20200101T000000000000Z-" + path.name.split("-")[1]))
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(bytes(content[:-20]) if kind == "cut off" else content)
    return path


@pytest.mark.parametrize("kind", ["flipped", "cut off", "renamed"])
def test_a_damaged_file_is_named(tmp_path: Path, kind: str) -> None:
    """One bit, the end, or the instant in the name: 65, and never another forecast."""
    Ledger(tmp_path).append([entry()])
    path = _spoil(next((tmp_path / "ledger").glob("*.parquet")), kind)
    with pytest.raises(BadDataError, match=path.name) as raised:
        Ledger(tmp_path).read()
    assert "backup" in str(raised.value.fix)


def test_a_link_is_refused(tmp_path: Path) -> None:
    """The ledger keeps plain files only."""
    Ledger(tmp_path / "other").append([entry()])
    (tmp_path / "home/ledger").mkdir(parents=True)
    (path,) = (tmp_path / "other/ledger").glob("*.parquet")
    (tmp_path / "home/ledger" / path.name).symlink_to(path)
    with pytest.raises(BadDataError, match="is a link"):
        Ledger(tmp_path / "home").append([entry()])


def test_a_rival_is_told_to_try_again(tmp_path: Path) -> None:
    """While another run records: 75, and nothing is written."""
    (tmp_path / "ledger").mkdir()
    with locked(tmp_path / "ledger" / "append"), pytest.raises(TryAgainError):
        Ledger(tmp_path).append([entry()])
    assert not contents(tmp_path)


def _record_all(home: Path, start: float, first: int) -> None:
    """One of several processes: record ten days, some of which the others record, too."""
    time.sleep(max(0.0, start - time.time()))
    for number in range(first, first + 10):
        made = [entry(date(2024, 1, 1) + timedelta(days=number))]
        while True:
            try:
                Ledger(home).append(made)
                break
            except TryAgainError:
                time.sleep(0.001)


def test_two_processes_lose_and_double_nothing(tmp_path: Path) -> None:
    """Both record at once, in part the same: each forecast stands in the ledger exactly once."""
    context = multiprocessing.get_context("fork")
    start = time.time() + 0.2
    running = [
        context.Process(target=_record_all, args=(tmp_path, start, first)) for first in (0, 5)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0, 0]
    cutoffs = sorted(one.cutoff for one in Ledger(tmp_path).read())
    assert cutoffs == [date(2024, 1, 1) + timedelta(days=number) for number in range(15)]


_ENDLESS = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[2]]
from test_ledger import entry
from forecast_cli.data.ledger import Ledger
from dataclasses import replace
number = int(sys.argv[3])
print(flush=True)
while True:
    number += 1
    Ledger(Path(sys.argv[1])).append([replace(entry(), data_sha256=f"{number:064}", symbol=s)
        for s in ("AAPL", "MSFT", "^GSPC")])
"""


def test_kill_at_any_moment(tmp_path: Path) -> None:
    """kill -9: each call's rows are there as a whole or not at all, and the next run tidies up."""
    draw = np.random.default_rng(4)
    for number in range(100 if os.environ.get("FORECAST_SOAK") else 4):
        command = [sys.executable, "-c", _ENDLESS, str(tmp_path), str(Path(__file__).parent)]
        with subprocess.Popen(
            [*command, str(number * 10**6)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout
            process.stdout.readline()
            while not contents(tmp_path):
                time.sleep(0.001)
            time.sleep(0.1 * draw.random())
            process.kill()
            assert process.wait() == -signal.SIGKILL
        symbols = [one.symbol for one in Ledger(tmp_path).read()]
        assert symbols == ["AAPL", "MSFT", "^GSPC"] * (len(symbols) // 3)
        assert symbols
        Ledger(tmp_path).append([entry()])
        assert not list((tmp_path / "ledger").glob(".*.tmp"))
        for path in (tmp_path / "ledger").glob("*.parquet"):
            path.unlink()


def test_a_full_disk_adds_nothing(tmp_path: Path) -> None:
    """No space: 74, the ledger as it was, no temporary file left."""
    Ledger(tmp_path).append([entry()])
    before = contents(tmp_path)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    try:
        with pytest.raises(InputOutputError, match="the old content is intact"):
            Ledger(tmp_path).append([entry(symbol="MSFT")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert contents(tmp_path) == before
    assert not list((tmp_path / "ledger").glob(".*.tmp"))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file in the place of the ledger: 73."""
    (tmp_path / "ledger").touch()
    with pytest.raises(CannotCreateError):
        Ledger(tmp_path).append([entry()])
