"""A nightly job as an operator has it: price files that grow, a configuration, a clock.

The clock of a run is that of the whole process, moved by libfaketime: nothing in the program knows
of it. Each evening one more bar is published, and a run may be started, killed, starved or crowded.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic import random_walk_bars

from forecast_cli.data.bars import Bars

CONFIGURATION = """\
home = "store"

[fetch]
from = "prices/"

[train]
model = "linear"
epochs = 1
horizon = [1, 5]

[predict]
output = "forecasts.csv"

[run]
retrain_every = {retrain_every}
max_age_sessions = 3
"""
N_FIRST = 700
"""Bars that are there before the first night: enough for a network."""


def clock_library() -> Path:
    """What moves the clock of a process; skips the test where there is none."""
    spec = importlib.util.find_spec("libfaketime")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    found = sorted(folder.glob("vendor/**/libfaketime.so.1"))
    if not found or sys.platform != "linux":
        pytest.skip("libfaketime, which moves the clock, is not installed here")
    return found[0]


@dataclass(frozen=True)
class Ended:
    """What a run left behind."""

    code: int
    out: str
    err: str


class Nightly:
    """A folder with a job in it.

    symbols: of currencies, whose sessions are the days of the week. night: how many bars have been
    published since the first ones.
    """

    def __init__(
        self, folder: Path, symbols: tuple[str, ...] = ("AAA=X", "BBB=X"), retrain_every: int = 1000
    ) -> None:
        self.folder, self.symbols = folder, symbols
        self.home, self.prices = folder / "store", folder / "prices"
        self.config = folder / "forecast.toml"
        self._bars = [
            random_walk_bars(symbol, N_FIRST + 500, seed, start="2015-01-01")
            for seed, symbol in enumerate(symbols)
        ]
        self._clock = clock_library()
        self.night = 0
        self.prices.mkdir(parents=True, exist_ok=True)
        self.config.write_text(CONFIGURATION.format(retrain_every=retrain_every))
        self.publish()

    @property
    def cutoff(self) -> np.datetime64:
        """The session of the last bar that was published."""
        last: np.datetime64 = self._bars[0].timestamp[N_FIRST + self.night - 1]
        return last

    @property
    def evening(self) -> str:
        """An hour, in UTC, at which that session has closed and no other."""
        return f"{self.cutoff + np.timedelta64(1, 'D')} 06:00:00"

    def publish(self, n: int = 0) -> None:
        """Let the vendor write its files with n more bars."""
        self.night += n
        for bars in self._bars:
            write_csv(self.prices / f"{bars.symbol}.csv", bars.take(slice(N_FIRST + self.night)))

    def environment(self, *, clock: str | None = None, **others: str) -> dict[str, str]:
        """What cron gives a process, little enough, and the clock. clock: in UTC."""
        return {
            "PATH": "/usr/bin:/bin",
            "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],
            "TZ": "UTC",
            "LD_PRELOAD": str(self._clock),
            "FAKETIME": f"@{clock or self.evening}",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            **others,
        }

    def command(self, *arguments: str) -> list[str]:
        """The program as cron starts it, here with this job's settings."""
        return [sys.executable, "-m", "forecast_cli", *arguments, "--config", str(self.config)]

    def start(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> "subprocess.Popen[str]":
        """Start `forecast run`, or another command, in a process of its own."""
        return subprocess.Popen(
            self.command(*(arguments or ("run",))),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env=dict(environment or self.environment()),
            preexec_fn=prepare,  # noqa: PLW1509 - the limits of one process, set before it starts
        )

    def run(self, *arguments: str, **terms: Any) -> Ended:  # noqa: ANN401 - as `start` takes them
        """Start it and wait."""
        with self.start(*arguments, **terms) as process:
            out, err = process.communicate(timeout=120)
        return Ended(process.returncode, out, err)

    def kill(self, process: "subprocess.Popen[str]") -> Ended:
        """SIGKILL, and what is left behind but for the memory in which its clock was shared."""
        process.kill()
        out, err = process.communicate()
        for kind in ("faketime_shm_", "sem.faketime_sem_"):
            Path(f"/dev/shm/{kind}{process.pid}").unlink(missing_ok=True)  # noqa: S108 - libfaketime's
        return Ended(process.returncode, out, err)

    def state(self) -> dict[str, tuple[int, bytes]]:
        """Every file of the store, and of what lies beside it, with its time and content."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.folder)): (path.stat().st_mtime_ns, path.read_bytes())
            for path in sorted(files)
            if self.prices not in path.parents
        }


def write_csv(path: Path, bars: Bars) -> None:
    """A price file as a vendor writes it."""
    lines = ["Date,Open,High,Low,Close,Adj Close,Volume"]
    columns = (bars.timestamp, bars.open, bars.high, bars.low, bars.close, bars.volume)
    for day, opened, high, low, close, volume in zip(*columns, strict=True):
        prices = ",".join(f"{price:.4f}" for price in (opened, high, low, close, close))
        lines.append(f"{day},{prices},{volume:.0f}")
    path.write_text("\n".join(lines) + "\n")
