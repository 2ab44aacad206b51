"""The trained models under one home folder: versions, the one in use, and what is removed.

    HOME/models/NAME/VERSION/manifest.json        written last
    HOME/models/NAME/VERSION/weights.safetensors
    HOME/models/NAME/VERSION/model.onnx
    HOME/models/NAME/LATEST                       one line, the newest version
    HOME/models/NAME/PINNED                       one line, the version in use; only while pinned

A version is immutable; `LATEST` and `PINNED` are replaced atomically. There is no code in an
artifact: the network is named in an allow-list, its weights are numbers, and nothing is unpickled.
"""

import contextlib
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from forecast_cli.config import DEFAULT_LOOKBACK
from forecast_cli.errors import BadDataError, MissingInputError, UsageError
from forecast_cli.files import (
    TEMPORARY_SUFFIX,
    as_forecast_error,
    fsync_folder,
    locked,
    remove_stray,
    write_bytes,
)
from forecast_cli.models.artifact_reader import (
    MANIFEST,
    Artifact,
    read_artifact,
    read_regular,
    record,
    refuse_foreign,
    why_foreign,
)
from forecast_cli.models.manifest import Manifest

__all__ = ["Artifact", "ModelStore", "parse_name", "parse_reference", "record"]

_LATEST: Final = "LATEST"
_PINNED: Final = "PINNED"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z", re.ASCII)
_VERSION: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}\Z", re.ASCII)
_LONGEST_LINE: Final = 100


def parse_name(name: str) -> str:
    """Accept a model name. Raises UsageError for anything that is not a plain lower-case word."""
    if not _NAME.match(name) or why_foreign(name):
        raise UsageError(
            f"{name[:40]!a} is not a model name",
            fix="use 1 to 64 of a-z 0-9 . _ - and start with a letter or digit",
        )
    return name


def parse_reference(text: str) -> tuple[str, str | None]:
    """Name and version of NAME or NAME@VERSION.

    Raises UsageError for what is neither, BadDataError for a file of a format that is never read.

    >>> parse_reference("lstm@20240102T030405Z-0123abcd")
    ('lstm', '20240102T030405Z-0123abcd')
    """
    refuse_foreign(text)
    name, at, version = text.partition("@")
    if at and not _VERSION.match(version):
        raise UsageError(
            f"{version[:40]!a} is not a version of a model",
            fix=f"forecast models show {parse_name(name)} lists its versions",
        )
    return parse_name(name), version or None


