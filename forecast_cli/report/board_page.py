"""The newest forecasts of all symbols as one HTML page that needs nothing but itself.

Sorting needs a script, since a screen reader reads the order of the rows and not that of a style;
the page's policy allows this one script, by its hash, and without it all is there, unsorted.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from forecast_cli.report.fan_drawing import HEIGHT, WIDTH, FanDrawing, drawn
from forecast_cli.report.palette import palette_css
from forecast_cli.report.templating import PAGES
from forecast_cli.report.words import bars, number, percent
from forecast_cli.workflows.board import Board, BoardRow
from forecast_cli.workflows.coverage import Held


@dataclass(frozen=True, kw_only=True)
class _Tile:
    label: str
    value: str
    note: str


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """A forecast at one horizon; width: of its range against the close, "" where not known."""

    range: str = "-"
    width: float | str = ""
    p_up: float | None = None
    held: Held | None = None


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A row of the table, and its chart."""

    fan: FanDrawing
    close: float
    cells: tuple[_Cell, ...]
    warnings: tuple[str, ...]


def board_page(board: Board) -> str:
    """The page; equal boards give equal bytes."""
    return PAGES.get_template("board.html").render(
        newest=max(row.fan.cutoff for row in board.rows),
        made_at=f"{board.made_at:%Y-%m-%d %H:%M %Z}",
        n_symbols=len({row.fan.symbol for row in board.rows}),
        tiles=_tiles(board),
        horizons=board.horizons,
        lines=[_line(row, board.horizons) for row in board.rows],
        models=board.models,
        all_held=board.held,
        findings=[(symbol, found) for symbol, of in board.findings.items() for found in of],
        palette=palette_css(),
        width=WIDTH,
        height=HEIGHT,
        script_hash=_policy_hash(PAGES.get_template("board.js").render()),
    )


def _policy_hash(script: str) -> str:
    """How a content security policy names an inline script (CSP level 3, section 2.3.1)."""
    return f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}"


def _line(row: BoardRow, horizons: Sequence[int]) -> _Line:
    return _Line(
        fan=drawn(row.fan),
        close=row.fan.last_close,
        cells=tuple(_cell(row, horizon) for horizon in horizons),
        warnings=row.warnings,
    )


def _cell(row: BoardRow, horizon: int) -> _Cell:
    fan = row.fan
    if horizon not in fan.horizons:
        return _Cell()
    at = fan.horizons.index(horizon)
    low, high = (float(end) for end in fan.prices[at, [0, -1]])
    known = bool(np.isfinite(high - low))
    return _Cell(
        range=f"{number(low, 2)} to {number(high, 2)}" if known else "-",
        width=round((high - low) / fan.last_close, 6) if known else "",
        p_up=float(fan.p_up[at]),
        held=row.held[horizon],
    )


def _tiles(board: Board) -> list[_Tile]:
    n_warned = sum(bool(row.warnings) for row in board.rows)
    held = [
        _Tile(
            label=f"90 % range, {bars(horizon)}",
            value=percent(total.share, 0),
            note=f"held, of {number(total.n, 0)} whose day has come",
        )
        for horizon in board.horizons
        for total in [_total(board.held, horizon)]
    ]
    edges = [model.manifest.measured.edge_found for model in board.models if model.manifest]
    return [
        *held,
        _Tile(
            label="Models with an edge",
            value=f"{sum(edges)} of {len(board.models)}",
            note="over the naive forecast, when trained",
        ),
        _Tile(
            label="Forecasts with a warning",
            value=f"{number(n_warned, 0)} of {number(len(board.rows), 0)}",
            note="see the last column",
        ),
    ]


def _total(held: Mapping[tuple[str, int], Held], horizon: int) -> Held:
    of = [each for (_, ahead), each in held.items() if ahead == horizon]
    return Held(n=sum(each.n for each in of), n_inside=sum(each.n_inside for each in of))
