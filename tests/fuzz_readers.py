"""Mutated price files, covariates and settings, against everything that reads them.

    python tests/fuzz_readers.py SECONDS

Files as yfinance has written them over the years, and a few of ours, are changed by bytes and by
cells. A reader may read what comes out, or refuse it with an error of ours; it may not raise
anything else, take longer than five seconds (of the processor: others may be at work here) or a
gigabyte of memory. Prints how many cases each
reader had, and how many it read. Started as a process of its own by `test_fuzz_readers.py`.
"""

import faulthandler
import io
import itertools
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import hypothesis
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from forecast_cli.data.covariate_reader import read_covariates
from forecast_cli.data.csv_stream import CsvStream
from forecast_cli.data.reader import read_each
from forecast_cli.data.series import ReadOptions, ReadSeries, RefusedSeries
from forecast_cli.data.sessions import zone_of
from forecast_cli.errors import ForecastError
from forecast_cli.settings import read_settings

LARGEST_BYTES: Final = 1 << 30
LONGEST_SECONDS: Final = 5
_HANGING_SECONDS: Final = 60
_ADDRESS_SPACE: Final = 16 << 30
"""Most of it is never touched; a bomb ends here as a MemoryError instead of with the machine."""
_TODAY: Final = date(2026, 12, 31)
_CASES_PER_ROUND: Final = 100
LAYOUTS: Final = Path(__file__).parents[2] / "shared" / "reference" / "csv_layouts"
_OURS: Final = (
    b"Date,Open,High,Low,Close,Volume\n2024-03-07,1,2,1,2,5\n2024-03-08,2,3,2,3,6\n",
    b"Date;Close\n07.03.2024;1,5\n08.03.2024;1,6\n",
    b'Date,Close/Last,Volume\n03/07/2024,$100.0,"1,000"\n03/08/2024,$101.0,"1,100"\n',
    b"Date,Ticker,Close\n2024-03-07,AAPL,1\n2024-03-07,VOD.L,2\n2024-03-08,AAPL,3\n",
    b"\xef\xbb\xbfDatetime,Close\r\n2024-03-08 09:30:00-05:00,1\r\n2024-03-08 09:45:00-05:00,2\r\n",
)
_COVARIATES: Final = (
    b"available_at,symbol,mood\n2024-01-02T15:30:00-05:00,AAPL,0.3\n2024-01-03T15:30Z,,0.4\n",
    b"date,mood,fear\n2024-01-02,0.1,7\n2024-01-03,,8\n",
)
_SETTINGS: Final = (
    b'home = "/x"\n[train]\nmodel = "lstm"\nhorizon = [1, 5]\n',
    b'[checks]\nrange_violation = "drop"\nzero_volume = "ignore"\n',
    b'checks = {jump = "error", "gap" = "warn"}\n',
    b'[checks]\nstuck = """warn"""\n# a comment\n[checks.deeper]\nx = [1, 2.5, true, 1979-05-27]\n',
)
_KNOWN: Final = {"home": None, "train": {"model": None, "horizon": None}}
_CELLS: Final = (
    *("", " ", "nan", "null", "N/A", ".", "-", "0", "-1", "1e308", "1e400", "1e-320", "0x64"),
    *("inf", "-inf", "$1", "(1)", "1,000", '"1,000"', "\uff11\uff12", "1_000", "True", "2" * 400),
    *("2024-03-07", "2024-02-30", "0000-00-00", "9999-12-31", "1677-01-01", "2262-04-12", "1e9"),
    *("2024-03-10 02:30:00", "2024-11-03 01:30:00", "2024-03-08 09:30:00+14:00", "24:00:00"),
    *("2024-03-08T09:30:00Z", "Mar 7, 2024", "7/3/2024", "Date", "Datetime", "index", "Price"),
    *("Ticker", "Symbol", "Close", "Adj Close", "Open", "Volume", "Repaired?", "Stock Splits"),
    *("AAPL", "aapl", "VOD.L", "../x", "=cmd|x", "A" * 40, "\uff21", "\x00", "\x1b[31m", "\ud7ff"),
    *('"', '""', "'", ";", "\t", "\r", "\n", "<html>", "{", "[", "\\", "\u2028", "\ufeff"),
    *("available_at", "symbol", "date", "checks", '"drop"', "99999999999999999999999", "[[x]]"),
)
_OPTIONS: Final = st.builds(
    ReadOptions,
    date_format=st.sampled_from([None, None, "%m/%d/%Y", "%d.%m.%Y", "%Y"]),
    zone=st.sampled_from([None, ZoneInfo("America/New_York")]),
    price_basis=st.sampled_from([None, "raw", "split_adjusted", "adjusted"]),
    sort=st.booleans(),
    strip_currency=st.booleans(),
    keep=st.sampled_from([(), (), ("Extra",), ("Dividends", "Volume")]),
    drop_partial=st.booleans(),
)


