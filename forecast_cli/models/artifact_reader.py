"""Reading one version of a model: every check between its folder and a forecast, in their order.

1. folders and regular files only, no links
2. the manifest: its size, its nesting, no doubled and no unknown keys, a format that is known
3. every file that it lists, and no other: size, then SHA-256
4. names, numbers and shapes within bounds, weights finite, a graph that only computes

What needs the network itself comes after: the canary (runtime.py) and the weights' shapes
(rebuild.py).
"""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from forecast_cli.config import sentences
from forecast_cli.errors import BadDataError, ForecastError, InputOutputError, MissingInputError
from forecast_cli.features.indicators import check_names
from forecast_cli.models.graph_check import check_graph
from forecast_cli.models.manifest import (
    GRAPH,
    WEIGHTS,
    FileRecord,
    Manifest,
    upgraded,
)
from forecast_cli.models.strict_json import strict_json
from forecast_cli.models.weights import check_weights
from forecast_cli.schema import MODEL_FORMAT

MANIFEST: Final = "manifest.json"
_LARGEST_MANIFEST: Final = 4 * 2**20
_TRAIN_AGAIN: Final = "train the model again"
_CHECKS: Final[dict[str, Callable[[bytes], None]]] = {WEIGHTS: check_weights, GRAPH: check_graph}
_SAVED_MODEL: Final = "saved_model.pb"
_FOREIGN: Final = {
    ".keras": "its configuration can name code that runs when it is loaded",
    ".h5": "HDF5 can name code and other files, and has no checksums",
    ".hdf5": "HDF5 can name code and other files, and has no checksums",
    ".pkl": "unpickling runs whatever code is in it",
    ".pickle": "unpickling runs whatever code is in it",
    ".joblib": "it is a pickle, and unpickling runs whatever code is in it",
    ".pt": "it is a pickle, and unpickling runs whatever code is in it",
    ".pth": "it is a pickle, and unpickling runs whatever code is in it",
    ".npz": "it may hold pickles, or unpack to any size",
    _SAVED_MODEL: "a SavedModel is a program",
}
"""Formats that are never read, by suffix or name, and the reason of each."""


@dataclass(frozen=True)
class Artifact:
    """A version of a model: checked bytes and what they mean. pinned: it stays in use."""

    manifest: Manifest
    graph: bytes
    weights: bytes
    pinned: bool = False


def record(content: bytes) -> FileRecord:
    """The record of a file's content."""
    return FileRecord(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def why_foreign(path: str) -> str | None:
    """Why a file of that name is not read as a model; None where its format says nothing."""
    name = Path(path).name.lower()
    return _FOREIGN.get(name) or _FOREIGN.get(Path(name).suffix)


def refuse_foreign(path: str) -> None:
    """Raise BadDataError for a file or folder of a format that this program never reads."""
    saved_model = (Path(path) / _SAVED_MODEL).is_file()
    if why := _FOREIGN[_SAVED_MODEL] if saved_model else why_foreign(path):
        raise BadDataError(
            f"{path}: unsupported on purpose: {why}",
            fix="name a model that forecast train has made; forecast models list shows them",
        )


def read_artifact(folder: Path) -> Artifact:
    """Load a version, `models/NAME/VERSION`, after every check that needs no network.

    Raises MissingInputError when a file is not there, BadDataError when anything about it is not as
    its manifest says or as it may be.
    """
    for each in (folder.parent, folder):
        _check_folder(each)
    manifest = _read_manifest(folder / MANIFEST)
    _check_unlisted(folder, {MANIFEST, *manifest.files})
    contents = {file: _read_checked(folder / file, of) for file, of in manifest.files.items()}
    if (manifest.name, manifest.version) != (folder.parent.name, folder.name):
        raise BadDataError(f"{folder}: its manifest belongs to {manifest.name} {manifest.version}")
    return Artifact(manifest=manifest, graph=contents[GRAPH], weights=contents[WEIGHTS])


def read_regular(path: Path, largest: int) -> bytes:
    """The content of a file that is one: no link, no device, not larger than `largest` bytes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BadDataError(f"{path}: is not a regular file")
            content = file.read(largest + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(content) > largest:
        raise BadDataError(f"{path}: is larger than {largest:,} bytes", fix=_TRAIN_AGAIN)
    return content


def _unreadable(path: Path, error: OSError) -> ForecastError:
    if isinstance(error, FileNotFoundError):
        return MissingInputError(f"{path}: is missing", fix=_TRAIN_AGAIN)
    if error.errno == errno.ELOOP:
        return BadDataError(f"{path}: is a link, not a regular file")
    if isinstance(error, IsADirectoryError):
        return BadDataError(f"{path}: is not a regular file")
    return InputOutputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})")


def _check_folder(folder: Path) -> None:
    if folder.is_symlink():
        raise BadDataError(
            f"{folder}: is a link; a model lies in a folder of its own",
            fix="copy the folder here instead of linking it",
        )
    if not folder.is_dir():
        raise MissingInputError(f"{folder}: is missing", fix=_TRAIN_AGAIN)


def _read_manifest(path: Path) -> Manifest:
    content = read_regular(path, _LARGEST_MANIFEST)
    try:
        fields = strict_json(content)
        _check_format(fields)
        # strict validation tells JSON's arrays from Python's lists: it wants the text
        manifest = Manifest.model_validate_json(json.dumps(upgraded(fields)))
        check_names(manifest.config.features)
    except ValidationError as error:
        fault, fix = "; ".join(sentences(error)[:3]), _TRAIN_AGAIN
    except BadDataError as error:
        fault, fix = error.message, _TRAIN_AGAIN
    except _NewerFormatError as error:
        fault, fix = str(error), "update forecast, or train the model again with this one"
    except ValueError as error:
        fault, fix = str(error), _TRAIN_AGAIN
    else:
        return manifest
    raise BadDataError(f"{path}: {fault}", fix=fix)


class _NewerFormatError(ValueError):
    """A format that only a newer version of this program knows."""


def _check_format(fields: Any) -> None:  # noqa: ANN401 - whatever stands in the file
    version = fields.get("format_version") if isinstance(fields, dict) else None
    if type(version) is int and version > MODEL_FORMAT:
        raise _NewerFormatError(
            f"was written by a newer forecast (format {version!s:.20}, this one reads"
            f" {MODEL_FORMAT})"
        )


def _check_unlisted(folder: Path, listed: Iterable[str]) -> None:
    try:
        unlisted = sorted(set(os.listdir(folder)) - set(listed))  # noqa: PTH208 - names are enough
    except OSError as error:
        raise _unreadable(folder, error) from error
    for name in unlisted:
        if why := why_foreign(name):
            raise BadDataError(f"{folder / name}: unsupported on purpose: {why}", fix="remove it")
    if unlisted:
        raise BadDataError(f"{folder}: holds files that no manifest lists: {unlisted}")


def _read_checked(path: Path, expected: FileRecord) -> bytes:
    content = read_regular(path, expected.size)
    if len(content) < expected.size:
        raise BadDataError(
            f"{path}: is cut short ({len(content):,} bytes, its manifest lists {expected.size:,})",
            fix=_TRAIN_AGAIN,
        )
    if record(content) != expected:
        raise BadDataError(
            f"{path}: is not the file its manifest lists (SHA-256 differs)", fix=_TRAIN_AGAIN
        )
    try:
        _CHECKS[path.name](content)
    except ValueError as error:
        raise BadDataError(f"{path}: is refused: {error}", fix=_TRAIN_AGAIN) from None
    return content
