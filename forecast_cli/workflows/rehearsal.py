"""A store to try something on: what is done to it is done to nobody's bars."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_NEEDED: Final = ("bars", "calendars", "covariates", "revisions")


@contextlib.contextmanager
def rehearsal(home: Path) -> Iterator[Path]:
    """A folder with the bars of a store under `home`, and all that a fetch looks at; then gone.

    Files are links where that is possible: what replaces one there leaves the other as it is, since
    no file of a store is ever changed in its place.
    """
    with tempfile.TemporaryDirectory(prefix="forecast-") as scratch:
        for name in _NEEDED:
            if (home / name).is_dir():
                shutil.copytree(home / name, Path(scratch, name), copy_function=_link_or_copy)
        yield Path(scratch)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
