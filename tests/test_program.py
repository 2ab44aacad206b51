"""The list of commands: what it says of each is what the command says of itself."""

import typer
from typer.core import TyperGroup

from forecast_cli.cli.app import app
from forecast_cli.cli.program import COMMANDS

ROOT = typer.main.get_command(app)


def test_the_list_says_what_the_commands_say() -> None:
    """Name and first line of each command's own help, group or not, with the exit codes below."""
    assert isinstance(ROOT, TyperGroup)
    for name, line in COMMANDS.items():
        command = ROOT.commands[name]
        assert command.name == name
        assert (command.help or "").split("\n\n")[0] == line
    assert "nothing" not in ROOT.commands


def test_a_command_is_one_object() -> None:
    """Looked up twice, it is imported and built once."""
    assert isinstance(ROOT, TyperGroup)
    assert ROOT.commands["predict"] is ROOT.commands["predict"]
