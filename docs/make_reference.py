# ruff: noqa: INP001 - a script beside its output, no package
"""Write reference.md, what every command and option is, from the program itself: `make reference`.

The words, limits and defaults are those of `--help`, asked for as `--help` asks for them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from forecast_cli.cli.app import app
from forecast_cli.cli.configured import Command, place_of, variable_of

PAGE = Path(__file__).parent / "reference.md"
GUIDES = {"config": "configuration.md", "models": "models.md", "run": "cron.md"}
"""Guides that do not go by the name of their command."""
HEAD = """# Reference

Every command, its options, limits and defaults, as `forecast COMMAND --help` has them, and the
variable of the environment that sets each; where there is one, `forecast.toml` has a key, too
([configuration](configuration.md)). This page is written by `make reference`; a test fails when it
is out of date.
"""
_COLUMNS = "| | limits, default | variable |\n|--|--|--|--|"


def reference() -> str:
    """The whole page."""
    program = typer.Context(typer.main.get_command(app), info_name="forecast")
    return "\n".join([HEAD, *map(_section, _contexts(program))])


def _contexts(context: typer.Context) -> Iterator[typer.Context]:
    """A context of a command and of all below it."""
    yield context
    for name, below in getattr(context.command, "commands", {}).items():
        if not below.hidden:
            yield from _contexts(typer.Context(below, parent=context, info_name=name))


def _section(context: typer.Context) -> str:
    command, path = context.command, context.command_path
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f"## {path}", "", _sentence(command.help), *_guide(path), "", f"    {usage}", ""]
    panels: dict[str, list[str]] = {"Arguments": []}
    parameters: list[Any] = list(command.params)
    for parameter in parameters:
        if record := parameter.get_help_record(context):
            kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
            panel = panels.setdefault(parameter.rich_help_panel or kind, [])
            panel.append(_row(*record, _variable(context, parameter)))
    for title, rows in panels.items():
        lines += [f"| {title} {_COLUMNS}", *rows, ""] if rows else []
    if path == "forecast":
        lines += [str(command.epilog), ""]
    return "\n".join(lines)


def _variable(context: typer.Context, parameter: Any) -> str:  # noqa: ANN401 - typer's vendored click
    """The variable that sets a parameter; empty where none does."""
    if parameter.envvar or not isinstance(context.command, Command):
        return parameter.envvar or ""
    place = place_of(context, parameter)
    return variable_of(place) if place else ""


def _sentence(text: str | None) -> str:
    """The first sentence of a help text, without the marks that colour it."""
    first = (text or "").split("\n\n", 1)[0]
    return re.sub(r"\[/?(bold|cyan)\]", "", first).replace("\n", " ")


def _guide(path: str) -> list[str]:
    """A link to the guide of a command, where there is one."""
    name = path.split()[1] if " " in path else ""
    for page in (f"commands/{name}.md", GUIDES.get(name, f"{name}.md")):
        if name and (PAGE.parent / page).exists():
            return ["", f"Guide: [{page}]({page})"]
    return []


def _row(option: str, told: str, variable: str) -> str:
    what, _, limits = told.partition("  [")
    limits = re.sub(r"env var: \w+(; )?", "", limits.removesuffix("]"))
    # a bar would end the cell, in code, too
    cells = (f"`{option}`", what, limits, f"`{variable}`" if variable else "")
    return f"| {' | '.join(cell.replace('|', ', ') for cell in cells)} |"


if __name__ == "__main__":
    PAGE.write_text(reference())
