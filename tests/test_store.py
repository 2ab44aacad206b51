"""The store gives back exactly what was written, or says that it cannot."""

import errno
import multiprocessing
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forecast_cli.data.bars import Bars, equal
from forecast_cli.data.seal import sealed
from forecast_cli.data.sessions import calendar_between
from forecast_cli.data.store import BarStore, data_hash
from forecast_cli.errors import BadDataError, InputOutputError, MissingInputError, TryAgainError
from forecast_cli.files import locked

quiet = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def bars(n_bars: int = 500, symbol: str = "^GSPC") -> Bars:
    """A random walk that does not compress to nothing."""
    draw = np.random.default_rng(1)
    price = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, n_bars)))
    return Bars(
        symbol=symbol,
        interval="1d",
        price_basis="split_adjusted",
        timestamp=np.datetime64("2000-01-01") + np.arange(n_bars),
        open=price,
        high=price * 1.01,
        low=price * 0.99,
        close=price * 1.001,
        adj_close=price * 0.9,
        volume=draw.integers(0, 10**9, n_bars).astype(float),
        dividends=np.full(n_bars, np.nan),
        splits=np.where(np.arange(n_bars) % 2, 0.0, np.nan),
    )


@st.composite
def any_bars(draw: st.DrawFn) -> Bars:
    """Bars of any finite values; whether prices make sense is not for the store to say."""
    n_bars = draw(st.integers(1, 20))
    finite = hnp.arrays(
        np.float64, n_bars, elements=st.floats(allow_nan=False, allow_infinity=False)
    )
    unknown = hnp.arrays(np.float64, n_bars, elements=st.floats(allow_infinity=False))
    days = draw(
        st.lists(st.integers(-60_000, 60_000), min_size=n_bars, max_size=n_bars, unique=True)
    )
    names = ("open", "high", "low", "close", "adj_close", "volume")
    columns: dict[str, Any] = {name: draw(finite) for name in names}
    columns |= {name: draw(unknown) for name in ("dividends", "splits")}
    return Bars(
        symbol=draw(st.text("ABC^=.-&:", min_size=1, max_size=8)),
        interval="1d",
        price_basis=draw(st.sampled_from(["raw", "split_adjusted", "adjusted", "unknown"])),
        timestamp=np.array(sorted(days), dtype="datetime64[D]"),
        **columns,
    )


@quiet
@given(any_bars())
def test_write_then_read_is_the_identity(tmp_path: Path, series: Bars) -> None:
    """Values, types, order, price basis and unknown actions come back (property 2)."""
    store = BarStore(tmp_path)
    store.write(series)
    read = store.read(series.symbol, "1d")
    assert equal(read, series)
    assert read.timestamp.dtype == series.timestamp.dtype
    assert series.symbol in store.symbols("1d")


def test_unchanged_data_touches_no_file(tmp_path: Path) -> None:
    """A second run on the same data is a no-op."""
    store = BarStore(tmp_path)
    assert store.write(bars())
    before = store.path("^GSPC", "1d").stat()
    assert not store.write(bars())
    assert store.path("^GSPC", "1d").stat() == before
    assert store.write(replace(bars(), price_basis="raw"))


def test_same_bars_same_bytes(tmp_path: Path) -> None:
    """Two stores of the same data are the same files."""
    for name in ("a", "b"):
        BarStore(tmp_path / name).write(bars())
    first, second = (BarStore(tmp_path / name).path("^GSPC", "1d") for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_hive_layout(tmp_path: Path) -> None:
    """Other programs find symbol and interval in the path; strange folders are not symbols."""
    store = BarStore(tmp_path)
    store.write(bars())
    path = tmp_path / "bars" / "interval=1d" / "symbol=%5EGSPC" / "bars.parquet"
    assert path.is_file()
    stranger = path.parent.with_name("symbol=lower") / "bars.parquet"
    stranger.parent.mkdir()
    stranger.touch()
    assert store.symbols("1d") == ["^GSPC"]


def test_missing_symbol(tmp_path: Path) -> None:
    """What is not stored is exit 66 with the command that fetches it."""
    with pytest.raises(MissingInputError) as caught:
        BarStore(tmp_path).read("AAPL", "1d")
    assert "forecast fetch AAPL" in str(caught.value.fix)


def test_no_bit_flip_is_read_as_data(tmp_path: Path) -> None:
    """A flipped bit is refused, or lies where no value depends on it; never other numbers."""
    store = BarStore(tmp_path)
    store.write(bars())
    path = store.path("^GSPC", "1d")
    good = path.read_bytes()
    draw = random.Random(7)  # noqa: S311 - positions, not secrets
    refused = 0
    for _ in range(150):
        content = bytearray(good)
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        try:
            read = store.read("^GSPC", "1d")
        except BadDataError:
            refused += 1
        else:
            assert equal(read, bars())
    assert refused > 100


@pytest.mark.parametrize("kept", [0, 1, 4, 100, -1])
def test_cut_file_is_refused(tmp_path: Path, kept: int) -> None:
    """A file that lost its end is bad data, with the way to repair it (#47-50)."""
    store = BarStore(tmp_path)
    store.write(bars())
    path = store.path("^GSPC", "1d")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BadDataError, match="cannot be read as Parquet") as caught:
        store.read("^GSPC", "1d")
    assert caught.value.fix


