"""What one check of an installation has found."""

from dataclasses import dataclass
from typing import Literal

from forecast_cli.errors import ConfigError, ForecastError


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One check. fix: what to do about it. error: of a fault, the kind that it ends a run with."""

    check: str
    status: Literal["ok", "note", "warning", "fault"]
    found: str
    fix: str | None = None
    error: type[ForecastError] | None = None


def ok(check: str, found: str) -> Diagnosis:
    """Nothing is wrong."""
    return Diagnosis(check=check, status="ok", found=found)


def note(check: str, found: str, fix: str | None = None) -> Diagnosis:
    """Worth knowing; nothing is wrong."""
    return Diagnosis(check=check, status="note", found=found, fix=fix)


def warning(check: str, found: str, fix: str) -> Diagnosis:
    """All works, and might not for long."""
    return Diagnosis(check=check, status="warning", found=found, fix=fix)


def fault(
    check: str, found: str, fix: str | None, error: type[ForecastError] = ConfigError
) -> Diagnosis:
    """Something does not work."""
    return Diagnosis(check=check, status="fault", found=found, fix=fix, error=error)


def failed(check: str, error: ForecastError) -> Diagnosis:
    """A fault that was met as an error."""
    return fault(check, error.message, error.fix, type(error))
