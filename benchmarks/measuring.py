"""Whole processes, side by side: A B A B ..., medians, and ratios pair by pair."""

import contextlib
import ctypes
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER = Path(__file__).parent
_PR_SET_CHILD_SUBREAPER: Final = 36


@dataclass(frozen=True)
class Measurement:
    """Wall and CPU seconds of one command, in the order they were taken, and its peak memory.

    CPU seconds are of all its processes, peak memory is of the largest one.
    CPU times tell more where other programs share the machine.
    """

    name: str
    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    peak_mb: int

    @property
    def median(self) -> float:
        """The median wall time, in seconds."""
        return statistics.median(self.seconds)


def python(*arguments: str | Path) -> list[str]:
    """A command for this interpreter."""
    return [sys.executable, *map(str, arguments)]


def time_side_by_side(
    commands: Mapping[str, Sequence[str]], *, home: Path, repeats: int = 5
) -> list[Measurement]:
    """Run each command once unmeasured, then all in turn, `repeats` times."""
    _adopt_orphans()
    # users have compiled bytecode; where it may not be written, every start compiles anew
    environment = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}
    environment["FORECAST_HOME"] = str(home)
    runs: dict[str, list[tuple[float, float, int]]] = {name: [] for name in commands}
    for turn in range(repeats + 1):
        for name, command in commands.items():
            run = _run(command, environment)
            if turn:
                runs[name].append(run)
    measured = []
    for name, each in runs.items():
        seconds, cpu_seconds, peaks = zip(*each, strict=True)
        measured.append(Measurement(name, seconds, cpu_seconds, max(peaks)))
    return measured


def _adopt_orphans() -> None:
    """Let this process wait for what a command leaves behind, which counts towards it (Linux)."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds and peak resident MB of one run."""
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu_seconds, peak = used.ru_utime + used.ru_stime, used.ru_maxrss
    with contextlib.suppress(ChildProcessError):
        while True:  # what the command has started and not waited for
            _, _, used = os.wait4(-1, 0)
            cpu_seconds += used.ru_utime + used.ru_stime
            peak = max(peak, used.ru_maxrss)
    return seconds, cpu_seconds, peak // 1000


def report(job: str, measured: Sequence[Measurement]) -> None:
    """One JSON line, then a table; ratios are to the first command, pair by pair."""
    first = measured[0]
    rows = []
    for each in measured:
        ratios = [a / b for a, b in zip(each.seconds, first.seconds, strict=True)]
        rows.append(
            {
                "name": each.name,
                "median_s": round(each.median, 4),
                "min_s": round(min(each.seconds), 4),
                "max_s": round(max(each.seconds), 4),
                "median_cpu_s": round(statistics.median(each.cpu_seconds), 4),
                "peak_mb": each.peak_mb,
                "ratio_to_first": round(statistics.median(ratios), 2),
            }
        )
    sys.stdout.write(json.dumps({"job": job, "rows": rows}) + "\n")
    for row in rows:
        sys.stdout.write(
            f"  {row['name']:<42}{row['median_s']:>9.3f} s"
            f"  [{row['min_s']:.3f}..{row['max_s']:.3f}]{row['ratio_to_first']:>8.2f} x"
            f"{row['median_cpu_s']:>9.3f} s CPU{row['peak_mb']:>7} MB\n"
        )
    sys.stdout.flush()
