"""Every error a user can meet, each with the exit code that cron sees.

    ForecastError
    ├── UsageError          2   wrong option, impossible combination, bad symbol
    ├── PartialError        3   some symbols failed, the others were done
    ├── BadDataError       65   malformed price file, damaged store or artifact
    ├── MissingInputError  66   no such file, symbol or model
    ├── UpstreamError      69   the data vendor does not answer
    ├── InternalCheckError 70   a self-check failed: nothing was written
    ├── CannotCreateError  73   the output exists or its folder is not writable
    ├── InputOutputError   74   disk full, failed write
    ├── TryAgainError      75   store locked, rate limit reached
    └── ConfigError        78   bad configuration

A message says what is wrong and where, what was expected, and what to do about it.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
TERMINATED: Final = 143
"""Exit codes that no error has: as a shell says of a process that a signal ended."""


class ForecastError(Exception):
    """Base of all errors that reach the user as a sentence instead of a traceback."""

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "error"

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class UsageError(ForecastError):
    """The command line asks for something that cannot be done."""

    exit_code = 2
    kind = "usage"


class PartialError(ForecastError):
    """Some symbols failed; the results of the others stand."""

    exit_code = 3
    kind = "partial"


class BadDataError(ForecastError):
    """A price file, a stored series or an artifact cannot be trusted."""

    exit_code = 65
    kind = "bad_data"


class MissingInputError(ForecastError):
    """A file, symbol or model that was asked for is not there."""

    exit_code = 66
    kind = "missing_input"


class UpstreamError(ForecastError):
    """The data vendor failed or sent nothing."""

    exit_code = 69
    kind = "upstream"


class InternalCheckError(ForecastError):
    """A self-check of this program failed; its result must not be used."""

    exit_code = 70
    kind = "internal_check"


class CannotCreateError(ForecastError):
    """An output cannot be created."""

    exit_code = 73
    kind = "cannot_create"


class InputOutputError(ForecastError):
    """Reading or writing failed below this program."""

    exit_code = 74
    kind = "input_output"


class TryAgainError(ForecastError):
    """Nothing is wrong, but not now: a lock or a rate limit."""

    exit_code = 75
    kind = "try_again"


class ConfigError(ForecastError):
    """The configuration is wrong."""

    exit_code = 78
    kind = "config"


_SPELT_OUT: Final = 4


def together(errors: Sequence[ForecastError]) -> ForecastError:
    """One error for several, at least one: the first, with the sentences of some of the others."""
    first, others = errors[0], errors[1:]
    if not others:
        return first
    messages = [error.message for error in errors[:_SPELT_OUT]]
    if len(errors) > _SPELT_OUT:
        messages.append(f"and {len(errors) - _SPELT_OUT:,} more")
    return type(first)("; ".join(messages), fix=first.fix)
