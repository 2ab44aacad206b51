"""Checks of a home folder: its disk, locks and leftovers, and whether what is stored is whole."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from forecast_cli.data.covariates import CovariateStore
from forecast_cli.data.ledger import Ledger, read_file
from forecast_cli.data.listing import stored_series
from forecast_cli.data.sessions import calendar_name
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError, ForecastError, MissingInputError
from forecast_cli.files import TEMPORARY_SUFFIX, target_of
from forecast_cli.models.artifact import ModelStore
from forecast_cli.models.manifest import Manifest
from forecast_cli.models.runtime import OnnxForecaster
from forecast_cli.symbols import folder_to_symbol
from forecast_cli.workflows.diagnosis import Diagnosis, failed, fault, note, ok, warning

_LITTLE_BYTES: Final = 1 << 30
_TOO_LITTLE_BYTES: Final = 50 << 20
_DEFAULT_HORIZON: Final = 5
_SHOWN: Final = 5
_FEW_SESSIONS: Final = 60
_VERSION_TIME: Final = "%Y%m%dT%H%M%SZ"


def disk(home: Path) -> Diagnosis:
    """How much a user may still write where the home lies, or will lie."""
    free = shutil.disk_usage(_existing(home)).free
    text = f"{free / 2**30:,.1f} GiB free"
    if free < _TOO_LITTLE_BYTES:
        return fault("disk", f"{free / 2**20:,.0f} MiB free: too little to store a model", _MORE)
    if free < _LITTLE_BYTES:
        return warning("disk", text, _MORE)
    return ok("disk", text)


_MORE: Final = "free some disk space, or choose another --home"


def folder(home: Path) -> Diagnosis:
    """Whether this user may write into the home. Who else may was asked when it was chosen."""
    if not home.exists():
        parent = _existing(home)
        if not os.access(parent, os.W_OK, effective_ids=True):
            text = f"{home} does not exist, and {parent} is not writable"
            return fault("home", text, "choose another --home, or set FORECAST_HOME")
        return note("home", f"{home} does not exist yet; a fetch makes it")
    if not os.access(home, os.W_OK, effective_ids=True):
        text = f"{home} is not writable: predict works, fetch and train do not"
        return warning("home", text, "run as the user who owns it, or choose another --home")
    return ok("home", str(home))


def locks(home: Path) -> Diagnosis:
    """Which locks other runs hold. Each is tried for a moment, shared, and let go at once."""
    files = sorted(home.rglob(".*.lock"))
    held = [path for path in files if _is_held(path)]
    if held:
        text = f"{len(held)} held by other runs: {_named(home, held)}"
        return note("locks", text, "commands that write there exit with 75 until they end")
    return ok("locks", f"{len(files):,}, none held")


def leftovers(home: Path) -> Diagnosis:
    """Temporary files that no run is writing any more."""
    strays = [
        path for path in sorted(home.rglob(f".*{TEMPORARY_SUFFIX}")) if not _is_written(home, path)
    ]
    if strays:
        text = f"{len(strays)} left by runs that were killed: {_named(home, strays)}"
        return warning("leftovers", text, "the next fetch or train removes them; or do it by hand")
    return ok("leftovers", "no stray temporary files")


def calendars(home: Path, models: list[Manifest], now: datetime) -> list[Diagnosis]:
    """Whether the stored sessions reach as far ahead as the models in use look."""
    store = BarStore(home)
    horizon = max((max(model.config.horizons) for model in models), default=_DEFAULT_HORIZON)
    names = {calendar_name(symbol) for day in store.intervals() for symbol in store.symbols(day)}
    found = [_calendar(store, name, horizon, now) for name in sorted(names)]
    bad = [one for one in found if one.status != "ok"]
    if bad or not found:
        return bad or [note("calendars", "no bars are stored")]
    return [ok("calendars", "; ".join(one.found for one in found[:_SHOWN]))]


def _calendar(store: BarStore, name: str, horizon: int, now: datetime) -> Diagnosis:
    fix = "fetch its symbols again: that extends the calendar to two years from now"
    try:
        calendar = store.read_calendar(name)
    except ForecastError as error:
        return failed("calendars", error)
    if calendar is None:
        text = f"the sessions of {name} are not stored: no forecast has a date"
        return fault("calendars", text, fix, MissingInputError)
    sessions = calendar.sessions
    n_ahead = int((sessions > np.datetime64(now.date(), "D")).sum())
    text = f"{name} from {sessions[0]} to {sessions[-1]}"
    if n_ahead < horizon:
        text += f": {n_ahead} sessions ahead, {horizon} are needed"
        return fault("calendars", text, fix, BadDataError)
    if n_ahead < max(_FEW_SESSIONS, horizon):
        return warning("calendars", f"{text}: {n_ahead} sessions ahead", fix)
    return ok("calendars", text)


def newest(home: Path, models: list[Manifest], now: datetime) -> tuple[datetime | None, str]:
    """When the newest thing stored was made or happened, and what it is."""
    times = {
        f"the last bar of {one.symbol}": datetime(
            one.last.year, one.last.month, one.last.day, tzinfo=UTC
        )
        for one in stored_series(BarStore(home), now=now)
        if one.last is not None
    }
    times |= {
        f"the training of {model.name}": datetime.strptime(
            model.version.partition("-")[0], _VERSION_TIME
        ).replace(tzinfo=UTC)
        for model in models
    }
    recorded = Ledger(home).last_made_at()
    if recorded is not None:
        times["the last forecast of the ledger"] = recorded
    what = max(times, key=times.__getitem__, default="")
    return times.get(what), what


def checksums(home: Path) -> list[Diagnosis]:
    """Whether every stored table holds what was written: page checksums and seals, all of them."""
    n_tables, faults = 0, []
    for read in _tables(home):
        n_tables += 1
        try:
            read()
        except ForecastError as error:
            faults.append(failed("checksums", error))
    return faults or [ok("checksums", f"{n_tables:,} tables hold what was written")]


def _tables(home: Path) -> Iterator[Callable[[], object]]:
    bars, covariates = BarStore(home), CovariateStore(home)
    for interval in bars.intervals():
        for symbol in bars.symbols(interval):
            yield partial(bars.read, symbol, interval)
    for path in sorted((home / "revisions").glob("interval=*/symbol=*/revisions.parquet")):
        of = folder_to_symbol(path.parent.name)
        if of is not None:
            yield partial(bars.read_revisions, of, path.parent.parent.name.partition("=")[2])
    for path in sorted((home / "calendars").glob("*.parquet")):
        yield partial(bars.read_calendar, path.stem)
    for path in Ledger(home).files():
        yield partial(read_file, path)
    for name in covariates.names():
        for owner in covariates.symbols(name):
            yield partial(covariates.read, name, owner)


def models_in_use(home: Path) -> tuple[list[Manifest], list[Diagnosis]]:
    """Open each model in use and replay its canary, as `predict` does.

    The manifests of those that passed, and what is to be said.
    """
    store = ModelStore(home)
    passed, faults = [], []
    for name in store.names():
        try:
            passed.append(OnnxForecaster(store.open(name)).manifest)
        except ForecastError as error:
            faults.append(failed("models", error))
    if not passed and not faults:
        return [], [note("models", "none is trained", "forecast train --model linear")]
    names = ", ".join(manifest.name for manifest in passed[:_SHOWN])
    text = f"{len(passed)} in use gave their canary's output: {names}"
    return passed, faults or [ok("models", text)]


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(one for one in (path, *path.absolute().parents) if one.exists())


def _named(home: Path, paths: list[Path]) -> str:
    shown = ", ".join(str(path.relative_to(home)) for path in paths[:_SHOWN])
    return f"{shown}, ..." if len(paths) > _SHOWN else shown


def _is_held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_written(home: Path, stray: Path) -> bool:
    """Whether a temporary file belongs to a run that holds the lock of its target or folder."""
    above = [stray, *stray.parents]
    folders = above[: above.index(home) + 1]
    targets = [target_of(stray), *folders[1:-1]]
    return any(_is_held(one.with_name(f".{one.name}.lock")) for one in targets)