def test_other_columns_are_refused(tmp_path: Path) -> None:
    """A table that is not exactly ours is not read (#56-58)."""
    path = BarStore(tmp_path).path("A", "1d")
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"timestamp": [1], "close": [1.0]}), path)
    with pytest.raises(BadDataError, match="other columns"):
        BarStore(tmp_path).read("A", "1d")


@pytest.mark.parametrize(
    ("metadata", "match"),
    [({}, "price basis"), ({b"forecast.price_basis": b"wishful"}, "price basis")],
)
def test_price_basis_must_be_there(
    tmp_path: Path, metadata: dict[bytes, bytes], match: str
) -> None:
    """Without its metadata nobody knows what close means."""
    path = _rewritten(tmp_path, lambda table: table.replace_schema_metadata(metadata))
    with pytest.raises(BadDataError, match=match):
        BarStore(tmp_path).read("^GSPC", "1d")
    assert path.exists()


@pytest.mark.parametrize(
    ("column", "value", "match"),
    [("close", np.nan, "not a finite number"), ("open", np.inf, "not a finite number"),
     ("timestamp", 0, "do not ascend")],
)  # fmt: skip
def test_what_workflows_rely_on_is_checked(
    tmp_path: Path, column: str, value: float, match: str
) -> None:
    """Ascending timestamps and finite prices, whoever sealed the file."""

    def spoil(table: pa.Table) -> pa.Table:
        position = table.column_names.index(column)
        values = table.column(column).to_numpy().copy()
        values[100] = value
        spoilt = pa.array(values).cast(table.schema.field(column).type)
        return table.set_column(position, table.schema.field(column), spoilt)

    _rewritten(tmp_path, spoil)
    with pytest.raises(BadDataError, match=match):
        BarStore(tmp_path).read("^GSPC", "1d")


def _rewritten(home: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    """Bars in a store, changed and sealed again as if this program had written them."""
    store = BarStore(home)
    store.write(bars())
    path = store.path("^GSPC", "1d")
    table = change(pq.read_table(path, partitioning=None))
    pq.write_table(sealed(table, "1d ^GSPC"), path)
    return path


def test_values_without_our_seal_are_refused(tmp_path: Path) -> None:
    """A file of the right columns that another program wrote is not ours."""
    store = BarStore(tmp_path)
    store.write(bars())
    path = store.path("^GSPC", "1d")
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.set_column(1, table.schema.field(1), table.column(2)), path)
    with pytest.raises(BadDataError, match="other values than were written"):
        store.read("^GSPC", "1d")


def test_a_file_in_another_symbols_place_is_refused(tmp_path: Path) -> None:
    """A copied file is not the series that its new folder names."""
    store = BarStore(tmp_path)
    store.write(bars())
    store.write(bars(symbol="AAPL"))
    store.path("AAPL", "1d").write_bytes(store.path("^GSPC", "1d").read_bytes())
    with pytest.raises(BadDataError, match="checksum differs"):
        store.read("AAPL", "1d")


@pytest.mark.parametrize("level", [0, 1, 2])
def test_links_inside_the_store_are_refused(tmp_path: Path, level: int) -> None:
    """File, symbol folder or interval folder: nothing is read or written through a link."""
    store = BarStore(tmp_path / "home")
    store.write(bars())
    linked = (path := store.path("^GSPC", "1d"), *path.parents)[level]
    elsewhere = tmp_path / "elsewhere"
    linked.rename(elsewhere)
    linked.symlink_to(elsewhere)
    before = sorted((p, p.lstat().st_mtime_ns) for p in elsewhere.rglob("*"))
    for use in (lambda: store.read("^GSPC", "1d"), lambda: store.write(bars(10))):
        with pytest.raises(BadDataError, match="is a link"):
            use()
    assert sorted((p, p.lstat().st_mtime_ns) for p in elsewhere.rglob("*")) == before