def price_files() -> list[bytes]:
    """What is mutated: every example layout that is here, and some of ours."""
    return [path.read_bytes() for path in sorted(LAYOUTS.glob("*.csv"))] + list(_OURS)


@st.composite
def mutated_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Some bytes flipped, cut out, put in or doubled, anywhere."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        stop = min(len(content), start + draw(st.integers(0, 40)))
        piece = draw(st.one_of(st.binary(max_size=8), st.just(content[start:stop] * 2)))
        content = content[:start] + piece + content[stop:]
    return content


@st.composite
def mutated_cells(draw: st.DrawFn, content: bytes) -> bytes:
    """Cells replaced; rows and columns taken away, doubled or exchanged."""
    rows = [line.split(",") for line in content.decode("utf-8", "replace").splitlines()]
    for _ in range(draw(st.integers(0, 4))):
        rows = rows or [[""]]
        row, other = (draw(st.integers(0, len(rows) - 1)) for _ in range(2))
        column = draw(st.integers(0, max(0, len(rows[row]) - 1)))
        match draw(st.sampled_from(("cell", "cell", "cell", "drop", "double", "swap", "column"))):
            case "cell":
                rows[row][column : column + 1] = [draw(st.sampled_from(_CELLS))]
            case "drop":
                del rows[row]
            case "double":
                rows.insert(other, list(rows[row]))
            case "swap":
                rows[row], rows[other] = rows[other], rows[row]
            case "column":
                cell = draw(st.sampled_from(_CELLS))
                rows = [[*each[:column], cell, *each[column + 1 :]] for each in rows]
    end = draw(st.sampled_from(("\n", "\r\n", "\r", "\n\n")))
    text = end.join(",".join(each) for each in rows) + draw(st.sampled_from((end, "")))
    return text.encode("utf-8", "surrogatepass")


def mutated(content: bytes) -> st.SearchStrategy[bytes]:
    """One file, changed by bytes, by cells, or by both."""
    both = mutated_cells(content).flatmap(mutated_bytes)
    return st.one_of(mutated_bytes(content), mutated_cells(content), both)


@st.composite
def parquet_files(draw: st.DrawFn) -> bytes:
    """A price file as Parquet: its cells as text, numbers or times; then, at times, its bytes."""
    files = st.one_of(st.sampled_from(_OURS[::3]), st.sampled_from(price_files()))
    text = draw(files.flatmap(mutated_cells))
    rows = [line.split(",") for line in text.decode("utf-8", "replace").splitlines()]
    width = max(map(len, rows), default=1)
    names = [(rows[0][i] if rows and i < len(rows[0]) else "x") for i in range(width)]
    usual = draw(st.booleans())  # or else each column is of any type
    columns = [
        _typed(
            [row[i] if i < len(row) else None for row in rows[1:]],
            (pa.float64() if i else pa.string()) if usual else draw(_TYPES),
        )
        for i in range(width)
    ]
    content = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, names=names), content)
    whole = content.getvalue()
    return draw(mutated_bytes(whole)) if draw(st.booleans()) else whole


_TYPES: Final = st.sampled_from(
    (
        *(pa.string(), pa.float64(), pa.float64(), pa.float32(), pa.int64(), pa.bool_()),
        *(pa.timestamp("us"), pa.timestamp("ns", "America/New_York"), pa.timestamp("s", "+05:30")),
        *(pa.date32(), pa.date64(), pa.time32("s"), pa.duration("ns"), pa.large_string()),
        *(pa.binary(), pa.decimal128(38, 9), pa.list_(pa.float64()), pa.null(), pa.uint64()),
    )
)


