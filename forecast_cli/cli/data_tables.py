"""Stored series, and what was found in them, as tables for people."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from forecast_cli.cli.tables import plain_table, right
from forecast_cli.report.words import number

if TYPE_CHECKING:
    from forecast_cli.data.listing import StoredSeries
    from forecast_cli.findings import Finding
    from forecast_cli.workflows.data import CheckResult, RemovedSeries, ShownSeries


def list_table(series: "Sequence[StoredSeries]") -> Table:
    """One row per stored series; behind: sessions closed after the last bar."""
    table = plain_table(
        "symbol", "interval", "bars", "first", "last", "price basis", "behind", gap=0
    )
    for one in series:
        behind = "-" if one.sessions_behind is None else f"{one.sessions_behind:,}"
        facts = (
            (f"{one.n_bars:,}", str(one.first), str(one.last), _basis(one), behind)
            if one.fault is None
            else ("damaged", "", "", "", "")
        )
        table.add_row(one.symbol, one.interval, *facts)
    return right(table, "bars", "behind")


def _basis(one: "StoredSeries") -> str:
    return (one.price_basis or "-").replace("_", " ")


def show_tables(shown: "ShownSeries") -> "list[RenderableType]":
    """What is known of one series, its first and last bars, its findings, its revisions."""
    stored = shown.stored
    facts = facts_table(
        ("stored", f"{shown.path} ({stored.n_bytes:,} bytes)"),
        ("bars", f"{stored.n_bars:,} of {stored.interval}, {stored.first} to {stored.last}"),
        ("price basis", _basis(stored)),
        ("actions", _actions(shown)),
        ("calendar", _calendar(stored)),
        ("findings", _counted(shown.findings)),
        ("revisions", f"{len(shown.revisions)}"),
    )
    parts: list[RenderableType] = [facts]
    if shown.bars:
        parts.append(_bars_table(shown))
    if shown.findings:
        parts.append(findings_table([(stored.symbol, found) for found in shown.findings]))
    if shown.revisions:
        table = plain_table("recorded", "kind", "first", "last", "rows", "ratio", gap=0)
        for row in shown.revisions:
            table.add_row(
                f"{row['recorded_at']:%Y-%m-%d}",
                row["kind"],
                f"{row['first']:%Y-%m-%d}",
                f"{row['last']:%Y-%m-%d}",
                f"{row['n_rows']:,}",
                number(row["ratio"], 4),
            )
        parts.append(right(table, "rows", "ratio"))
    return parts


def facts_table(*facts: tuple[str, str]) -> Table:
    """One fact per row, under its name."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts:
        table.add_row(name, Text(text))
    return table


def _actions(shown: "ShownSeries") -> str:
    known = ((shown.n_dividends, "dividends"), (shown.n_splits, "splits"))
    return ", ".join(f"{what} {'not known' if n is None else n}" for n, what in known)


def _calendar(stored: "StoredSeries") -> str:
    behind = stored.sessions_behind
    if behind is None:
        return f"{stored.calendar}; not known how fresh"
    return f"{stored.calendar}; {f'{behind:,} sessions behind' if behind else 'up to date'}"


def _counted(findings: "Sequence[Finding]") -> str:
    counts = [
        f"{sum(found.severity == kind for found in findings)} {kind}s"
        for kind in ("error", "warning", "note")
    ]
    return ", ".join(counts)


def _bars_table(shown: "ShownSeries") -> Table:
    table = plain_table("timestamp", "open", "high", "low", "close", "adj_close", "volume", gap=0)
    half = (len(shown.bars) + 1) // 2
    for place, bar in enumerate(shown.bars):
        if shown.n_omitted and place == half:
            table.add_row(f"... {shown.n_omitted:,} more")
        prices = (number(bar[name], 2) for name in ("open", "high", "low", "close", "adj_close"))
        table.add_row(bar["timestamp"], *prices, f"{bar['volume']:,.0f}")
    return right(table, *[str(column.header) for column in table.columns[1:]])


def findings_table(findings: "Iterable[tuple[str, Finding]]") -> Table:
    """One row per symbol and finding."""
    table = plain_table("symbol", "severity", "code", "rows", "finding", gap=0)
    for symbol, found in findings:
        table.add_row(
            symbol, found.severity, Text(found.code), f"{found.n_rows:,}", Text(found.message)
        )
    return right(table, "rows")


def check_summary(result: "CheckResult") -> str:
    """How much was found, in one line."""
    n_series = len(result.series) + len(result.failed)
    counted = _counted([found for one in result.series for found in one.findings])
    unreadable = f", {len(result.failed)} not readable" if result.failed else ""
    return f"{n_series:,} series checked: {counted}{unreadable}"


def remove_table(removed: "Sequence[RemovedSeries]") -> Table:
    """One row per series that is gone, or would be."""
    table = plain_table("symbol", "interval", "bars", "first", "last", gap=0)
    for one in removed:
        first, last = ("-" if day is None else str(day) for day in (one.first, one.last))
        table.add_row(one.symbol, one.interval, f"{one.n_bars:,}", first, last)
    return right(table, "bars")
