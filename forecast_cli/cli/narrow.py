"""A table that loses nothing on a narrow terminal: where columns do not fit, rows become blocks."""

from collections.abc import Iterable, Iterator
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

KEYS: Final = frozenset(
    {"check", "feature", "forecaster", "model", "setting", "strategy", "symbol"}
)
"""Columns that say what a row is about; they are never cut."""
_INDENT: Final = 2
_WIDE: Final = 10_000
_LONGEST_WORD: Final = 16
"""A word beyond it, such as a path or a hash, may be broken."""


class NarrowTable(Table):
    """A rich table; in less room than its cells need, one block of lines per row, its key first."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What rich puts on the screen: wide, tight, or in blocks."""
        if not self._fits(console, options):
            self.padding = (0, 0)
        if self._fits(console, options):
            yield from super().__rich_console__(console, options)
        else:
            yield from self._blocks(options.max_width - _INDENT)

    def _blocks(self, width: int) -> RenderResult:
        names = [str(column.header) for column in self.columns]
        key = next((at for at, name in enumerate(names) if name in KEYS), 0)
        yield ""
        for row, *cells in zip(self.rows, *(column.cells for column in self.columns), strict=True):
            texts = [cell.plain if isinstance(cell, Text) else str(cell) for cell in cells]
            facts = [
                f"{name} {text}".strip().replace("\n", " ")
                for at, (name, text) in enumerate(zip(names, texts, strict=True))
                if text and at != key
            ]
            style = row.style or ""
            yield Text(texts[key], style=style, overflow="fold")
            for line in _lines(facts, width):
                yield Padding(Text(line, style=style, overflow="fold"), (0, 0, 0, _INDENT))
        yield ""

    def _fits(self, console: Console, options: ConsoleOptions) -> bool:
        """Whether no column is narrower than its longest word, or its cells where unbroken."""
        wide = options.update(width=_WIDE)
        room = options.update_width(options.max_width - self._extra_width)
        widths = self._calculate_column_widths(console, room)
        for column, width in zip(self.columns, widths, strict=True):
            needed = self._measure_column(console, wide, column)
            longest = min(needed.minimum, _LONGEST_WORD)
            if width < (needed.maximum if column.no_wrap else longest):
                return False
        return True


def _lines(facts: Iterable[str], width: int) -> Iterator[str]:
    """Facts side by side while they fit, none of them broken unless it is wider than a line."""
    line = ""
    for fact in facts:
        longer = f"{line}, {fact}" if line else fact
        if line and cell_len(longer) >= width:
            yield f"{line},"
            longer = fact
        line = longer
    yield line
