"""Notes about data sets, kept for ever: each is a file that is never changed or removed.

    ROOT/DATASET/{dataset.json, NOTE.json}

A data set is its symbols and interval, not their bars. What is noted about one holds for every
other that shares a symbol with it: dropping one symbol of twenty does not make fresh data.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from forecast_cli.errors import BadDataError
from forecast_cli.files import write_bytes

_DATASET: Final = "dataset.json"


def note(
    root: Path, symbols: Sequence[str], interval: str, name: str, content: Mapping[str, Any]
) -> None:
    """Keep a note under a name, unless there is one of that name already.

    Names are hashes, so that two processes that write the same one write the same, and need no
    lock. Raises CannotCreateError or InputOutputError when it cannot be written.
    """
    dataset = {"symbols": sorted(set(symbols)), "interval": interval}
    folder = root / digest(dataset)
    path = folder / f"{name}.json"
    if path.exists():
        return
    # Before the first note: a folder with notes always says what they are about.
    for each, said in ((folder / _DATASET, dataset), (path, content)):
        if not each.exists():
            write_bytes(each, json.dumps(said, indent=1, default=str).encode())


def notes_about(root: Path, symbols: Sequence[str], interval: str) -> Iterator[Path]:
    """The notes about any data set that shares a symbol with these. Raises BadDataError."""
    for described in root.glob(f"*/{_DATASET}"):
        dataset = read_note(described)
        if dataset["interval"] == interval and not set(symbols).isdisjoint(dataset["symbols"]):
            yield from (path for path in described.parent.glob("*.json") if path != described)


def read_note(path: Path) -> dict[str, Any]:
    """What a note says; raises BadDataError where it is damaged."""
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise BadDataError(
            f"{path}: is damaged, and what it noted cannot be known",
            fix="bring it back from a backup; without it, remove the file",
        ) from error
    return content


def digest(value: Mapping[str, Any]) -> str:
    """Names a value by what it is."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
