"""Reading a CSV in pieces: the same bars and the same refusals as in one, in bounded memory."""

import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.data import csv_text, reader
from forecast_cli.data.bars import equal
from forecast_cli.data.reader import read_each
from forecast_cli.data.series import ReadSeries, RefusedSeries
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError

TODAY = date(2024, 12, 31)
DAYS = [date(2020, 1, 6) + timedelta(days=7 * (i // 5) + i % 5) for i in range(60)]
PARTS = list[ReadSeries | RefusedSeries]


def prices(scale: int, i: int) -> str:
    """Open, high, low, close and volume of a day."""
    return f"{scale + i},{scale + i + 2},{scale + i - 1},{scale + i + 1},{1000 * scale + i}"


FLAT = [
    "Date,Open,High,Low,Close,Volume",
    *(f"{day},{prices(50, i)}" for i, day in enumerate(DAYS)),
]
LONG_HEADER = "Date,Ticker,Open,High,Low,Close,Volume"
BY_SYMBOL = [
    f"{day},{name},{prices(scale, i)}"
    for name, scale in (("AAPL", 50), ("VOD.L", 70))
    for i, day in enumerate(DAYS)
]
WIDE = [
    "Ticker,AAPL,AAPL,AAPL,AAPL,AAPL,VOD.L,VOD.L,VOD.L,VOD.L,VOD.L",
    "Price,Open,High,Low,Close,Volume,Open,High,Low,Close,Volume",
    "Date" + "," * 10,
    *(f"{day},{prices(50, i)},{prices(70, i)}" for i, day in enumerate(DAYS)),
]
REPAIRED = [
    f"{FLAT[0]},Repaired?",
    *(f"{row},{'True' if i % 7 else 'False'}" for i, row in enumerate(FLAT[1:])),
]
LAYOUTS = {
    "one symbol": FLAT,
    "symbol by symbol": [LONG_HEADER, *BY_SYMBOL],
    "day by day": [LONG_HEADER, *sorted(BY_SYMBOL)],
    "in capitals and not": [LONG_HEADER, *BY_SYMBOL[:70], *(r.lower() for r in BY_SYMBOL[70:])],
    "side by side": WIDE,
    "with offsets": [FLAT[0], *(row[:10] + " 00:00:00-05:00" + row[10:] for row in FLAT[1:])],
    "with blank lines": ["", *FLAT[:20], *[""] * 500, *FLAT[20:]],
    "quoted, over two lines": [f'{FLAT[0]},"No\nte"', *(f'{row},"a\n,b"' for row in FLAT[1:])],
    "repaired": REPAIRED,
    "newest first": [FLAT[0], *FLAT[:0:-1]],
}
DAMAGE: dict[str, Callable[[str], str]] = {
    "no number": lambda row: row.replace(",", ",x", 3),
    "a cell too many": lambda row: row + ",1",
    "a date that is none": lambda row: "2020-13-45" + row[10:],
    "NUL": lambda row: row + "\0",
    "negative": lambda row: ",-".join(row.rsplit(",", 1)),
    "an offset": lambda row: row[:10] + " 00:00:00-05:00" + row[10:],
    "an open quote": lambda row: row + '"',
}


@pytest.fixture
def both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[PARTS]]:
    """Read a text at once, and in pieces of half a kilobyte."""

    def read(text: str) -> list[PARTS]:
        path = tmp_path / "x.csv"
        path.write_text(text, newline="")
        monkeypatch.setattr(csv_text, "_BLOCK_BYTES", 512)
        found: list[PARTS] = []
        for limit in (1 << 30, 0):
            monkeypatch.setattr(reader, "_IN_MEMORY_BYTES", limit)
            try:
                found.append(list(read_each(path, today=TODAY, symbol="X", spill=tmp_path)))
            except BadDataError as error:
                found.append([RefusedSeries(name="the file", error=error)])
        return found

    return read


def assert_same(at_once: PARTS, in_pieces: PARTS) -> None:
    """The same symbols in the same order, each with the same bars and findings, or refusal."""
    assert len(at_once) == len(in_pieces) > 0
    for one, other in zip(at_once, in_pieces, strict=True):
        if isinstance(one, RefusedSeries):
            assert isinstance(other, RefusedSeries)
            assert (one.name, str(one.error)) == (other.name, str(other.error))
        else:
            assert isinstance(other, ReadSeries)
            assert equal(one.bars, other.bars)
            assert (one.layout, one.findings) == (other.layout, other.findings)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pieces_give_the_same_bars(
    both_ways: Callable[[str], list[PARTS]], layout: str, newline: str
) -> None:
    """Whatever the layout and the order of the rows; the last line may lack its end."""
    at_once, in_pieces = both_ways(newline.join(LAYOUTS[layout]))
    assert all(isinstance(part, ReadSeries) for part in at_once)
    assert_same(at_once, in_pieces)


@pytest.mark.parametrize("fault", DAMAGE)
@pytest.mark.parametrize("row", [40, 55])
@pytest.mark.parametrize("layout", ["one symbol", "day by day", "with blank lines"])
def test_pieces_give_the_same_refusal(
    both_ways: Callable[[str], list[PARTS]], layout: str, row: int, fault: str
) -> None:
    """With the same line number, wherever the fault lies."""
    rows = [line for line in LAYOUTS[layout] if line or layout == "with blank lines"]
    number = row if layout != "with blank lines" or row < 20 else row + 500
    rows[number] = DAMAGE[fault](rows[number])
    at_once, in_pieces = both_ways("\n".join([*rows, ""]))
    assert any(isinstance(part, RefusedSeries) for part in at_once)
    assert_same(at_once, in_pieces)


class _Pieces:
    """A file that is read a few bytes at a time, whatever is asked for."""

    def __init__(self, content: bytes) -> None:
        self.rest = content

    def read(self, _size: int, /) -> bytes:
        piece, self.rest = self.rest[:3], self.rest[3:]
        return piece


@given(st.text('a,"\r\n', max_size=40).map(str.encode))
def test_pieces_end_with_a_line(content: bytes) -> None:
    """Joined they are the file; none but the last ends within a quoted cell."""
    pieces = list(csv_text.blocks(_Pieces(content), "x"))
    assert b"".join(pieces) == content
    assert all(piece.count(b'"') % 2 == 0 for piece in pieces[:-1])
    assert all(piece.endswith((b"\n", b"\r")) for piece in pieces[:-1])


def test_nothing_with_a_name_lies_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits there for its turn is gone with the process, even with a killed one."""
    path, spill = tmp_path / "x.csv", tmp_path / "home"
    path.write_text("\n".join([LONG_HEADER, *BY_SYMBOL, ""]))
    monkeypatch.setattr(reader, "_IN_MEMORY_BYTES", 0)
    parts = read_each(path, today=TODAY, spill=spill)
    assert next(parts)
    assert list(spill.iterdir()) == []


def test_a_series_has_to_fit_into_memory(
    both_ways: Callable[[str], list[PARTS]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows of one symbol than any bars have are refused; the other symbols are not."""
    monkeypatch.setattr("forecast_cli.data.csv_stream._MAXIMUM_ROWS", len(DAYS))
    rows = [LONG_HEADER, *BY_SYMBOL, BY_SYMBOL[0]]
    _, (refused, good) = both_ways("\n".join([*rows, ""]))
    assert isinstance(refused, RefusedSeries)
    assert "61 rows" in refused.error.message
    assert isinstance(good, ReadSeries)


def test_a_file_larger_than_memory(tmp_path: Path) -> None:
    """200 MB, day by day, in a process that may hold 640 MiB, its libraries included.

    Read at once, the same file ends with 800 MiB in a MemoryError.
    """
    row = "{},{},50.026877,50.210128,49.975954,50.062905,45.056614,8015935," + "note" * 30 + "\n"
    path, home = tmp_path / "x.csv", tmp_path / "home"
    names = [f"C{number:03d}=X" for number in range(220)]
    with path.open("w") as file:
        file.write("Date,Symbol,Open,High,Low,Close,Adj Close,Volume,Note\n")
        for i in range(4800):
            day = date(2000, 1, 3) + timedelta(days=7 * (i // 5) + i % 5)
            file.write("".join([row.format(day, name) for name in names]))
    assert path.stat().st_size > reader._IN_MEMORY_BYTES  # noqa: SLF001 - else it proves nothing
    limited = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (640 << 20,) * 2)\n"
        "from forecast_cli.__main__ import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", limited, "fetch", "--from", str(path), "--home", str(home)]
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(BarStore(home).symbols("1d")) == len(names)
    assert len(BarStore(home).read("C219=X", "1d")) == 4800
