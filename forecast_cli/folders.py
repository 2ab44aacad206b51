"""This user's folders, where the system has a place for them."""

from pathlib import Path
from typing import Literal


def user_folder(kind: Literal["cache", "config", "data", "state"]) -> Path | None:
    """The folder of this program; None for a user without a home, as in many containers."""
    from platformdirs import PlatformDirs  # noqa: PLC0415 - help needs no folder

    try:
        path: Path = getattr(PlatformDirs("forecast", appauthor=False), f"user_{kind}_path")
    except RuntimeError:
        return None
    return path if path.is_absolute() else None  # older versions answer with a folder called "~"
