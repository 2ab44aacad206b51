"""Symbols are data, never paths: which ones are accepted and how they become folder names."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote

from forecast_cli.errors import UsageError

_ACCEPTED: Final = re.compile(r"[A-Z0-9^=.\-_&:]{1,32}\Z", re.ASCII)


def parse_symbol(text: str) -> str:
    """Upper-case a symbol and refuse everything that is not one.

    Raises UsageError for anything but 1 to 32 of the characters A-Z 0-9 ^ = . - _ & :
    """
    symbol = text.upper() if text.isascii() else text
    if not _ACCEPTED.match(symbol):
        shown = ascii(text[:40])
        raise UsageError(
            f"{shown} is not a symbol",
            fix="use 1 to 32 of A-Z 0-9 ^ = . - _ & : as in AAPL, ^GSPC, BRK-B, EURUSD=X",
        )
    return symbol


def parse_symbols(texts: Iterable[str]) -> list[str]:
    """Parse symbols, each once, in the order given."""
    return list(dict.fromkeys(parse_symbol(text) for text in texts))


def symbol_to_folder(symbol: str) -> str:
    """The hive folder name of a symbol, percent-encoded: `^GSPC` becomes `symbol=%5EGSPC`.

    The prefix makes names such as `..`, `CON` or `-x` harmless.
    """
    return f"symbol={quote(symbol, safe='-_')}"


def folder_to_symbol(name: str) -> str | None:
    """The symbol of a hive folder name; None for a folder that is not one of ours."""
    prefix, _, encoded = name.partition("=")
    symbol = unquote(encoded)
    if prefix != "symbol" or not _ACCEPTED.match(symbol) or symbol_to_folder(symbol) != name:
        return None
    return symbol