def test_a_read_that_fails_is_no_bad_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that cannot be read is exit 74: removing the file would be the wrong repair."""
    BarStore(tmp_path).write(bars())

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(pq, "ParquetFile", fail)
    with pytest.raises(InputOutputError, match="cannot be read"):
        BarStore(tmp_path).read("^GSPC", "1d")


def test_refused_write_leaves_the_old_series(tmp_path: Path) -> None:
    """A store that is locked by another process keeps what it has."""
    store = BarStore(tmp_path)
    store.write(bars())
    code = f"""
import sys
from pathlib import Path
from forecast_cli.files import locked
with locked(Path({str(store.path("^GSPC", "1d"))!r})):
    print("locked", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(Exception, match="another run is writing here"):
            store.write(bars(10))
        other.communicate()
    assert equal(store.read("^GSPC", "1d"), bars())
    with locked(store.path("^GSPC", "1d")):
        pass


def test_calendar_round_trip(tmp_path: Path) -> None:
    """Sessions and their closes stand beside the bars; the same again changes no file."""
    store = BarStore(tmp_path)
    assert store.read_calendar("XNYS") is None
    calendar = calendar_between("XNYS", date(2024, 11, 25), date(2024, 12, 2))
    store.write_calendar(calendar)
    path = tmp_path / "calendars" / "XNYS.parquet"
    before = path.stat().st_mtime_ns
    store.write_calendar(calendar)
    assert path.stat().st_mtime_ns == before
    assert store.read_calendar("XNYS") == calendar


def test_remove_takes_a_series_and_its_revisions(tmp_path: Path) -> None:
    """Both are gone; the lock stays, since two runs must lock the same file."""
    store = BarStore(tmp_path)
    store.write(bars())
    revised = replace(bars(), close=bars().close * 1.01)
    store.merge(revised)
    assert store.read_revisions("^GSPC", "1d").num_rows
    assert store.remove("^GSPC", "1d")
    assert store.symbols("1d") == []
    assert store.read_revisions("^GSPC", "1d").num_rows == 0
    assert not store.remove("^GSPC", "1d")


def test_a_killed_remove_is_finished_by_the_next_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two files the series is gone, and no half of it comes back."""
    store = BarStore(tmp_path)
    store.write(bars())
    store.merge(replace(bars(), close=bars().close * 1.01))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(BarStore, "_remove_revisions", die)
        with pytest.raises(KeyboardInterrupt):
            store.remove("^GSPC", "1d")
    assert store.symbols("1d") == []
    assert store.read_revisions("^GSPC", "1d").num_rows
    store.sweep()
    assert store.read_revisions("^GSPC", "1d").num_rows == 0


def test_a_series_that_is_being_written_is_not_removed(tmp_path: Path) -> None:
    """One writer at a time, and removing is writing."""
    store = BarStore(tmp_path)
    store.write(bars())
    with locked(store.path("^GSPC", "1d")), pytest.raises(TryAgainError):
        BarStore(tmp_path).remove("^GSPC", "1d")
    assert equal(store.read("^GSPC", "1d"), bars())


@pytest.mark.parametrize("column", ["open", "volume", "dividends", "timestamp"])
def test_data_hash_sees_every_column(column: str) -> None:
    """Another value anywhere is another data set."""
    values = getattr(bars(), column).copy()
    values[-1] = np.datetime64("2030-01-01") if column == "timestamp" else 1.5
    changes = {column: values}
    assert data_hash([bars()]) != data_hash([replace(bars(), **changes)])
    assert data_hash([bars()]) == data_hash([bars()])


def test_reading_imports_neither_pandas_nor_tensorflow(tmp_path: Path) -> None:
    """`predict` has to start at once, also where dividends are unknown."""
    BarStore(tmp_path).write(bars())
    code = f"""
import sys
from pathlib import Path
from forecast_cli.data.seal import sealed
from forecast_cli.data.store import BarStore
store = BarStore(Path({str(tmp_path)!r}))
store.read("^GSPC", "1d")
print([name for name in ("pandas", "tensorflow", "keras") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_two_fetches_at_once_lose_no_bars(tmp_path: Path) -> None:
    """Processes that each add a bar to one series have added it, or are told to try again."""
    store = BarStore(tmp_path)
    store.write(bars(50).take(slice(5)))
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        stored = pool.starmap(_add_row, [(tmp_path, row) for row in range(5, 50)])
    assert sum(stored) >= 1
    assert len(store.read(bars().symbol, "1d")) == 5 + sum(stored)


def _add_row(home: Path, row: int) -> bool:
    try:
        BarStore(home).merge(bars(50).take(np.array([4, row])))
    except TryAgainError:
        return False
    return True
