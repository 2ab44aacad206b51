"""Commands whose options are settings, too.

    flag  >  FORECAST_TRAIN_MODEL  >  forecast.toml here  >  this user's forecast.toml  >  default

The options of the commands are the one list of settings: `--learning-rate` of `train` is
`learning_rate` under `[train]`, and FORECAST_TRAIN_LEARNING_RATE. Typer asks its context for a
default before it takes an option's own; this context looks into the environment and the files. What
is found goes the way of a value that was typed; if it is wrong, the configuration is.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer
from typer.core import TyperGroup, TyperOption

from forecast_cli.cli import shared
from forecast_cli.cli.program import EXIT_CODES, BareCommand, Group, import_help
from forecast_cli.cli.setting_values import Parameter, expected, from_file, from_text
from forecast_cli.errors import ConfigError, UsageError
from forecast_cli.settings import Names, Settings, load_settings, shown

_NAMED: Final = "forecast_cli.config"
_SETTINGS: Final = "forecast_cli.settings"
_USED: Final = "forecast_cli.used"
EVERYWHERE: Final = frozenset({"home"})
"""Set once, for all commands: these stand in no section."""
_CONSENT: Final = frozenset({"force", "yes", "open_lock"})
"""Said in the call that they are meant for, and never before."""


@dataclass(frozen=True)
class Given:
    """A value from the environment or a file. origin: the variable's name, or the file's path."""

    value: Any
    origin: str


class ConfiguredContext(typer.Context):
    """A context that knows what is set for its command."""

    def lookup_default(self, name: str, call: bool = True) -> Any:  # noqa: ANN401 - Typer's
        """What is set for a parameter; None where nothing is."""
        if self.resilient_parsing:
            return None  # help and completion speak of the program, not of settings
        parameter = next(each for each in self.command.get_params(self) if each.name == name)
        found = given(self, cast("Parameter", parameter))
        if found is None:
            return None
        if name not in EVERYWHERE:
            self.meta.setdefault(_USED, set()).add(found.origin)
        return found.value


class Command(BareCommand):
    """A command whose options are settings, with the options that all commands share."""

    context_class = ConfiguredContext

    def __init__(self, name: str | None, *, params: list[Any] | None = None, **rest: Any) -> None:  # noqa: ANN401 - Typer's
        own = params or []
        super().__init__(name, params=[*own, *shared.options_for(own), *_shared()], **rest)

    def make_parser(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer's own types are private
        """What takes the arguments apart; --json is another word for --format json there."""
        parser = super().make_parser(ctx)
        for each in cast("list[TyperOption]", self.params):
            if each.name == shared.FORM:
                parser.add_option(
                    obj=each, opts=["--json"], dest=each.name, action="store_const", const="json"
                )
        return parser

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own type is private
        """Parse; raises ConfigError for a wrong value that was not typed."""
        try:
            return self._parse(ctx, args)
        except ConfigError:
            from forecast_cli.cli import console

            console.begin(ctx.params.get(shared.FORM))  # what was typed is parsed by now
            raise

    def _parse(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        if not args and self.no_args_is_help and not _lacks_any(self, ctx):
            args = ["--"]  # all that is required is set: a call without arguments is one
        try:
            rest = super().parse_args(ctx, args)
        except typer.BadParameter as error:
            parameter = cast("Parameter | None", error.param)
            raise _wrong(ctx, parameter, error) if parameter else error from None
        shared.add_listed(ctx)
        if not ctx.resilient_parsing:
            settings(ctx)  # also where every option was typed: a wrong file is refused
        return rest

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's own types are private
        """Print the help."""
        import_help()
        super().format_help(ctx, formatter)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer's own type is private
        """Run; from here on whoever prints knows which form of result was asked for."""
        from forecast_cli.cli import console

        console.begin(ctx.params.get(shared.FORM), verbosity=shared.verbosity(ctx))
        _explain(ctx)
        started = time.perf_counter()
        try:
            result = super().invoke(ctx)
        except UsageError as error:
            raise _of_settings(ctx, error) or error from None
        console.detail(f"took {time.perf_counter() - started:.2f} s")
        return result


class Commands(typer.Typer):
    """A group of such commands."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - Typer's
        super().__init__(**{"cls": Group, **options})

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - Typer's
        """Register a command, as Typer does."""
        return super().command(name, **{"cls": Command, "epilog": EXIT_CODES, **options})


def settings(ctx: typer.Context) -> Settings:
    """What is set in files: read once, and for all commands that a command runs."""
    if _SETTINGS not in ctx.meta:
        root = cast("TyperGroup", ctx.find_root().command)
        ctx.meta[_SETTINGS] = load_settings(lambda: _known(root), ctx.meta.get(_NAMED))
    return cast("Settings", ctx.meta[_SETTINGS])


def _known(root: TyperGroup) -> Names:
    """All that may be set; asking imports every command."""
    return {**dict.fromkeys(EVERYWHERE), **names(root)}


def parameters_of(ctx: typer.Context, command: str, arguments: list[str]) -> dict[str, Any]:
    """What a command's function would be called with, without calling it.

    ctx: of any command of the program. command: its name, as in `data check`. arguments: as typed.
    The rest comes from where it comes from in a call: environment, files, defaults. Raises what
    parsing raises.
    """
    parent = ctx.find_root()
    *groups, name = command.split()
    for group in groups:
        of_group = cast("TyperGroup", parent.command).commands[group]
        parent = typer.Context(of_group, info_name=group, parent=parent)
    found = cast("TyperGroup", parent.command).commands[name]
    # "--": a call without any is one for help
    child = found.make_context(name, list(arguments) or ["--"], parent=parent)
    kinds = {each.name: each for each in found.params}
    return {
        # what may be given several times is a list, and None where it is not given at all
        key: (list(value) or kinds[key].default) if isinstance(value, tuple | list) else value
        for key, value in child.params.items()
    }


