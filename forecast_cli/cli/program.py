"""The program's commands: one list of them, and none imported before it is asked for."""

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final, cast

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS: Final = {
    "fetch": "[bold]Read price files, or Yahoo, into the store.[/bold]",
    "train": "[bold]Train a network on stored bars and save it.[/bold]",
    "predict": "[bold]Forecast from each symbol's last bar.[/bold]",
    "backtest": "[bold]Walk forward: would it have been any good?[/bold]",
    "score": "[bold]Score recorded forecasts by what came.[/bold]",
    "show": "[bold]One symbol: its prices, the newest forecast, and how earlier ones fared.[/bold]",
    "board": "[bold]A page of today: the newest forecast of every symbol.[/bold]",
    "tune": "[bold]Search a network's options on validation folds.[/bold]",
    "run": "[bold]Fetch, train what is due, predict and score: one command for cron.[/bold]",
    "features": "[bold]List the features: their names, sources and warm-up.[/bold]",
    "doctor": "[bold]Check Python, packages, machine, home folder, bars and models.[/bold]",
    "data": "See, check and remove what is stored.",
    "config": "See the settings, or write a first forecast.toml.",
    "models": "See, compare, prove, hand out and remove trained models.",
}
"""By name the first line of a command's help, which stands here to be shown without the command.

The command is the function of that name in the module of that name; a group is the module's `app`.
"""
EXIT_CODES: Final = (
    "Exit codes: 0 done · 2 usage · 3 some symbols failed · 65 bad data · 66 input missing ·"
    " 69 vendor down · 70 self-check failed · 73 cannot create · 74 input/output ·"
    " 75 try again later · 78 config · 130 interrupted · 141 pipe closed · 143 terminated"
)
_UNUSED: Final = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}
_AnyCommand = TyperCommand | TyperGroup


HELP_NAMES: Final = ("-h", "--help")
"""Of every command, whoever asks it for its help first: Typer keeps the first answer."""


class BareCommand(TyperCommand):
    """A command whose options are no settings."""

    def get_help_option_names(self, ctx: Any) -> list[str]:  # noqa: ANN401 - Typer's own types are private
        """The two that there are."""
        return list(HELP_NAMES)


class Group(TyperGroup):
    """A group that shows its help at once."""

    def get_help_option_names(self, ctx: Any) -> list[str]:  # noqa: ANN401 - Typer's own types are private
        """The two that there are."""
        return list(HELP_NAMES)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's own types are private
        """Print the help."""
        import_help()
        super().format_help(ctx, formatter)


class Program(Group):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - Typer's
        super().__init__(**attributes)
        self.commands = cast("Any", _Commands())

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - Typer's
        """The names, in the order of the list."""
        return list(self.commands)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's own types are private
        """Print the help, which is that of a group of the same names and first lines."""
        contents = Group(
            commands=[TyperCommand(name, help=line) for name, line in COMMANDS.items()],
            params=self.params,
            help=self.help,
            epilog=self.epilog,
            rich_markup_mode="rich",
        )
        contents.format_help(ctx, formatter)


class _Commands(Mapping[str, _AnyCommand]):
    """The commands by name; each is imported when it is looked up."""

    def __getitem__(self, name: str) -> _AnyCommand:
        if name not in COMMANDS:
            raise KeyError(name)
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


@cache
def _load(name: str) -> _AnyCommand:
    from forecast_cli.cli.configured import Commands

    module = import_module(f"forecast_cli.cli.{name}")
    if hasattr(module, "app"):
        group: _AnyCommand = typer.main.get_group(module.app)
        return group
    alone = Commands(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    alone.command(no_args_is_help=name == "fetch", epilog=EXIT_CODES)(getattr(module, name))
    return cast("_AnyCommand", typer.main.get_command(alone))


def import_help() -> None:
    """Import what prints help, without what it imports and does not need, a third of its time.

    Typer asks rich for Markdown, which our help is not, and for tracebacks, which it never prints
    here; with them come markdown_it, pygments and attrs.
    """
    absent = [name for name in _UNUSED if name not in sys.modules]
    for name in absent:
        sys.modules[name] = ModuleType(name)
        setattr(sys.modules[name], _UNUSED[name], None)
    try:
        import_module("typer.rich_utils")
    finally:
        for name in absent:
            del sys.modules[name]
