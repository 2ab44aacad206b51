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

PAGE = Path(__file__).parent / "reference.md"
GUIDES = Path(__file__).parent
HEAD = """# Reference

Every command, its options, limits, defaults and environment variables, as `forecast COMMAND --help`
has them. This page is written by `make reference`; a test fails when it is out of date.
"""


def reference() -> str:
    """The whole page."""
    program = typer.main.get_command(app)
    parts = [HEAD, *(_section(path, command) for path, command in _commands("forecast", program))]
    return "\n".join(parts)


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - typer's vendored click
    """A command and all below it, with the words that call each."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from _commands(f"{path} {name}", below)


def _section(path: str, command: Any) -> str:  # noqa: ANN401 - as above
    context = typer.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f"## {path}", "", _sentence(command.help), *_guide(path), "", f"    {usage}", ""]
    panels: dict[str, list[str]] = {"Arguments": []}
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record and not parameter.hidden:
            kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
            panels.setdefault(parameter.rich_help_panel or kind, []).append(_row(*record))
    for panel, rows in panels.items():
        table = [f"| {panel} | | limits, default |", "|--|--|--|", *rows, ""]
        lines += table if rows else []
    if path == "forecast":
        lines += [command.epilog, ""]
    return "\n".join(lines)


def _sentence(text: str | None) -> str:
    """The first sentence of a help text, without the marks that colour it."""
    first = (text or "").split("\n\n", 1)[0]
    return re.sub(r"\[/?(bold|cyan)\]", "", first).replace("\n", " ")


def _guide(path: str) -> list[str]:
    """A link to the guide of a command, where there is one."""
    name = path.split()[1] if " " in path else ""
    for page in (f"commands/{name}.md", f"{name}.md"):
        if name and (GUIDES / page).exists():
            return ["", f"Guide: [{page}]({page})"]
    return []


def _row(option: str, told: str) -> str:
    what, _, limits = told.partition("  [")
    # a bar would end the cell, in code, too
    cells = (f"`{option}`", what, limits.removesuffix("]"))
    return f"| {' | '.join(cell.replace('|', ', ') for cell in cells)} |"


if __name__ == "__main__":
    PAGE.write_text(reference())
