"""Writing files that are either wholly old or wholly new, whatever happens in between."""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from filelock import FileLock, Timeout

from forecast_cli.errors import CannotCreateError, InputOutputError, TryAgainError

TEMPORARY_SUFFIX: Final = ".tmp"
Sync: TypeAlias = Callable[[Path], object]
"""What makes the entries of a folder durable, at once or later: `fsync_folder` or its deferral."""

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def fsync_folder(folder: Path) -> None:
    """Make renames inside a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(
    path: Path, write: Callable[[BinaryIO], object], *, sync: Sync = fsync_folder
) -> None:
    """Write a file through a temporary one beside it: fsync, rename, fsync of the folder.

    sync: the last step, which may wait until many files are written. Raises CannotCreateError when
    the folder is missing or not writable, InputOutputError when the disk is full or fails. In both
    cases the old file is untouched and no temporary file is left.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        make_folder(path.parent, sync=sync)
        temporary.unlink(missing_ok=True)
        # "x": what else may lie under this name, such as a link, is never written through.
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        raise as_forecast_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write bytes atomically; see `write_atomically`."""
    write_atomically(path, lambda file: file.write(content))


def make_folder(folder: Path, *, sync: Sync = fsync_folder) -> None:
    """Make a folder and its missing parents; each entry is durable when it is synced."""
    if folder.is_dir():
        return
    make_folder(folder.parent, sync=sync)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def remove_stray(path: Path) -> None:
    """Remove what a killed writer left behind, file or folder; a link goes, not its target."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def as_forecast_error(error: OSError, path: Path) -> CannotCreateError | InputOutputError:
    """Tell 'cannot create' (permissions, missing folder) from 'failed while writing'."""
    reason = error.strerror or str(error)
    if error.errno in _DISK_FULL:
        return InputOutputError(
            f"{path}: {reason.lower()}; the old content is intact",
            fix="free some disk space and run the command again",
        )
    if isinstance(error, (PermissionError, FileNotFoundError, NotADirectoryError, FileExistsError)):
        return CannotCreateError(
            f"{path}: cannot be written ({reason.lower()})",
            fix="choose a folder you can write to",
        )
    if error.errno == errno.EROFS:
        return CannotCreateError(f"{path}: the file system is read-only")
    return InputOutputError(f"{path}: {reason.lower()}")


def target_of(temporary: Path) -> Path:
    """The file that a temporary one was to become."""
    return temporary.with_name(temporary.name[1:].rsplit(".", 2)[0])


@contextlib.contextmanager
def locked(path: Path, *, sync: Sync = fsync_folder) -> Iterator[None]:
    """Hold the one writer's lock of `path`, and sweep what a killed writer left beside it.

    Raises TryAgainError at once when another process holds the lock. The lock file stays: deleting
    it would let two processes lock two different files of the same name.
    """
    try:
        make_folder(path.parent, sync=sync)
        lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0, fallback_to_soft=False)
        with lock:
            for stray in path.parent.glob(f".{path.name}.*{TEMPORARY_SUFFIX}"):
                remove_stray(stray)
            yield
    except Timeout:
        raise TryAgainError(
            f"{path}: another run is writing here", fix="wait for it to end and try again"
        ) from None
    except OSError as error:
        raise as_forecast_error(error, path) from error
