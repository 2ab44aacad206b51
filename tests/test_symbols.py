"""Symbols are data, never paths."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.errors import UsageError
from forecast_cli.symbols import folder_to_symbol, parse_symbol, parse_symbols, symbol_to_folder

accepted = st.text("ABCXYZ0189^=.-_&:", min_size=1, max_size=32)


@given(accepted)
def test_folder_round_trip(symbol: str) -> None:
    """A folder name leads back to its symbol."""
    assert folder_to_symbol(symbol_to_folder(symbol)) == symbol


@given(accepted, accepted)
def test_distinct_symbols_have_distinct_folders_under_the_root(left: str, right: str) -> None:
    """No symbol leaves the root, and two share a folder only when they are the same."""
    root = Path("/store/bars")
    path = root / symbol_to_folder(left)
    assert path.resolve().parent == root
    assert (symbol_to_folder(left).casefold() == symbol_to_folder(right).casefold()) == (
        left == right
    )


@given(st.text())
def test_any_text_is_a_symbol_or_a_usage_error(text: str) -> None:
    """What is accepted is upper case, short and plain."""
    try:
        symbol = parse_symbol(text)
    except UsageError:
        return
    assert symbol == text.upper()
    assert parse_symbol(symbol) == symbol
    assert symbol_to_folder(symbol).isascii()


@pytest.mark.parametrize(
    "text", ["", "../../etc/passwd", "A" * 33, "AA\nPL", "\u0410APL", "A B", "A/B", "A\0", "\u0131"]
)
def test_refused_symbols(text: str) -> None:
    """Paths, spaces, control characters and look-alike letters are refused (#67, #68)."""
    with pytest.raises(UsageError, match="is not a symbol"):
        parse_symbol(text)


def test_each_symbol_once() -> None:
    """Twice or in two cases is once, in the order given (#69)."""
    assert parse_symbols(["msft", "AAPL", "MSFT"]) == ["MSFT", "AAPL"]


@pytest.mark.parametrize(
    "name", ["AAPL", "symbol=", "symbol=aapl", "symbol=..%2Fx", "other=AAPL", "symbol=%41APL"]
)
def test_strange_folders_are_not_ours(name: str) -> None:
    """Only the exact name that we would write counts."""
    assert folder_to_symbol(name) is None
