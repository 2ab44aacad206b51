"""A trained model's folder: what is in it, and every check between it and a forecast.

    HOME/models/NAME/VERSION/manifest.json        written last
    HOME/models/NAME/VERSION/weights.safetensors
    HOME/models/NAME/VERSION/model.onnx
    HOME/models/NAME/LATEST                       one line, the version in use

A version is immutable; `LATEST` is replaced atomically. There is no code in an artifact: the
network is named in an allow-list, its weights are numbers, and nothing is unpickled.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from forecast_cli.config import sentences
from forecast_cli.errors import BadDataError, MissingInputError, UsageError
from forecast_cli.files import (
    as_forecast_error,
    fsync_folder,
    locked,
    remove_stray,
    write_bytes,
)
from forecast_cli.models.manifest import GRAPH, FileRecord, Manifest, upgraded

_MANIFEST: Final = "manifest.json"
_LATEST: Final = "LATEST"
_LARGEST_MANIFEST: Final = 4 * 2**20
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z", re.ASCII)


@dataclass(frozen=True)
class Artifact:
    """A loaded artifact: checked bytes and what they mean."""

    manifest: Manifest
    graph: bytes


def parse_name(name: str) -> str:
    """Accept a model name. Raises UsageError for anything that is not a plain lower-case word."""
    if not _NAME.match(name):
        raise UsageError(
            f"{name[:40]!a} is not a model name",
            fix="use 1 to 64 of a-z 0-9 . _ - and start with a letter or digit",
        )
    return name


def record(content: bytes) -> FileRecord:
    """The record of a file's content."""
    return FileRecord(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


class ModelStore:
    """The trained models under one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "models"

    def names(self) -> list[str]:
        """All model names that have a version in use, sorted."""
        return sorted(path.parent.name for path in self.root.glob(f"*/{_LATEST}"))

    def newest(self) -> str:
        """The name of the model trained last. Raises MissingInputError when there is none."""
        names = self.names()
        if not names:
            raise MissingInputError(
                f"no model is trained in {self.home}", fix="forecast train --model linear"
            )
        return max(names, key=lambda name: (self._latest(name), name))

    def save(self, manifest: Manifest, files: Mapping[str, bytes]) -> Path:
        """Store a new version and make it the one in use; all of it, or nothing."""
        folder = self.root / parse_name(manifest.name)
        version = folder / manifest.version
        with locked(folder):
            staging = folder / f".{manifest.version}.tmp"
            for leftover in folder.glob(".*.tmp"):
                remove_stray(leftover)
            try:
                for name, content in files.items():
                    write_bytes(staging / name, content)
                text = manifest.model_dump_json(indent=1)
                write_bytes(staging / _MANIFEST, text.encode())
                if version.exists():  # trained twice in a second, with the same outcome
                    shutil.rmtree(staging)
                else:
                    staging.rename(version)
                    fsync_folder(folder)
            except OSError as error:
                raise as_forecast_error(error, folder) from error
            write_bytes(folder / _LATEST, f"{manifest.version}\n".encode())
        return version

    def open(self, name: str) -> Artifact:
        """Load the version in use of a model, after every check that needs no network.

        Raises MissingInputError when the model or one of its files is not there, BadDataError when
        anything about it is not as its manifest says.
        """
        if parse_name(name) not in self.names():
            known = ", ".join(self.names()) or "none"
            raise MissingInputError(
                f"no model is called {name!r} (trained: {known})",
                fix=f"forecast train --model linear --name {name}",
            )
        folder = self.root / name / self._latest(name)
        manifest = _read_manifest(folder)
        contents = {file: _read_checked(folder / file, of) for file, of in manifest.files.items()}
        unlisted = {path.name for path in folder.iterdir()} - {_MANIFEST, *contents}
        if unlisted:
            raise BadDataError(f"{folder}: holds files that no manifest lists: {sorted(unlisted)}")
        if (manifest.name, manifest.version) != (name, folder.name):
            raise BadDataError(f"{folder}: its manifest belongs to {manifest.name}")
        return Artifact(manifest=manifest, graph=contents[GRAPH])

    def _latest(self, name: str) -> str:
        version = (self.root / name / _LATEST).read_text("ascii", "replace").strip()
        if not re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}", version):
            raise BadDataError(f"{self.root / name / _LATEST}: does not name a version")
        return version


def _read_manifest(folder: Path) -> Manifest:
    path = folder / _MANIFEST
    content = _read_regular(path, _LARGEST_MANIFEST)
    try:
        fields = json.loads(content, object_pairs_hook=_refuse_duplicates)
        # strict validation tells JSON's arrays from Python's lists: it wants the text
        return Manifest.model_validate_json(json.dumps(upgraded(fields)))
    except ValidationError as error:
        fault = "; ".join(sentences(error)[:3])
    except (ValueError, RecursionError) as error:
        fault = str(error)
    raise BadDataError(f"{path}: {fault}", fix="train the model again")


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("the same key stands twice")
    return keys


def _read_checked(path: Path, expected: FileRecord) -> bytes:
    content = _read_regular(path, expected.size)
    if record(content) != expected:
        raise BadDataError(
            f"{path}: is not the file its manifest lists (SHA-256 differs)",
            fix="train the model again",
        )
    return content


def _read_regular(path: Path, largest: int) -> bytes:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise BadDataError(f"{path}: is not a regular file")
    if not path.exists():
        raise MissingInputError(f"{path}: is missing", fix="train the model again")
    if path.stat().st_size > largest:
        raise BadDataError(f"{path}: is larger than {largest:,} bytes")
    return path.read_bytes()