def _typed(cells: list[str | None], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(cells, pa.string()).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if pa.types.is_floating(kind) and "AAPL" in cells:  # a column of names stays one
            return pa.array(cells, pa.string())
        numbers = pa.array(range(1, len(cells) + 1), pa.int64())
        try:
            return numbers.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return pa.nulls(len(cells), kind)


class Fuzzer:
    """Feeds readers with mutated files, and counts cases and what was read of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.n_cases: Counter[str] = Counter()
        self.n_read: Counter[str] = Counter()

    def round(self, number: int) -> None:
        """A hundred cases for each reader."""
        files = st.sampled_from(price_files()).flatmap(mutated)
        covariates = st.sampled_from(_COVARIATES).flatmap(mutated)
        settings = st.sampled_from(_SETTINGS).flatmap(mutated)
        self._test(number, files, _OPTIONS, self.csv)
        self._test(number, files, _OPTIONS, self.stream)
        self._test(number, parquet_files(), _OPTIONS, self.parquet)
        self._test(number, covariates, st.none(), self.covariates)
        self._test(number, settings, st.none(), self.settings)

    def _test(
        self,
        number: int,
        contents: st.SearchStrategy[bytes],
        options: st.SearchStrategy[ReadOptions | None],
        read: Callable[[Path, ReadOptions], object],
    ) -> None:
        name = read.__name__

        @hypothesis.seed(number)
        @hypothesis.settings(
            max_examples=_CASES_PER_ROUND,
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            print_blob=True,
        )
        @hypothesis.given(content=contents, chosen=options)
        def one(content: bytes, chosen: ReadOptions) -> None:
            path = self._folder / f"{name}.{'parquet' if name == 'parquet' else 'csv'}"
            path.write_bytes(content)
            self.n_cases[name] += 1
            # it watches from a thread of its own: a hang below Python ends the process, too
            faulthandler.dump_traceback_later(_HANGING_SECONDS, exit=True)
            started = time.process_time()
            try:
                read(path, chosen)
                self.n_read[name] += 1
            except ForecastError:
                pass
            finally:
                faulthandler.cancel_dump_traceback_later()
            assert time.process_time() - started < LONGEST_SECONDS

        one()

    def csv(self, path: Path, options: ReadOptions) -> None:
        """A CSV, read at once."""
        _all(read_each(path, today=_TODAY, symbol="X", options=options))

    def stream(self, path: Path, options: ReadOptions) -> None:
        """A CSV, read in pieces as a large one is."""
        stream = CsvStream(path, symbol="X", options=options, folder=self._folder)
        for part in stream.series():
            if isinstance(part, RefusedSeries):
                raise part.error

    def parquet(self, path: Path, options: ReadOptions) -> None:
        """A Parquet file."""
        _all(read_each(path, today=_TODAY, symbol="X", options=options))

    def covariates(self, path: Path, _: ReadOptions) -> None:
        """A file of covariates."""
        read_covariates(path)

    def settings(self, path: Path, _: ReadOptions) -> None:
        """A forecast.toml."""
        read_settings(path, _KNOWN)


def _all(parts: Iterator[ReadSeries | RefusedSeries]) -> None:
    """Take every series; raise the error of one that was refused."""
    for part in parts:
        if isinstance(part, RefusedSeries):
            raise part.error
        assert (part.bars.close > 0).all(), part


def main(seconds: float) -> None:
    """Fuzz for some seconds and print the counts and the peak of memory as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    zone_of("XNYS")  # the calendars' imports are no case's fault
    ends = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(Path(folder))
        for number in itertools.count():
            if number and time.monotonic() > ends:
                break
            fuzzer.round(number)
    # of this program alone: what getrusage says includes the process that started it
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    counts = {"cases": fuzzer.n_cases, "read": fuzzer.n_read, "peak_bytes": peak}
    sys.stdout.write(json.dumps(counts) + "\n")


if __name__ == "__main__":
    main(float(sys.argv[1]))
