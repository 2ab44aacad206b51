"""What train, tune and backtest may look at while a final period is locked."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from forecast_cli.data.locks import Lock, LockBook


@dataclass(frozen=True, kw_only=True)
class Access:
    """Up to which day bars may be used; None for all. lock: on a final period of the symbols.

    note: what is to be said of bars that were asked for and are locked; None where none were.
    """

    until: date | None
    lock: Lock | None = None
    note: str | None = None


def access(
    home: Path,
    symbols: Sequence[str],
    interval: str,
    *,
    until: date | None = None,
    open_lock: bool = False,
) -> Access:
    """Whether a lock leaves less than what was asked for, before any bar is read.

    until: asked for. open_lock: use the locked bars, and have that remembered with this process's
    command line. Raises UsageError where there is nothing to open, CannotCreateError where an
    opening cannot be remembered.
    """
    book = LockBook(home)
    if open_lock:
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        book.open(symbols, interval, command)
    lock = book.find(symbols, interval)
    if lock is None or open_lock:
        return Access(until=until, lock=lock)
    eve = lock.start - timedelta(days=1)
    if until is not None and until <= eve:
        return Access(until=until, lock=lock)
    return Access(
        until=eve,
        lock=lock,
        note=f"bars from {lock.start} on are locked and were not used; --open-lock uses them, and"
        " that will be remembered",
    )
