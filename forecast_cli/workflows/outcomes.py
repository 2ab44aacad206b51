"""What became of recorded forecasts: which of them count, and what came.

A forecast is live if it was made before its target's session closed. Of several forecasts of one
model, symbol, cutoff and horizon the first counts: nobody improves a forecast afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date

import numpy as np

from forecast_cli.data.bars import Bars
from forecast_cli.data.ledger import Entry
from forecast_cli.data.sessions import Calendar, calendar_name
from forecast_cli.data.store import BarStore
from forecast_cli.errors import MissingInputError
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """The forecasts of one model at one horizon that count.

    known: those whose target has come, by the row of `windows` that ends at their cutoff. pending:
    those to come. n_gone: of cutoffs whose bar is no longer stored. n_backfilled: made after their
    target's close. n_repeated: later forecasts of a cutoff that had one.
    """

    windows: Windows
    known: dict[int, Entry]
    pending: tuple[Entry, ...]
    n_gone: int
    n_backfilled: int
    n_repeated: int


def outcomes(
    entries: Sequence[Entry],
    series: Mapping[str, Bars],
    calendars: Mapping[str, Calendar],
    *,
    backfilled: bool = False,
) -> Outcomes:
    """What became of one model's forecasts at one horizon, in the order in which they were made.

    series, calendars: by symbol. backfilled: count what was forecast after the fact, too.
    """
    firsts: dict[tuple[str, date], Entry] = {}
    for entry in entries:
        firsts.setdefault((entry.symbol, entry.cutoff), entry)
    live = [entry for entry in firsts.values() if is_live(entry, calendars[entry.symbol])]
    windows = _windows([series[name] for name in sorted(series)], entries[0].horizon)
    known, pending, n_gone = _joined(list(firsts.values()) if backfilled else live, windows)
    return Outcomes(
        windows=windows,
        known=known,
        pending=tuple(pending),
        n_gone=n_gone,
        n_backfilled=len(firsts) - len(live),
        n_repeated=len(entries) - len(firsts),
    )


def is_live(entry: Entry, calendar: Calendar) -> bool:
    """Whether a forecast was made before its target's session closed."""
    closed = calendar.closes_at(np.array([entry.target_date], dtype="datetime64[D]"))[0]
    made_at = np.datetime64(entry.made_at.astimezone(UTC).replace(tzinfo=None), "us")
    return bool(made_at < closed)


def calendar_of(store: BarStore, symbol: str) -> Calendar:
    """The stored sessions of a symbol's exchange; raises MissingInputError without them."""
    name = calendar_name(symbol)
    calendar = store.read_calendar(name)
    if calendar is None:
        raise MissingInputError(
            f"{symbol}: the sessions of {name} are not stored: what was live is unknown",
            fix=f"forecast fetch {symbol} --from FILE",
        )
    return calendar


def _windows(series: Sequence[Bars], horizon: int) -> Windows:
    """Every cutoff with its target and its scale, neither of which depends on a model."""
    return build_windows(series, horizons=(horizon,), lookback=1, features=("return",))


def _joined(
    entries: Sequence[Entry], windows: Windows
) -> tuple[dict[int, Entry], list[Entry], int]:
    """The forecasts whose target is known, by window; those to come; how many have no window."""
    first = min((entry.cutoff for entry in entries), default=date.max)
    rows = np.flatnonzero(windows.cutoffs >= np.datetime64(first))
    names, cutoffs = windows.symbol_names[rows].tolist(), windows.cutoffs[rows].tolist()
    places = dict(zip(zip(names, cutoffs, strict=True), rows.tolist(), strict=True))
    known: dict[int, Entry] = {}
    pending = []
    n_gone = 0
    for entry in entries:
        row = places.get((entry.symbol, entry.cutoff))
        if row is None:
            n_gone += 1
        elif np.isnat(windows.known_from[row]):
            pending.append(entry)
        else:
            known[row] = entry
    return known, pending, n_gone