def given(ctx: typer.Context, parameter: Parameter) -> Given | None:
    """What environment and files say of a parameter; raises ConfigError for another type."""
    place = place_of(ctx, parameter)
    if not place:
        return None
    variable = variable_of(place)
    text = os.environ.get(variable)
    if text:
        return Given(from_text(parameter, text), variable)
    found = settings(ctx).find(*place)
    if found is None:
        return None
    value, path = found
    try:
        return Given(from_file(parameter, value, path.parent), str(path))
    except ValueError as error:
        raise ConfigError(
            f"{path}: {'.'.join(place)}: expected {error}, not {shown(value)}"
        ) from None


def home_of(ctx: typer.Context) -> Path | None:
    """The store that is typed or set, for a completion, which is told of neither otherwise."""
    typed = ctx.params.get("home")
    parameters = (each for each in ctx.command.params if each.name == "home")
    found = None if typed else given(ctx, cast("Parameter", next(parameters)))
    return Path(found.value) if found else typed


def checked(ctx: typer.Context, parameter: Parameter, value: Any) -> Any:  # noqa: ANN401 - of any option
    """A value that was found, as the command gets it; raises ConfigError for a wrong one."""
    try:
        return parameter.process_value(ctx, value)
    except typer.BadParameter as error:
        raise _wrong(ctx, parameter, error) from None


def each_command(parent: typer.Context) -> Iterator[typer.Context]:
    """A context of each command whose options are settings, in the order of the program."""
    for name, command in cast("TyperGroup", parent.command).commands.items():
        child = cast("typer.Context", command.context_class(command, parent=parent, info_name=name))
        if isinstance(command, TyperGroup):
            yield from each_command(child)
        elif isinstance(command, Command):
            yield child


def key_of(parameter: Parameter) -> str | None:
    """The name of a parameter as a setting; None where it is not one.

    An option goes by its first long name. What a call is about, a required argument, is said in it.
    """
    if parameter.param_type_name == "argument":
        return None if parameter.required else parameter.name
    long = next(name for name in parameter.opts if name.startswith("--"))
    key = long.removeprefix("--").replace("-", "_")
    return None if parameter.is_eager or key in _CONSENT else key


def names(group: TyperGroup) -> dict[str, Names | None]:
    """All that may be set for the commands of a group, section by section."""
    known: dict[str, Names | None] = {}
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            known[_word(name)] = names(command)
        elif isinstance(command, Command):
            keys = (key_of(cast("Parameter", each)) for each in command.params)
            known[_word(name)] = dict.fromkeys(key for key in keys if key and key not in EVERYWHERE)
    return known


def place_of(ctx: typer.Context, parameter: Parameter) -> tuple[str, ...]:
    """The sections and the key of a setting; empty for a parameter that is none."""
    key = key_of(parameter)
    if key is None:
        return ()
    return (key,) if key in EVERYWHERE else (*_section(ctx), key)


def variable_of(place: tuple[str, ...]) -> str:
    """The variable of the environment that is a setting."""
    return "_".join(("FORECAST", *place)).upper()


def _section(ctx: typer.Context) -> Iterator[str]:
    """The names of a command, the program's own left out."""
    if ctx.parent is not None:
        yield from _section(cast("typer.Context", ctx.parent))
        yield _word(str(ctx.info_name))


def _word(name: str) -> str:
    return name.replace("-", "_")


def _lacks_any(command: Command, ctx: typer.Context) -> bool:
    return any(each.required and ctx.lookup_default(each.name) is None for each in command.params)


def _is_typed(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _wrong(ctx: typer.Context, parameter: Parameter, error: typer.BadParameter) -> Exception:
    """The error of a value: a ConfigError if it was set and not typed."""
    found = given(ctx, parameter)
    if found is None or _is_typed(ctx, parameter.name):
        return error
    place, told = ".".join(place_of(ctx, parameter)), error.message
    if parameter.type_descriptor.parameter_info.parser is None:
        told = f"expected {expected(parameter)}, not {shown(found.value)}"
    return ConfigError(f"{found.origin}: {place}: {told}")


def _of_settings(ctx: typer.Context, error: UsageError) -> ConfigError | None:
    """What cannot be asked for, where nothing was typed and so the settings ask for it."""
    if any(_is_typed(ctx, name) for name in ctx.params):
        return None
    used = ", ".join(sorted(ctx.meta.get(_USED, ())))
    return ConfigError(f"{used}: {error.message}", fix=error.fix) if used else None


def _explain(ctx: typer.Context) -> None:
    """With -v, what the command is about to use; with -vv, what each of its options is."""
    if not shared.verbosity(ctx):
        return
    from forecast_cli.cli import console, options

    files = ", then ".join(str(file.path) for file in settings(ctx).files)
    console.detail(f"settings: {files or 'no file'}")
    if "home" in ctx.params:
        console.detail(f"store: {options.home_folder(ctx.params['home'])}")
    for said in shared.origins(ctx):
        console.detail(said, level=2)


@cache
def _shared() -> list[Any]:
    """The options of every command; each stores what it is given in the context."""

    def shared(
        *,
        config: Annotated[
            Path | None,
            typer.Option(
                envvar="FORECAST_CONFIG",
                metavar="FILE",
                is_eager=True,
                expose_value=False,
                callback=_name_file,
                help="Settings; in place of forecast.toml here and this user's.",
            ),
        ] = None,
    ) -> None:
        """Only the options count."""

    app = typer.Typer(add_completion=False)
    app.command()(shared)
    return typer.main.get_command(app).params


def _name_file(ctx: typer.Context, path: Path | None) -> None:
    ctx.meta[_NAMED] = path
