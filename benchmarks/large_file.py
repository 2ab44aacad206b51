"""A price file of 3 GB, read in a process that may hold 1 GiB. Some minutes, and 9 GB of disk.

Usage: python -m benchmarks.large_file [FOLDER]; the folder is a temporary one by default.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.ingest import write_long
from benchmarks.measuring import python

_FILE_BYTES: Final = 3_000_000_000
_LIMIT_BYTES: Final = 1 << 30


def main() -> None:
    """Print one JSON line: size, limit, seconds, and the largest memory that was held."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        source, home = Path(folder) / "large.csv", Path(folder) / "store"
        write_large(source, Path(folder) / "part.csv")
        started = time.perf_counter()
        limited_fetch(source, home)
        measured = {
            "job": "fetch one file under a memory limit",
            "file_mb": source.stat().st_size // 1_000_000,
            "limit_mb": _LIMIT_BYTES // 1_000_000,
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000,
            "seconds": round(time.perf_counter() - started, 1),
            "symbols": sum(1 for _ in (home / "bars").glob("*/*/bars.parquet")),
        }
    sys.stdout.write(json.dumps(measured) + "\n")


def write_large(path: Path, part: Path) -> None:
    """The long table of the ingest benchmark again and again, under other symbols each time."""
    header, _, rows = write_long(part).read_bytes().partition(b"\n")
    copy = 0
    with path.open("wb") as file:
        file.write(header + b"\n")
        while file.tell() < _FILE_BYTES:
            file.write(rows.replace(b",C", b",%dC" % copy))
            copy += 1
    part.unlink()


def limited_fetch(source: Path, home: Path) -> None:
    """Fetch in a process whose data, as the kernel counts them, stay below the limit."""
    resource.setrlimit(resource.RLIMIT_DATA, (_LIMIT_BYTES, _LIMIT_BYTES))
    command = python("-m", "forecast_cli", "fetch", "--from", source, "--home", home, "--quiet")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command


if __name__ == "__main__":
    main()
