"""Which versions of a model there are and which is used: remove, prune, pin, and hand out."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from forecast_cli.errors import CannotCreateError, UsageError
from forecast_cli.files import TEMPORARY_SUFFIX, as_forecast_error, remove_stray, write_bytes
from forecast_cli.models.artifact import ModelStore, parse_reference
from forecast_cli.models.runtime import OnnxForecaster

ExportFormat: TypeAlias = Literal["keras", "onnx", "saved-model"]


@dataclass(frozen=True, kw_only=True)
class RemovedVersions:
    """What was removed, or would be: versions of a model, oldest first, or all of it."""

    name: str
    versions: tuple[str, ...]
    whole_model: bool = False


def remove_model(reference: str, *, home: Path, dry_run: bool = False) -> RemovedVersions:
    """Remove a model, NAME, or one version of it, NAME@VERSION.

    Raises MissingInputError for what is not there, UsageError for a version that is pinned or the
    only one, TryAgainError while the model is being trained.
    """
    name, version = parse_reference(reference)
    store = ModelStore(home)
    gone = RemovedVersions(
        name=name,
        versions=(version,) if version else tuple(store.versions(name)),
        whole_model=version is None,
    )
    if version:
        store.check_removable(name, version)
    if dry_run:
        return gone
    if version:
        store.remove(name, version)
    else:
        store.remove_all(name)
    return gone


def prune_model(name: str, *, home: Path, keep: int, dry_run: bool = False) -> RemovedVersions:
    """Remove all but the `keep` newest versions; the one in use stays, too."""
    store = ModelStore(home)
    gone = store.beyond(name, keep) if dry_run else store.prune(name, keep)
    return RemovedVersions(name=name, versions=tuple(gone))


def pin_model(reference: str, *, home: Path) -> str:
    """Keep NAME@VERSION in use, or with NAME alone the version that is; which one."""
    name, version = parse_reference(reference)
    store = ModelStore(home)
    pinned = version or store.open(name).manifest.version
    store.pin(name, pinned)
    return f"{name}@{pinned}"


def unpin_model(name: str, *, home: Path) -> tuple[str | None, str]:
    """Use the newest version again: the version that was pinned, if any, and the one in use."""
    store = ModelStore(home)
    return store.unpin(name), store.in_use(name)


def export_model(
    reference: str, *, home: Path, form: ExportFormat, output: Path, force: bool = False
) -> Path:
    """Write a model's network for other programs, after it has reproduced its canary.

    form: "keras", a `.keras` file; "onnx"; "saved-model", a folder. They are written only, never
    read. Raises CannotCreateError when the output exists and `force` is not given, UsageError for a
    folder in a file's place, InternalCheckError when the canary differs.
    """
    exists = os.path.lexists(output)
    if exists and not force:
        raise CannotCreateError(f"{output}: exists already", fix="add --force to overwrite it")
    if exists and (output.is_dir() and not output.is_symlink()) != (form == "saved-model"):
        kind = "a folder" if form == "saved-model" else "a file"
        raise UsageError(f"{output}: exists and is not {kind}, which {form} is")
    if not output.absolute().parent.is_dir():
        raise CannotCreateError(f"{output}: its folder does not exist")
    artifact = ModelStore(home).open(reference)
    if form == "onnx":
        OnnxForecaster(artifact)  # replays the canary
        write_bytes(output, artifact.graph)
        return output
    # Keras takes seconds to import
    from forecast_cli.models.rebuild import as_keras, rebuild, write_saved_model  # noqa: PLC0415

    network = rebuild(artifact)
    if form == "keras":
        write_bytes(output, as_keras(network))
        return output
    staging = output.with_name(f".{output.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        write_saved_model(network, staging)
        _replace_folder(staging, output)
    except OSError as error:
        raise as_forecast_error(error, output) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return output


def _replace_folder(new: Path, path: Path) -> None:
    """Put a folder in the place of another; in between there is none for a moment."""
    old = new.with_name(f"{new.name.removesuffix(TEMPORARY_SUFFIX)}.old{TEMPORARY_SUFFIX}")
    if path.is_dir():
        path.rename(old)
    new.rename(path)
    remove_stray(old)
