"""Settings in `forecast.toml`: of this user, and of the working folder, which goes first.

    [checks]
    range_violation = "drop"

FORECAST_CONFIG names one file that is read instead of both.
"""

import difflib
import os
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from forecast_cli.errors import ConfigError
from forecast_cli.findings import CODES, Policy

FILE_NAME: Final = "forecast.toml"
_LARGEST: Final = 1_000_000


@dataclass(frozen=True)
class Settings:
    """What a user may set. checks: the policy of some codes of `findings.CODES`."""

    checks: Mapping[str, Policy] = field(default_factory=dict)


def load_settings() -> Settings:
    """The settings of this process's working folder and user.

    Raises ConfigError, with file and repair, for a file that is missing though named, cannot be
    read, may be written by anybody, is no TOML, or says what no setting is.
    """
    named = os.environ.get("FORECAST_CONFIG")
    if named:
        return read_settings(Path(named))
    from platformdirs import user_config_path  # noqa: PLC0415 - not needed where a file is named

    checks: dict[str, Policy] = {}
    for folder in (user_config_path("forecast", appauthor=False), Path()):
        if (folder / FILE_NAME).exists():
            checks |= read_settings(folder / FILE_NAME).checks
    return Settings(checks=checks)


def read_settings(path: Path) -> Settings:
    """The settings in one file; raises as `load_settings`."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - most users set nothing

    values = _toml(path)
    _refuse_unknown(values, (known.name for known in fields(Settings)), str(path), "a setting")
    try:
        checks = TypeAdapter(dict[str, Policy]).validate_python(
            values.get("checks", {}), strict=True
        )
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in ("checks", *fault["loc"]))
        raise ConfigError(
            f"{path}: {place}: {fault['msg']}, not {fault['input']!r}"[:300]
        ) from None
    _refuse_unknown(checks, CODES, f"{path}: checks", "a check")
    for code, policy in checks.items():
        allowed = CODES[code].allowed
        if policy not in allowed:
            raise ConfigError(
                f"{path}: checks.{code}: {policy!r} is not possible for this check",
                fix=f"use {' or '.join(allowed)}"
                if allowed
                else "remove the line: always an error",
            )
    return Settings(checks=checks)


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST:
                raise ConfigError(f"{path}: is not a regular file of at most 1 MB")
            if about.st_mode & stat.S_IWOTH:
                raise ConfigError(f"{path}: may be written by anybody", fix=f"chmod o-w {path}")
            return tomllib.load(file)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(
            f"{path}: cannot be read ({reason})", fix="correct FORECAST_CONFIG or the file"
        ) from error
    except ValueError as error:  # tomllib's own, and text that is not UTF-8
        raise ConfigError(f"{path}: is not TOML ({error})", fix="correct this line") from error


def _refuse_unknown(given: Iterable[str], known: Iterable[str], place: str, kind: str) -> None:
    known = list(known)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(
                f"{place}: {name[:40]!r} is not {kind}",
                fix=f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}",
            )
