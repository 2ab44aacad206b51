"""The trial ledger: how many different things were tried on the same data.

    HOME/trials/DATASET/TRIAL.json

The more is tried, the better the best looks by luck alone. A trial is one configuration, trained,
tuned or backtested; DATASET and TRIAL are hashes, so that the same thing tried twice is one file
and counts once, and two runs at once need no lock. A data set is its symbols and interval, not
their bars: one more day of prices does not make what was tried before untried.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forecast_cli.data.by_dataset import digest, note, notes_about


class TrialLedger:
    """Counts trials under one home folder. Nothing in it is ever changed or removed."""

    def __init__(self, home: Path) -> None:
        self.root = home / "trials"

    def record(
        self,
        symbols: Sequence[str],
        interval: str,
        *,
        command: str,
        tried: Mapping[str, Any],
        data_sha256: str,
    ) -> None:
        """Count one trial, once.

        tried: what decides the outcome besides the bars, as JSON values. command and data_sha256
        are kept for whoever reads the ledger and do not make another trial of the same thing.
        Raises CannotCreateError or InputOutputError when it cannot be written.
        """
        described = {
            "command": command,
            "tried_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "data_sha256": data_sha256,
            "tried": tried,
        }
        note(self.root, symbols, interval, digest(tried), described)

    def count(self, symbols: Sequence[str], interval: str) -> int:
        """Different trials on any data set that shares a symbol with these.

        Dropping one symbol of twenty does not make a fresh data set; the count errs on the side of
        too many.
        """
        return len({path.name for path in notes_about(self.root, symbols, interval)})
