"""Bytes of a file that should be a CSV: unpacked, and refused when they are something else."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from forecast_cli.errors import BadDataError, MissingInputError

_MAXIMUM_BYTES: Final = 1 << 29
"""512 MiB of text are 8 million bars; more out of gzip or a pipe is a mistake, or a bomb."""
_BLOCK_BYTES: Final = 1 << 23
_LONGEST_CELL: Final = 1 << 25

GZIP_MAGIC: Final = b"\x1f\x8b"
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


class ByteSource(Protocol):
    """Something with bytes in it: a file, a gzip file, standard input."""

    def read(self, size: int, /) -> bytes: ...  # noqa: D102 - as of any file


def check_regular(path: Path) -> None:
    """Refuse everything but a regular file: a pipe or a device would never end.

    Raises MissingInputError.
    """
    try:
        if path.is_file():
            return
        exists = path.exists()
    except (OSError, ValueError) as error:  # a name too long, or with a NUL
        raise MissingInputError(f"{str(path)[:200]!r}: not a file name ({error})") from error
    if not exists:
        raise MissingInputError(f"{path}: no such file", fix="check the path")
    kind = "a folder" if path.is_dir() else "not a regular file"
    raise MissingInputError(f"{path}: {kind}", fix="give a file, or `-` to read standard input")


def read_limited(file: ByteSource, source: str, *, expected: int = _MAXIMUM_BYTES) -> bytes:
    """All bytes of an open file. Raises BadDataError above 512 MiB.

    expected: how many there should be; to make room for all that is allowed takes longer.
    """
    content = file.read(min(expected, _MAXIMUM_BYTES) + 1)
    if len(content) > expected:
        content += file.read(_MAXIMUM_BYTES + 1 - len(content))
    if len(content) > _MAXIMUM_BYTES:
        raise BadDataError(f"{source}: larger than 512 MiB", fix="unpack it into a file")
    return content


def plain_text(raw: bytes, source: str) -> bytes:
    """The CSV text in the bytes of a file: gzip unpacked, byte order mark removed.

    Raises BadDataError, naming what the bytes are, for UTF-16, NUL bytes, HTML, JSON, a damaged
    gzip file, a quoted cell without an end and an empty file.
    """
    content = _unpacked(raw, source) if raw.startswith(GZIP_MAGIC) else raw
    if content.startswith(_UTF16_MARKS):
        raise BadDataError(f"{source}: the text is UTF-16", fix="save the file as UTF-8")
    content = content.removeprefix(_UTF8_MARK)
    start = content[:4096].lstrip()
    if not start and not content.strip():
        raise BadDataError(f"{source}: empty file", fix="download the file again")
    if start.startswith(b"<"):
        raise _not_csv(source, "HTML")
    if start.startswith((b"{", b"[")):
        raise _not_csv(source, "JSON")
    check_text(content, source)
    return content


def check_text(content: bytes, source: str, *, n_before: int = 0) -> None:
    """Refuse NUL bytes and a quoted cell without an end. n_before: lines before this piece."""
    nul = content.find(b"\0")
    if nul >= 0:
        line = n_before + content.count(b"\n", 0, nul) + 1
        raise BadDataError(
            f"{source}: line {line} holds a NUL byte, so this is not text",
            fix="download the file again",
        )
    if b'"' in content and content.count(b'"') % 2:
        raise _unclosed(source)  # pyarrow would swallow the rest of the file as one cell


def blocks(file: ByteSource, source: str) -> Iterator[bytes]:
    """The bytes of a file in pieces of about 8 MiB that end with a line.

    Raises BadDataError for a cell without an end.
    """
    rest = b""
    while more := file.read(_BLOCK_BYTES):
        text = rest + more
        end = _line_end(text)
        if len(text) - end > _LONGEST_CELL:
            raise _unclosed(source)
        if end:
            yield text[:end]
        rest = text[end:]
    if rest:
        yield rest


def _line_end(text: bytes) -> int:
    """Where the last line ends that is whole; lines within a quoted cell are none."""
    newline = b"\n" if b"\n" in text else b"\r"
    end = text.rfind(newline) + 1
    while end and text.count(b'"', 0, end) % 2:
        end = text.rfind(newline, 0, text.rfind(b'"', 0, end)) + 1
    return end


def _unclosed(source: str) -> BadDataError:
    return BadDataError(f"{source}: a quoted cell is never closed", fix="download the file again")


def _unpacked(raw: bytes, source: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(raw)) as file:
            return read_limited(file, f"{source} (unpacked)")
    except (OSError, EOFError, zlib.error) as error:
        raise BadDataError(
            f"{source}: gzip data that cannot be unpacked ({error})", fix="download the file again"
        ) from error


def _not_csv(source: str, kind: str) -> BadDataError:
    return BadDataError(
        f"{source}: this is {kind}, not CSV (vendors answer so when they refuse a download)",
        fix="open the file to see what the vendor said, then download it again",
    )
