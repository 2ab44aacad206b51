"""The calendars of a store: each read once per process, made where it is missing or too short.

To make one takes half a second, most of it the import of pandas. What was made waits in the user's
cache folder for other stores; a newer exchange_calendars package makes it anew.
"""

import contextlib
from collections.abc import Iterable
from datetime import date
from functools import cached_property
from importlib.metadata import version
from threading import Lock
from typing import Final

import numpy as np

from forecast_cli.data.sessions import Calendar, calendar_between
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError, ForecastError, TryAgainError
from forecast_cli.folders import user_folder

_SLACK: Final = np.timedelta64(14, "D")
"""A stored calendar may end this much early (holidays, daily runs) before it is made anew."""


class Calendars:
    """Calendars up to a date, as far as the package knows them. Threads may share it."""

    def __init__(self, store: BarStore, last: date) -> None:
        self._store = store
        self._last = last
        self._made: dict[str, tuple[date, Calendar | BadDataError]] = {}
        self._lock = Lock()
        self.asked: dict[str, date] = {}
        """Since when each calendar was wanted."""

    def covering(self, name: str, first: date) -> Calendar:
        """The calendar of an exchange from a date on, or from where the package knows it.

        Raises BadDataError when there is none.
        """
        with self._lock:
            self.asked[name] = min(first, self.asked.get(name, first))
            known = self._made.get(name)
            if known is None or known[0] > first:
                # By decades: of many series, hardly any makes the calendar anew.
                start = date(first.year // 10 * 10, 1, 1)
                known = self._made[name] = start, self._read_or_make(name, first, start)
        found = known[1]
        if isinstance(found, BadDataError):
            raise found
        return found

    def write(self, names: Iterable[str]) -> dict[str, ForecastError]:
        """Store some of the calendars that were asked for; those that could not be, and why."""
        problems: dict[str, ForecastError] = {}
        for name in names:
            calendar = self._made[name][1]
            try:
                if isinstance(calendar, BadDataError):
                    raise calendar
                self._store.write_calendar(calendar)
            except TryAgainError:
                pass  # another run is writing this very calendar
            except ForecastError as error:
                problems[name] = error
        return problems

    def _read_or_make(self, name: str, first: date, start: date) -> Calendar | BadDataError:
        needed = np.datetime64(first, "D")
        for shelf in filter(None, (self._store, self._cache)):
            known = None
            with contextlib.suppress(ForecastError, OSError):  # what cannot be read is made anew
                known = shelf.read_calendar(name)
            if known is None:
                continue
            late = known.sessions[-1] < np.datetime64(self._last, "D") - _SLACK
            if known.sessions[0] <= needed and not late:
                return known
            # What is stored never shrinks: older series still need it.
            needed = min(needed, known.sessions[0])
            start = min(start, known.sessions[0].item())
        try:
            made = calendar_between(name, start, self._last)
        except BadDataError as error:
            return error
        if self._cache:
            with contextlib.suppress(ForecastError):  # the cache only saves time
                self._cache.write_calendar(made)
        return made

    @cached_property
    def _cache(self) -> BarStore | None:
        folder = user_folder("cache")
        package = f"exchange_calendars-{version('exchange_calendars')}"
        return BarStore(folder / package) if folder else None
