"""Forecasts of finished folds, kept: a stopped backtest goes on, an unchanged fold is not refitted.

    HOME/cache/folds/KEY

KEY is a hash of all that decides the forecasts: the values in the fold's windows, the candidate's
identity, and this program's own code. So nothing in the cache can be out of date, and it can be
deleted at any time.
"""

import contextlib
import hashlib
import time
from dataclasses import fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from forecast_cli.arrays import BoolArray1D
from forecast_cli.errors import CannotCreateError
from forecast_cli.evaluation.folds import Fold
from forecast_cli.features.windows import Windows
from forecast_cli.files import write_bytes
from forecast_cli.forecasts import Forecasts

_PACKAGE: Final = Path(__file__).parents[1]
_LIBRARIES: Final = ("numpy", "scipy", "tensorflow", "keras")
_DIGEST_LENGTH: Final = 32
_UNUSED_S: Final = 30 * 24 * 3600.0
_GIVEN: Final = ("symbols", "cutoffs", "horizons")
"""Fields of Forecasts that the fold's test windows say."""


class FoldCache:
    """Forecasts of folds under one home folder. anew: know nothing of what earlier runs kept."""

    def __init__(self, home: Path, *, anew: bool = False) -> None:
        self.folder = home / "cache" / "folds"
        self.anew = anew

    def read(self, identity: str, fold: Fold) -> Forecasts | None:
        """What was kept for this very fold; None for nothing, or nothing whole."""
        if self.anew:
            return None
        path = self._path(identity, fold)
        try:
            content = path.read_bytes()
            path.touch()
        except OSError:
            return None
        digest, values = content[:_DIGEST_LENGTH], content[_DIGEST_LENGTH:]
        if hashlib.sha256(values).digest() != digest:
            return None
        try:
            arrays = load(values)
        except SafetensorError:
            return None
        return Forecasts(
            symbols=fold.test.symbol_names,
            cutoffs=fold.test.cutoffs,
            horizons=fold.test.horizons,
            **arrays,
        )

    def write(self, identity: str, fold: Fold, forecasts: Forecasts) -> None:
        """Keep the forecasts of a fold's test windows; not in a folder that is read-only.

        Raises InputOutputError when the disk is full or fails.
        """
        values = save(
            {
                field.name: np.ascontiguousarray(getattr(forecasts, field.name))
                for field in fields(Forecasts)
                if field.name not in _GIVEN and getattr(forecasts, field.name) is not None
            }
        )
        with contextlib.suppress(CannotCreateError):
            write_bytes(self._path(identity, fold), hashlib.sha256(values).digest() + values)

    def forget_unused(self) -> None:
        """Remove what no backtest has asked for in 30 days."""
        latest = time.time() - _UNUSED_S
        for path in self.folder.glob("*"):
            if path.stat().st_mtime < latest:
                path.unlink(missing_ok=True)

    def _path(self, identity: str, fold: Fold) -> Path:
        return self.folder / fold_key(identity, fold)


def fold_key(identity: str, fold: Fold) -> str:
    """Names the forecasts that a candidate makes in a fold.

    Only what can be known at the fold's last cutoff counts, and the targets: bars that came later,
    or of other symbols, leave the key as it is.
    """
    digest = hashlib.sha256(f"{_code()}|{identity}|".encode())
    parts = (fold.history.train, fold.history.validation, fold.history.calibration, fold.test)
    series = parts[0]
    seen = seen_rows(parts)
    number = np.cumsum(seen) - 1
    digest.update(f"{series.lookback}|{series.horizons}|{seen.sum()}|".encode())
    digest.update(series.features[seen].tobytes())
    digest.update(series.bar_returns[seen].tobytes())
    for part in parts:
        digest.update(repr((len(part), part.symbol_names.tolist())).encode())
        for values in (number[part.rows], part.cutoffs, part.known_from, part.scale, part.targets):
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def seen_rows(parts: tuple[Windows, ...]) -> BoolArray1D:
    """Rows up to the last window of each symbol that has any."""
    starts = np.flatnonzero(np.isnan(parts[0].bar_returns))  # no return leads to a first bar
    index = np.concatenate([part.symbol_index for part in parts])
    rows = np.concatenate([part.rows for part in parts])
    seen = np.zeros(len(parts[0].features), dtype=np.bool_)
    for symbol in np.unique(index):
        seen[starts[symbol] : rows[index == symbol].max() + 1] = True
    return seen


@cache
def _code() -> str:
    """A hash of the code between windows and forecasts, and of the libraries it computes with."""
    digest = hashlib.sha256(repr([(name, version(name)) for name in _LIBRARIES]).encode())
    for folder in ("models", "evaluation", "features", "."):
        for path in sorted((_PACKAGE / folder).glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
