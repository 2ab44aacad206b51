"""What `forecast show` says of a symbol, and how forecasts are drawn in a terminal."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from forecast_cli.cli import console
from forecast_cli.cli.forms import SCHEMA_VERSION
from forecast_cli.cli.sketch import fan_lines, is_plain, sparkline
from forecast_cli.cli.tables import plain_table, right
from forecast_cli.report.words import bars, number, percent
from forecast_cli.workflows.coverage import Fared, held_by
from forecast_cli.workflows.fan import FAN_LEVELS, Fan

if TYPE_CHECKING:
    from rich.console import RenderableType

    from forecast_cli.workflows.show import ShownSymbol

_WIDEST: Final = 100
_ROOMY: Final = 60
_SHOWN: Final = (0.05, 0.5, 0.95)
_HIT, _MISS = ".", "x"


def fan_parts(fans: Sequence[Fan]) -> "list[RenderableType]":
    """Each fan as a picture of text, as wide as the terminal."""
    plain, width = is_plain(), min(console.width(), _WIDEST)
    parts: list[RenderableType] = []
    for fan in fans:
        lines = [
            f"{fan.symbol}, {fan.model} {fan.cutoff}: closes, 90 and 50 % range",
            *fan_lines(fan, width, plain=plain),
        ]
        parts += ["", Text("\n".join(lines), no_wrap=True, overflow="crop")]
    return parts


def show_parts(shown: "ShownSymbol", sessions: int) -> "list[RenderableType]":
    """Prices in a line, the newest forecasts as a table and a fan, and how earlier ones fared.

    sessions: marks of earlier forecasts at most.
    """
    width = min(console.width(), _WIDEST, sessions)
    behind = shown.sessions_behind
    age = "" if behind is None else f", {behind:,} {'session' if behind == 1 else 'sessions'} old"
    low, high = (number(float(end), 2) for end in (shown.closes.min(), shown.closes.max()))
    parts: list[RenderableType] = [
        f"{shown.symbol}: {number(float(shown.closes[-1]), 2)} on {shown.days[-1]}{age}",
        sparkline(shown.closes, width, plain=is_plain()),
        f"{len(shown.closes):,} closes from {shown.days[0]}: {low} to {high}",
    ]
    if not shown.fans:
        return [*parts, "", "no forecast of it is recorded yet: `forecast predict` records them"]
    fared = _fared_lines(shown.history, width)
    return [*parts, "", _forecast_table(shown.fans), *fan_parts(shown.fans), "", *fared]


def _forecast_table(fans: Sequence[Fan]) -> Table:
    """Fits 40 columns for one model; the day is told where there is room for it."""
    models = ["model"] if len(fans) > 1 else []
    days = ["for"] if console.width() >= _ROOMY else []
    prices = ("5 %", "median", "95 %")
    table = plain_table(*models, "bars", *days, *prices, "P(up)", gap=0)
    for fan in fans:
        for row, (horizon, target) in enumerate(zip(fan.horizons, fan.target_dates, strict=True)):
            table.add_row(
                *([fan.model] if models else []),
                str(horizon),
                *([str(target)] if days else []),
                *(number(fan.prices[row, FAN_LEVELS.index(level)], 2) for level in _SHOWN),
                percent(fan.p_up[row], 1),
            )
    return right(table, "bars", *prices, "P(up)")


def _fared_lines(history: Sequence[Fared], width: int) -> list[str]:
    """A mark per earlier forecast, oldest first; the newest `width` of each model and horizon."""
    if not history:
        return ["no earlier forecast has met its day yet"]
    lines = []
    total = held_by(history, lambda of: (of.model, of.horizon))
    for (model, horizon), group in groupby(history, key=lambda of: (of.model, of.horizon)):
        marks = [" " if of.inside is None else _HIT if of.inside else _MISS for of in group]
        held = total.get((model, horizon))
        share = f"{percent(held.share, 0)} of {held.n:,}" if held else "no range"
        lines += [f"{model}, {bars(horizon)} ahead: {share} held", "".join(marks[-width:])]
    return [*lines, f"{_HIT} what came lay in the 90 % range, {_MISS} outside; oldest first"]


def show_form(shown: "ShownSymbol") -> dict[str, Any]:
    """All that is shown; quantiles are prices by level; low, high and came are log returns."""
    return {
        "schema_version": SCHEMA_VERSION,
        "symbol": shown.symbol,
        "sessions_behind": shown.sessions_behind,
        "closes": [
            {"date": day, "close": float(close)}
            for day, close in zip(shown.days, shown.closes, strict=True)
        ],
        "forecasts": [_row(fan, row) for fan in shown.fans for row in range(len(fan.horizons))],
        "history": [asdict(of) for of in shown.history],
    }


def _row(fan: Fan, row: int) -> dict[str, Any]:
    prices = fan.prices[row].tolist()
    return {
        "model": fan.model,
        "cutoff": fan.cutoff,
        "horizon": fan.horizons[row],
        "target_date": fan.target_dates[row],
        "last_close": fan.last_close,
        "price_quantiles": {
            f"{level:g}": price if price == price else None  # noqa: PLR0124 - NaN
            for level, price in zip(FAN_LEVELS, prices, strict=True)
        },
        "p_up": float(fan.p_up[row]),
    }
