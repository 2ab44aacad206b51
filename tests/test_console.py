"""Whatever text comes from outside is shown and not obeyed: on a terminal, in tables, in CSV."""

import csv
import io
import json
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from forecast_cli.cli import console, forms
from forecast_cli.cli.options import ForecastFormat

Forecast = Callable[..., Run]
HOSTILE = (
    "\x1b[31mred",
    "a\x1b]0;title\x07",
    "[red]x[/red]",
    "[/]",
    ":smile:",
    "\u202eabc",
    "\x9b1m",
)
anything = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def obeyed(text: str) -> set[str]:
    """The characters of a text that a terminal would do something about."""
    return {c for c in text if not c.isprintable() and c != "\n"}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", [str, Text])
def test_tables_and_sentences_show_text_as_it_is(
    capfd: pytest.CaptureFixture[str], text: str, kind: Callable[[str], str]
) -> None:
    """Neither markup, emoji nor escape sequences, in a cell, a heading or a line."""
    table = Table()
    table.add_column(kind(text), no_wrap=True)
    table.add_row(kind(text))
    console.show(table, kind(text))
    out = capfd.readouterr().out
    assert not obeyed(out)
    if kind is str or text.isprintable():  # rich itself leaves out some of what a Text has
        assert out.count(console.visible(text)) == 3


@anything
@given(text=st.text(max_size=30))
@example(text="[link=file:///x]y[/link]")
def test_no_text_reaches_the_terminal_unseen(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    """Whatever the text: on stdout, on stderr and in a file of results."""
    table = Table()
    table.add_column("x", no_wrap=True)
    table.add_row(text)
    console.show(table, text)
    console.say(text)
    console.deliver([table], console.Destination(tmp_path / "x", ForecastFormat.table))
    shown = capfd.readouterr()
    assert not obeyed(shown.out + shown.err + (tmp_path / "x").read_text())
    assert shown.err.count("\n") == 1


@given(text=st.text())
def test_visible_text_is_itself_where_it_can_be(text: str) -> None:
    """Printable text does not change, the rest loses no information."""
    shown = console.visible(text)
    assert not obeyed(shown)
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1", "+1", "-1", "@x", "\t=1", "\rx", "  =1", "\xa0=1", " \xa0 @x",
        "a\n=1", "a\r\n =1", "a\r=1", "a\n\tb", "=cmd|' /C calc'!A1",
    ],
)  # fmt: skip
def test_formulas_are_quoted(cell: str) -> None:
    """The first character of any line, after spaces and no-break spaces (OWASP)."""
    assert read(forms.to_csv([{"x": cell}])) == [f"'{one_kind_of_line_end(cell)}"]


def one_kind_of_line_end(text: str) -> str:
    """What a text is in a CSV of ours."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize(
    "value", [-1.5, 0.1, -3, True, None, "a-b", "1=2", "x @y", "^GSPC", "a\nb"]
)
def test_numbers_and_plain_text_stay_as_they_are(value: object) -> None:
    """A negative number is no formula, and neither is a sign within a text."""
    assert read(forms.to_csv([{"x": value}, {"x": "end"}])) == [
        "" if value is None else str(value), "end",
    ]  # fmt: skip


@given(cells=st.lists(st.text(string.printable + "\xa0", min_size=1), min_size=1))
@example(cells=["\n \xa0-1"])
def test_no_cell_is_a_formula(cells: list[str]) -> None:
    """Any text: nothing starts a formula, and no more than one quote is added."""
    found = read(forms.to_csv([{"x": cell} for cell in cells]))
    for cell, written in zip(cells, found, strict=True):
        text = one_kind_of_line_end(cell)
        assert written in {text, f"'{text}"}
        if written == text:
            starts = [line.lstrip(" \xa0")[:1] for line in text.split("\n")]
            assert not {*starts} & {"=", "+", "-", "@", "\t"}


def read(text: str) -> list[str]:
    """The cells of a column, as a spreadsheet takes them apart."""
    return [row["x"] for row in csv.DictReader(io.StringIO(text, newline=""))]


@pytest.mark.parametrize("symbol", ["=X", "-USD", "^GSPC", "&A", "..", "EURUSD=X"])
def test_our_csv_is_read_by_our_reader(forecast: Forecast, tmp_path: Path, symbol: str) -> None:
    """Bars that were stored, printed as CSV and fetched again are the same, whatever the symbol."""
    prices = tmp_path / "prices.csv"
    prices.write_text(
        "Date,Open,High,Low,Close,Volume\n2024-03-07,1.5,2,1,2,5\n2024-03-08,2,3,2,2.75,6\n"
    )
    basis = ("--price-basis", "split-adjusted")
    first = ["--from", prices, "--home", tmp_path / "first", *basis]
    assert forecast("fetch", *first, "--", symbol).code == 0
    shown = ["--rows", "9", "--format", "csv", "--home", tmp_path / "first", "--", symbol]
    prices.write_text(forecast("data", "show", *shown).out)
    again = ["--from", prices, "--home", tmp_path / "again", *basis]
    assert forecast("fetch", *again, "--", symbol).code == 0
    stored = [
        json.loads(
            forecast(
                "data", "show", "--format", "json", "--home", tmp_path / name, "--", symbol
            ).out
        )["bars"]
        for name in ("first", "again")
    ]
    assert stored[0] == stored[1]
