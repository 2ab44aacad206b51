"""Is this installation, and what it has stored, in order? Imports neither TensorFlow nor pandas."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from forecast_cli.errors import ForecastError
from forecast_cli.files import as_forecast_error
from forecast_cli.workflows import home as store
from forecast_cli.workflows import machine
from forecast_cli.workflows.diagnosis import Diagnosis, failed


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What every check has found, in a fixed order; a check may find several things."""

    home: Path
    diagnoses: tuple[Diagnosis, ...]

    @property
    def faults(self) -> list[Diagnosis]:
        """What does not work."""
        return [one for one in self.diagnoses if one.status == "fault"]


def examine(home: Path, *, quick: bool = False, now: datetime | None = None) -> Examination:
    """Check Python, packages, machine, home folder, bars and models. Changes nothing.

    quick: leave out what reads every stored bar. now: the instant, with its zone, that stands for
    the clock's. A fault of one check does not cost the others.
    """
    now = now or datetime.now(UTC)
    asked = machine.requirements()
    found = [
        machine.python(platform.python_version()),
        *machine.packages(asked),
        machine.extras(asked),
        machine.processor(),
        machine.bytecode(),
        *machine.zones(),
    ]

    def add(check: str, run: Callable[[], Diagnosis | list[Diagnosis]]) -> None:
        try:
            result = run()
        except ForecastError as error:
            result = failed(check, error)
        except OSError as error:  # a folder below the home that may not be read
            result = failed(check, as_forecast_error(error, Path(error.filename or home)))
        found.extend(result if isinstance(result, list) else [result])

    add("disk", lambda: store.disk(home))
    add("home", lambda: store.folder(home))
    add("locks", lambda: store.locks(home))
    add("leftovers", lambda: store.leftovers(home))
    models, of_models = store.models_in_use(home)
    add("clock", lambda: machine.clock(now, *store.newest(home, models, now)))
    add("calendars", lambda: store.calendars(home, models, now))
    if not quick:
        add("checksums", lambda: store.checksums(home))
    found.extend(of_models)
    return Examination(home=home, diagnoses=tuple(found))
