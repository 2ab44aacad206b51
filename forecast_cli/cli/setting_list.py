"""All settings of the program: what each is and where that comes from, and a file to begin with."""

import json
import os
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final, cast

import typer

from forecast_cli.cli import options
from forecast_cli.cli.configured import (
    EVERYWHERE,
    checked,
    each_command,
    given,
    key_of,
    place_of,
    settings,
    variable_of,
)
from forecast_cli.cli.setting_values import Parameter, expected
from forecast_cli.findings import CODES

DEFAULT: Final = "default"
_SECTIONS: Final = ("run", "fetch", "train", "predict", "score", "backtest")
"""What a first file speaks of; there is a section for every other command, too."""
_WIDTH: Final = 98
_OPENING: Final = (
    "Settings of `forecast`. A flag goes before a variable such as FORECAST_TRAIN_MODEL, and that"
    " before this file. Paths start at its folder. `forecast config show` says what holds, and why."
    " Take the # off a line to set it; lines with a value show the default."
)


@dataclass(frozen=True)
class Setting:
    """key: section and name, as in train.model. value: plain, as JSON has it; None: not set.

    origin: `default`, the name of a variable, or the path of a file.
    """

    key: str
    value: Any
    origin: str


def list_settings(ctx: typer.Context, *, with_defaults: bool) -> list[Setting]:
    """Every setting, or those that are set and the store's folder.

    ctx: of any command of the program. Raises ConfigError for a wrong value of any command.
    """
    chosen = {each.key: each for each in (*_of_commands(ctx.find_root()), *_of_checks(ctx))}
    home = chosen.pop("home")
    folder = options.home_folder(None if home.value is None else Path(home.value))
    set_or_asked = (each for each in chosen.values() if with_defaults or each.origin != DEFAULT)
    return [Setting("home", str(folder), home.origin), *set_or_asked]


def unknown_variables(ctx: typer.Context) -> list[str]:
    """Variables of the environment that look like settings, and are none; ctx: of any command."""
    known = {variable_of(place_of(*each)) for each in _each_parameter(ctx.find_root())}
    looks_like = (name for name in os.environ if name.startswith("FORECAST_"))
    return sorted(set(looks_like) - known - {"FORECAST_CONFIG"})


def _of_commands(root: Any) -> Iterator[Setting]:  # noqa: ANN401 - Typer's own type is private
    for ctx, parameter in _each_parameter(root):
        key, found = ".".join(place_of(ctx, parameter)), given(ctx, parameter)
        if found is None:
            yield Setting(key, _plain(parameter.default), DEFAULT)
        else:
            yield Setting(key, _plain(checked(ctx, parameter, found.value)), found.origin)


def _of_checks(ctx: typer.Context) -> Iterator[Setting]:
    for code, about in CODES.items():
        found = settings(ctx).find("checks", code)
        value, origin = found or (about.default, DEFAULT)
        yield Setting(f"checks.{code}", value, str(origin))


def _each_parameter(root: Any) -> Iterator[tuple[typer.Context, Parameter]]:  # noqa: ANN401 - as above
    for ctx in each_command(root):
        for parameter in cast("list[Parameter]", ctx.command.params):
            if key_of(parameter) is not None:
                yield ctx, parameter


def template(ctx: typer.Context) -> str:
    """A `forecast.toml` that sets nothing and says what could be set; ctx: of any command."""
    lines = [*_comment(_OPENING), "", *_comment("Folder of the store."), "#home =", ""]
    section = None
    for of_command, parameter in _each_parameter(ctx.find_root()):
        *inside, key = place_of(of_command, parameter)
        if len(inside) != 1 or inside[0] not in _SECTIONS or key in EVERYWHERE:
            continue
        if inside != section:
            section = inside
            lines += [f"[{inside[0]}]"]
        default = _plain(parameter.default)
        about = f"{parameter.help} ({expected(parameter)})"
        lines += [
            *_comment(about),
            f"#{key} =" + ("" if default is None else f" {_toml(default)}"),
            "",
        ]
    lines += [*_comment("What follows from a finding in price files."), "[checks]"]
    for code, finding in CODES.items():
        if finding.allowed:
            lines += [
                *_comment(f"{finding.what}: {', '.join(finding.allowed)}"),
                f'#{code} = "{finding.default}"',
            ]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _toml(value: Any) -> str:  # noqa: ANN401 - of any option
    return json.dumps(value, ensure_ascii=False)  # the same form in TOML for these types


def _plain(value: Any) -> Any:  # noqa: ANN401 - of any option
    """A value of any option as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value
