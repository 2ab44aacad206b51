"""Checks of what this program runs on: Python, packages, processor, zones, clock."""

import os
import re
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from packaging.requirements import Requirement

import forecast_cli
from forecast_cli.workflows.diagnosis import Diagnosis, fault, note, ok, warning
from forecast_cli.workflows.versions import SAFE_PYTHON, SAFE_VERSIONS, is_older

_DISTRIBUTION: Final = "forecast-cli"
_OLDEST_PYTHON: Final = "3.11"
_THREADS: Final = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
_POSIX_ZONE: Final = re.compile(r"(?:<[A-Za-z0-9+-]{3,}>|[A-Za-z]{3,})[+-]?\d{1,2}")
"""POSIX.1, TZ: `EST5EDT`, `<+03>-3`; libc knows these without any file."""
_CLOCK_SLACK: Final = timedelta(days=1)


def python(found: str) -> Diagnosis:
    """The interpreter. found: its version."""
    if is_older(found, _OLDEST_PYTHON):
        return fault("python", f"Python {found}", f"use Python {_OLDEST_PYTHON} or newer")
    if is_older(found, SAFE_PYTHON):
        return warning(
            "python", f"Python {found} has known holes", f"update to {SAFE_PYTHON} or newer"
        )
    return ok("python", f"Python {found}")


def requirements() -> list[Requirement]:
    """What the installed distribution asks for, extras included; empty where there is none."""
    try:
        return [Requirement(text) for text in requires(_DISTRIBUTION) or ()]
    except PackageNotFoundError:
        return []


def packages(asked: Iterable[Requirement]) -> list[Diagnosis]:
    """Whether all that is asked for is there, new enough to work and to be safe."""
    needed = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    if not needed:
        fix = f"install it: pip install {_DISTRIBUTION}"
        return [warning("packages", "this program is not installed, only on the path", fix)]
    faults = []
    for one in needed:
        found = installed(one.name)
        if found is None:
            faults.append(fault("packages", f"{one.name} is missing", f"pip install '{one}'"))
        elif not one.specifier.contains(found, prereleases=True):
            text = f"{one.name} {found} is not {one.specifier}"
            faults.append(fault("packages", text, f"pip install '{one}'"))
    for name, lowest in SAFE_VERSIONS.items():
        found = installed(name)
        if found is not None and is_older(found, lowest):
            text = f"{name} {found} has known holes"
            faults.append(fault("packages", text, f"pip install '{name}>={lowest}'"))
    shown = ", ".join(f"{name} {installed(name)}" for name in ("tensorflow", "keras", "pyarrow"))
    return faults or [ok("packages", f"{len(needed)} packages as asked for, with {shown}")]


def extras(asked: Iterable[Requirement]) -> Diagnosis:
    """Which optional parts are installed."""
    names = sorted(
        {name for one in asked for name in re.findall(r"extra == .(\w+)", str(one.marker))}
    )
    absent = [
        name
        for name in names
        if any(
            one.marker.evaluate({"extra": name}) and installed(one.name) is None
            for one in asked
            if one.marker is not None
        )
    ]
    if not absent:
        return ok("extras", f"all present: {', '.join(names)}")
    present = ", ".join(name for name in names if name not in absent) or "none"
    fix = f"where they are wanted: pip install '{_DISTRIBUTION}[{','.join(absent)}]'"
    return note("extras", f"present: {present}; absent: {', '.join(absent)}", fix)


def installed(package: str) -> str | None:
    """The version of an installed package, without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def processor() -> Diagnosis:
    """How many cores there are, and what the environment says of threads."""
    said = {name: os.environ[name] for name in _THREADS if name in os.environ}
    n_cores = len(os.sched_getaffinity(0))
    text = f"{n_cores} core{'' if n_cores == 1 else 's'} for --jobs, one thread each"
    if not said:
        return ok("processor", text)
    text += f"; {', '.join(f'{name}={value}' for name, value in said.items())}"
    for name, value in said.items():
        if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", value):
            return warning("processor", f"{text} is no number of threads", f"unset {name}")
    return note("processor", text)


def zones() -> list[Diagnosis]:
    """Whether time zones are known here, and whether TZ is one."""
    try:
        ZoneInfo("America/New_York")
    except (KeyError, OSError, ValueError):
        return [fault("time zone", "no data of time zones are installed", "pip install tzdata")]
    name = os.environ.get("TZ", "").removeprefix(":")
    if not name:
        return [ok("time zone", "zones are known; TZ is not set")]
    try:
        if not _POSIX_ZONE.match(name):
            ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        text = f"TZ={name[:40]!a} is no time zone: cron and logs then use UTC, forecasts never do"
        return [warning("time zone", text, "unset TZ, or name a zone such as Europe/Berlin")]
    return [ok("time zone", f"TZ={name}")]


def clock(now: datetime, newest: datetime | None, what: str) -> Diagnosis:
    """Whether it is later than the newest thing stored. newest: when that was; what: its name."""
    shown = f"{now:%Y-%m-%d %H:%M} UTC"
    if newest is not None and now < newest - _CLOCK_SLACK:
        text = f"{shown} is before {what} ({newest:%Y-%m-%d}): the clock was set back"
        return fault("clock", text, "set the clock right; nothing that is stored is wrong")
    return ok("clock", shown)


def bytecode() -> Diagnosis:
    """Whether imports are kept compiled; without, every start compiles them anew."""
    folder = Path(forecast_cli.__file__).parent
    fix = f"python -m compileall -q {folder}"
    if sys.dont_write_bytecode:
        return note("bytecode", "not kept, as PYTHONDONTWRITEBYTECODE or -B says: slow starts", fix)
    if not os.access(folder, os.W_OK, effective_ids=True) and not any(
        folder.glob("__pycache__/*.pyc")
    ):
        return note("bytecode", f"{folder} is not writable: every start compiles anew", fix)
    return ok("bytecode", "compiled modules are kept")
