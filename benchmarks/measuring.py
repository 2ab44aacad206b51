"""Whole processes, side by side: A B A B ..., medians, and ratios pair by pair."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Measurement:
    """Wall times in seconds of one command, in the order they were taken."""

    name: str
    seconds: tuple[float, ...]

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
    # users have compiled bytecode; where it may not be written, every start compiles anew
    environment = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}
    environment["FORECAST_HOME"] = str(home)
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(repeats + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, env=environment)  # noqa: S603 - our own commands
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return [Measurement(name, tuple(values)) for name, values in seconds.items()]


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
                "ratio_to_first": round(statistics.median(ratios), 2),
            }
        )
    sys.stdout.write(json.dumps({"job": job, "rows": rows}) + "\n")
    for row in rows:
        sys.stdout.write(
            f"  {row['name']:<42}{row['median_s']:>9.3f} s"
            f"  [{row['min_s']:.3f}..{row['max_s']:.3f}]{row['ratio_to_first']:>8.2f} x\n"
        )
    sys.stdout.flush()