class ModelStore:
    """The trained models under one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "models"

    def names(self) -> list[str]:
        """All model names that have a version in use, sorted."""
        return sorted(
            path.parent.name
            for path in self.root.glob(f"*/{_LATEST}")
            if not path.parent.name.startswith(".")
        )

    def newest(self) -> str:
        """The name of the model trained last. Raises MissingInputError when there is none."""
        names = self.names()
        if not names:
            raise MissingInputError(
                f"no model is trained in {self.home}", fix="forecast train --model linear"
            )
        return max(names, key=lambda name: (self._line(name, _LATEST), name))

    def versions(self, name: str) -> list[str]:
        """The versions of a model, oldest first. Raises MissingInputError for an unknown one."""
        self._check_known(name)
        return sorted(
            path.name for path in (self.root / name).iterdir() if _VERSION.match(path.name)
        )

    def in_use(self, name: str) -> str:
        """The version that forecasts: the pinned one, or the newest."""
        return self.pinned(name) or self._line(name, _LATEST)

    def pinned(self, name: str) -> str | None:
        """The version that stays in use whatever is trained; None where there is none."""
        with contextlib.suppress(MissingInputError):
            return self._line(name, _PINNED)
        return None

    def save(self, manifest: Manifest, files: Mapping[str, bytes]) -> Path:
        """Store a new version and make it the newest; all of it, or nothing.

        It is the one in use, too, unless another is pinned.
        """
        folder = self.root / parse_name(manifest.name)
        version = folder / manifest.version
        with locked(folder):
            staging = _hidden(version)
            _sweep(folder)
            try:
                for name, content in files.items():
                    write_bytes(staging / name, content)
                text = manifest.model_dump_json(indent=1)
                write_bytes(staging / MANIFEST, text.encode())
                if version.exists():  # trained twice in a second, with the same outcome
                    shutil.rmtree(staging)
                else:
                    staging.rename(version)
                    fsync_folder(folder)
            except OSError as error:
                raise as_forecast_error(error, folder) from error
            self._write_line(folder, _LATEST, manifest.version)
        return version

    def open(self, reference: str) -> Artifact:
        """Load the version in use of a model, NAME, or another, NAME@VERSION, with all checks.

        Raises MissingInputError when the model or one of its files is not there, BadDataError when
        anything about it is not as its manifest says or as it may be.
        """
        name, version = parse_reference(reference)
        self._check_known(name)
        chosen = version or self.in_use(name)
        try:
            artifact = read_artifact(self._folder(name, chosen))
        except MissingInputError:
            # another run may have removed what was in use a moment ago
            if version or (now := self.in_use(name)) == chosen:
                raise
            artifact = read_artifact(self._folder(name, now))
        return replace(artifact, pinned=self.pinned(name) == artifact.manifest.version)

    def pin(self, name: str, version: str) -> None:
        """Keep a version in use. It is checked first; raises as `open` does."""
        self._check_known(name)
        with locked(self.root / name):
            self.open(f"{name}@{version}")
            self._write_line(self.root / name, _PINNED, version)

    def unpin(self, name: str) -> str | None:
        """Use the newest version again; the version that was pinned, or None."""
        self._check_known(name)
        folder = self.root / name
        with locked(folder):
            pinned = self.pinned(name)
            (folder / _PINNED).unlink(missing_ok=True)
            fsync_folder(folder)
        return pinned

    def remove(self, name: str, version: str) -> None:
        """Remove one version of several. A kill leaves it as it was, or gone.

        Raises UsageError for the pinned and for the only version.
        """
        self._check_known(name)
        with locked(self.root / name):
            self.check_removable(name, version)
            self._remove(name, [version])

    def check_removable(self, name: str, version: str) -> None:
        """Raise what `remove` would raise."""
        versions = self.versions(name)
        self._check_version(name, version, versions)
        if version == self.pinned(name):
            raise UsageError(f"{name}@{version} is pinned", fix=f"forecast models unpin {name}")
        if versions == [version]:
            raise UsageError(
                f"{name}@{version} is the only version of {name}",
                fix=f"forecast models remove {name} removes the model",
            )

    def remove_all(self, name: str) -> None:
        """Remove a model with all its versions. A kill leaves it as it was, or gone."""
        self._check_known(name)
        folder = self.root / name
        with locked(folder):
            hidden = folder.with_name(f".{name}.removed{TEMPORARY_SUFFIX}")
            _rename_and_remove({folder: hidden}, self.root)

    def prune(self, name: str, keep: int) -> list[str]:
        """Remove all but the newest versions and the one in use; which ones, oldest first."""
        self._check_known(name)
        with locked(self.root / name):
            old = self.beyond(name, keep)
            self._remove(name, old)
        return old

    def beyond(self, name: str, keep: int) -> list[str]:
        """The versions that `prune` would remove, oldest first."""
        kept = {self.in_use(name), self._line(name, _LATEST)}
        newest_first = self.versions(name)[::-1]
        return [version for version in newest_first[keep:][::-1] if version not in kept]

    def _remove(self, name: str, gone: Sequence[str]) -> None:
        folder = self.root / name
        if self._line(name, _LATEST) in gone:  # first, so that it never names what is not there
            left = [version for version in self.versions(name) if version not in gone]
            self._write_line(folder, _LATEST, left[-1])
        _sweep(folder)
        _rename_and_remove({folder / each: _hidden(folder / each) for each in gone}, folder)

    def _folder(self, name: str, version: str) -> Path:
        folder = self.root / name / version
        if not folder.is_symlink() and not folder.is_dir():
            self._check_version(name, version, self.versions(name))
        return folder

    def _check_known(self, name: str) -> None:
        if parse_name(name) not in self.names():
            known = ", ".join(self.names()) or "none"
            import difflib  # noqa: PLC0415 - errors only

            near = difflib.get_close_matches(name, self.names(), n=1)
            network = name if name in DEFAULT_LOOKBACK else f"linear --name {name}"
            raise MissingInputError(
                f"no model is called {name!r} (trained: {known})",
                fix=f"did you mean {near[0]}?" if near else f"forecast train --model {network}",
            )

    def _check_version(self, name: str, version: str, versions: Sequence[str]) -> None:
        if version not in versions:
            raise MissingInputError(
                f"model {name} has no version {version} (it has {', '.join(versions) or 'none'})",
                fix=f"forecast models show {name}",
            )

    def _line(self, name: str, file: str) -> str:
        """The version that a file of one line names."""
        path = self.root / name / file
        version = read_regular(path, _LONGEST_LINE).decode("ascii", "replace").strip()
        if not _VERSION.match(version):
            raise BadDataError(f"{path}: does not name a version", fix="train the model again")
        return version

    def _write_line(self, folder: Path, file: str, version: str) -> None:
        write_bytes(folder / file, f"{version}\n".encode())


def _hidden(version: Path) -> Path:
    """Where a version lies while it is written or removed."""
    return version.with_name(f".{version.name}{TEMPORARY_SUFFIX}")


def _sweep(folder: Path) -> None:
    """Remove what a killed run left in a model's folder."""
    for leftover in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        remove_stray(leftover)


def _rename_and_remove(hidden: Mapping[Path, Path], folder: Path) -> None:
    """Remove folders: renamed first, they are gone at once, whatever becomes of the rest."""
    try:
        for path, aside in hidden.items():
            path.rename(aside)
        fsync_folder(folder)
        for aside in hidden.values():
            remove_stray(aside)
    except OSError as error:
        raise as_forecast_error(error, folder) from error
