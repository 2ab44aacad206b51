"""Files are wholly old or wholly new, whatever fails in between."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from forecast_cli.errors import CannotCreateError, InputOutputError, TryAgainError
from forecast_cli.files import as_forecast_error, locked, write_atomically, write_bytes


def strays(folder: Path) -> list[str]:
    """Temporary files left behind."""
    return [path.name for path in folder.iterdir() if path.name.endswith(".tmp")]


def test_write_and_replace(tmp_path: Path) -> None:
    """The folder is made, the content replaced, nothing else is left."""
    path = tmp_path / "a" / "b"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("function", ["fsync", "open"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failing_call_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, number: int
) -> None:
    """A full or broken disk at fsync, of file or folder, ends in exit 74 and no mixture."""
    path = tmp_path / "x"
    write_bytes(path, b"old")

    def fail(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(InputOutputError):
            write_bytes(path, b"new")
    # A failing fsync of the folder comes after the rename: the new content is then whole.
    assert path.read_bytes() == (b"old" if function == "fsync" else b"new")
    assert not strays(tmp_path)


def test_a_failing_rename_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rename is the only moment of change."""
    path = tmp_path / "x"
    write_bytes(path, b"old")

    def fail(*_: object) -> Path:
        raise OSError(errno.EIO, "no")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(InputOutputError):
            write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert not strays(tmp_path)


def test_a_failing_writer_leaves_the_old_content(tmp_path: Path) -> None:
    """An error of the caller passes through unchanged."""
    path = tmp_path / "x"
    write_bytes(path, b"old")
    with pytest.raises(ZeroDivisionError):
        write_atomically(path, lambda file: file.write(b"n") and 1 // 0)
    assert path.read_bytes() == b"old"
    assert not strays(tmp_path)


def test_full_disk_in_a_real_process(tmp_path: Path) -> None:
    """The operating system refuses the bytes: exit code 74, the old content intact."""
    path = tmp_path / "x"
    write_bytes(path, b"old")
    code = f"""
import resource, signal, sys
from pathlib import Path
from forecast_cli.errors import ForecastError
from forecast_cli.files import write_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_bytes(Path({str(path)!r}), b"n" * 100_000)
except ForecastError as error:
    print(error)
    sys.exit(error.exit_code)
"""
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (74, "")
    assert "the old content is intact" in done.stdout
    assert path.read_bytes() == b"old"
    assert not strays(tmp_path)


def test_unwritable_folder(tmp_path: Path) -> None:
    """A file where a folder should be cannot be written into: exit 73."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(CannotCreateError, match="cannot be written"):
        write_bytes(tmp_path / "file" / "x", b"")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, InputOutputError),
        (errno.EDQUOT, InputOutputError),
        (errno.EIO, InputOutputError),
        (errno.EACCES, CannotCreateError),
        (errno.ENOENT, CannotCreateError),
        (errno.EROFS, CannotCreateError),
    ],
)
def test_kinds_of_failure(number: int, kind: type[Exception]) -> None:
    """'Cannot create' and 'failed while writing' have their own exit codes."""
    assert isinstance(as_forecast_error(OSError(number, os.strerror(number)), Path("x")), kind)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """A second process is told to come back, at once."""
    path = tmp_path / "x"
    code = f"""
import sys
from pathlib import Path
from forecast_cli.errors import TryAgainError
from forecast_cli.files import locked
try:
    with locked(Path({str(path)!r})):
        pass
except TryAgainError as error:
    sys.exit(error.exit_code)
"""
    command = [sys.executable, "-B", "-c", code]
    with locked(path):
        assert subprocess.run(command, check=False).returncode == 75
    assert subprocess.run(command, check=False).returncode == 0


def test_lock_sweeps_what_a_killed_writer_left(tmp_path: Path) -> None:
    """Stray temporary files of this target go, those of others stay."""
    stray, other = tmp_path / ".x.123.tmp", tmp_path / ".y.123.tmp"
    stray.touch()
    other.touch()
    with locked(tmp_path / "x"):
        assert strays(tmp_path) == [other.name]


def test_lock_file_stays(tmp_path: Path) -> None:
    """Deleting a lock file would let two processes lock two files of one name."""
    with locked(tmp_path / "x"):
        pass
    assert stat.S_ISREG((tmp_path / ".x.lock").stat().st_mode)


def test_an_error_inside_the_lock_frees_it(tmp_path: Path) -> None:
    """A failed run does not block the next one."""
    with pytest.raises(TryAgainError, match="mine"), locked(tmp_path / "x"):
        raise TryAgainError("mine")
    with locked(tmp_path / "x"):
        pass
