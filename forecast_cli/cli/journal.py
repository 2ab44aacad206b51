"""The journal of a run: one line for each thing that happened, for machines or for `tail`."""

import json
import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from forecast_cli.errors import CannotCreateError

_LEVELS: Final = {"error": "error", "failed": "error", "warning": "warning"}


class Journal:
    """Lines of text, or JSON objects, on stderr or at the end of a file.

    Each JSON object has ts (UTC), level (info, warning, error), run_id, message, and what else is
    known of it. Raises CannotCreateError for a file that cannot be opened.
    """

    def __init__(self, path: Path | None, *, as_json: bool) -> None:
        self.on_stderr = path is None
        self._as_json = as_json
        self._run_id = secrets.token_hex(4)
        self._file: IO[str] = sys.stderr
        if path is not None:
            try:
                self._file = path.open("a", encoding="utf-8")
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise CannotCreateError(
                    f"{path}: the log cannot be written ({reason})",
                    fix="choose another --log-file",
                ) from error

    def write(self, message: str, *, kind: str = "", **fields: object) -> None:
        """Add one line. A disk that is full, or a closed pipe, never ends the run for its log."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self._as_json:
            said = {"ts": now, "level": _LEVELS.get(kind, "info"), "run_id": self._run_id}
            line = json.dumps(said | {"kind": kind or "note", "message": message, **fields})
        else:
            line = f"{now} {self._run_id} " + (f"{kind}: {message}" if kind else message)
        try:
            self._file.write(f"{line}\n")
            self._file.flush()
        except OSError:
            # what could not be written must not be tried again when the interpreter ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._file.fileno())
