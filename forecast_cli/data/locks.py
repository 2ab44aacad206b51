"""The lock on a final period: bars that nothing looks at until somebody means to, and says so.

    HOME/locks/DATASET/NOTE.json

A lock, and each opening of it, is a note that is never changed or removed. It cannot keep anybody
from the bars, who has them; it keeps the program from using them unasked, and remembers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from forecast_cli.data.by_dataset import digest, note, notes_about, read_note
from forecast_cli.errors import UsageError

_LOCKED: Final = "locked"
_OPENED: Final = "opened"


@dataclass(frozen=True, kw_only=True)
class Lock:
    """A final period of some symbols. start: its first day. locked_at: in UTC.

    n_tried: trials on these symbols that the ledger knew when it was locked: what they saw of the
    period, no lock takes back. openings: times in UTC, first one first.
    """

    start: date
    locked_at: str
    n_tried: int
    openings: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Whether the period is still unseen, for whoever reads what came of it."""
        if not self.openings:
            return f"The period from {self.start} on is locked and has never been opened."
        n = len(self.openings)
        times = "once, on" if n == 1 else f"{n} times, first on"
        return (
            f"The locked period from {self.start} on has been opened {times}"
            f" {self.openings[0][:10]}: what is measured in it is no longer unseen."
        )


class LockBook:
    """The locks under one home folder, and who opened them."""

    def __init__(self, home: Path) -> None:
        self.root = home / "locks"

    def find(self, symbols: Sequence[str], interval: str) -> Lock | None:
        """The earliest lock on any of the symbols, with every opening of any of them.

        Raises BadDataError for a note that is damaged.
        """
        notes = [read_note(path) for path in notes_about(self.root, symbols, interval)]
        locks = [each for each in notes if each["what"] == _LOCKED]
        if not locks:
            return None
        first = min(locks, key=lambda each: (each["start"], each["at"]))
        return Lock(
            start=date.fromisoformat(first["start"]),
            locked_at=first["at"],
            n_tried=first["n_tried"],
            openings=tuple(sorted(each["at"] for each in notes if each["what"] == _OPENED)),
        )

    def lock(self, symbols: Sequence[str], interval: str, start: date, *, n_tried: int) -> None:
        """Lock the bars from `start` on. The same lock again changes nothing.

        n_tried: see `Lock`. Raises UsageError for a start behind an earlier lock's, which would
        open what lies between; CannotCreateError or InputOutputError when it cannot be written.
        """
        held = self.find(symbols, interval)
        if held and held.start < start:
            raise UsageError(
                f"the period from {held.start} on is locked: a lock from {start} on would open"
                " a part of it",
                fix="leave --lock-test out, or open it with --open-lock",
            )
        if held is None or start < held.start:
            self._note(
                symbols, interval, {"what": _LOCKED, "start": str(start), "n_tried": n_tried}
            )

    def open(self, symbols: Sequence[str], interval: str, command: str) -> None:
        """Remember that the locked period of some symbols is looked at.

        command: what was asked for, for whoever reads the notes. Raises UsageError where nothing is
        locked, CannotCreateError or InputOutputError when it cannot be written.
        """
        if self.find(symbols, interval) is None:
            raise UsageError("no period of these symbols is locked", fix="leave --open-lock out")
        self._note(symbols, interval, {"what": _OPENED, "command": command})

    def _note(self, symbols: Sequence[str], interval: str, content: dict[str, Any]) -> None:
        # to the microsecond: two openings are two
        said = content | {"at": datetime.now(UTC).isoformat()}
        note(self.root, symbols, interval, digest(said), said)
