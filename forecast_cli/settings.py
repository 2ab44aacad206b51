"""Settings in `forecast.toml`: of the working folder, and of this user, whose lines count after it.

    home = "/srv/forecast"

    [train]
    model = "lstm"

    [checks]
    range_violation = "drop"

A section per command, a key per option, and the policies of checks. What may be set is what the
commands have, so that it is told to this module. FORECAST_CONFIG, or `--config`, names one file
that is read instead of both.
"""

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, get_args

from forecast_cli.errors import ConfigError
from forecast_cli.findings import CODES, Policy
from forecast_cli.folders import user_folder

FILE_NAME: Final = "forecast.toml"
_LARGEST: Final = 1_000_000
Names: TypeAlias = Mapping[str, "Names | None"]
"""What may be set: for a section what may be set in it, for a key None."""


@dataclass(frozen=True)
class SettingsFile:
    """One file. path: absolute. values: as TOML has them, a section within another."""

    path: Path
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Settings:
    """What a user has set. files: that were read, the one that goes first at the head."""

    files: tuple[SettingsFile, ...] = ()

    def find(self, *place: str) -> tuple[Any, Path] | None:
        """A value by its sections and key, and the file that has it; None where none has."""
        for file in self.files:
            value: Any = file.values
            for name in place:
                value = value.get(name) if isinstance(value, Mapping) else None
            if value is not None:
                return value, file.path
        return None

    @property
    def checks(self) -> dict[str, Policy]:
        """The policy of some codes of `findings.CODES`."""
        chosen: dict[str, Policy] = {}
        for file in reversed(self.files):
            chosen |= file.values.get("checks", {})
        return chosen


def load_settings(known: Callable[[], Names], named: Path | None = None) -> Settings:
    """The settings of this process's working folder and user.

    known: what may be set besides the checks, asked for where there is a file. named: the one file
    to read, in place of what FORECAST_CONFIG says. Raises ConfigError, with file and repair, for a
    file that is missing though named, cannot be read, may be written by anybody, is no TOML, or
    says what no setting is.
    """
    in_environment = os.environ.get("FORECAST_CONFIG")
    if named is None and in_environment:
        named = Path(in_environment)
    if named is not None:
        return Settings((read_settings(named, known()),))
    paths = [folder / FILE_NAME for folder in (Path(), user_folder("config")) if folder is not None]
    # a link that leads nowhere is a mistake, and not a file that is not there
    found = [path for path in paths if os.path.lexists(path)]
    return Settings(tuple(read_settings(path, known()) for path in found))


def read_settings(path: Path, known: Names) -> SettingsFile:
    """The settings in one file; raises as `load_settings`."""
    path = Path(os.path.expanduser(path))  # noqa: PTH111 - never raises
    values = _toml(path)
    _check_names(path, values, {**known, "checks": dict.fromkeys(CODES)})
    for code, policy in values.get("checks", {}).items():
        allowed = CODES[code].allowed
        if policy not in get_args(Policy):
            raise ConfigError(
                f"{path}: checks.{code}: expected {_either(get_args(Policy))}, not {shown(policy)}"
            )
        if policy not in allowed:
            raise ConfigError(
                f"{path}: checks.{code}: {policy!r} is not possible for this check",
                fix=f"use {_either(allowed)}" if allowed else "remove the line: always an error",
            )
    return SettingsFile(Path(os.path.abspath(path)), values)  # noqa: PTH100 - links stay as they are


def shown(value: object) -> str:
    """A value of a file as a message quotes it, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return repr(value)[:40]
    except ValueError:  # Python writes out no number of more than 4300 digits
        return "a number of thousands of digits"


def _toml(path: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - most users set nothing

    try:
        with open(path, "rb", opener=_without_waiting) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST:
                raise ConfigError(f"{path}: is not a regular file of at most 1 MB")
            if about.st_mode & stat.S_IWOTH:
                raise ConfigError(f"{path}: may be written by anybody", fix=f"chmod o-w {path}")
            if about.st_uid not in {0, os.geteuid()} and _is_public(path):
                raise ConfigError(
                    f"{path}: was put by another user where anybody may write",
                    fix="work in a folder of your own",
                )
            return tomllib.load(file)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(
            f"{path}: cannot be read ({reason})", fix="correct FORECAST_CONFIG or the file"
        ) from error
    except (ValueError, RecursionError) as error:  # tomllib's own, and text that is not UTF-8
        raise ConfigError(f"{path}: is not TOML ({error})", fix="correct this line") from error


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would be waited for


def _is_public(path: Path) -> bool:
    return bool(os.stat(os.path.dirname(path) or ".").st_mode & stat.S_IWOTH)  # noqa: PTH116, PTH120 - links stay as they are


def _check_names(path: Path, values: Mapping[str, Any], known: Names, *inside: str) -> None:
    """Refuse whatever is no setting, in every section, and a section that is none."""
    for name, value in values.items():
        if name not in known:
            _refuse(": ".join([str(path), *filter(None, [".".join(inside)])]), name, known)
        section = known[name]
        if section is None:
            continue
        place = (*inside, name)
        if not isinstance(value, Mapping):
            raise ConfigError(
                f"{path}: {'.'.join(place)}: expected a section, not {shown(value)}",
                fix=f"write [{'.'.join(place)}]",
            )
        _check_names(path, value, section, *place)


def _refuse(place: str, name: str, known: Iterable[str]) -> None:
    import difflib  # noqa: PLC0415 - errors only

    near = difflib.get_close_matches(name, known, n=1)
    raise ConfigError(
        f"{place}: {name[:40]!r} is not a setting",
        fix=f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}",
    )


def _either(words: Iterable[str]) -> str:
    return " or ".join(words)
