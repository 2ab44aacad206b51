"""Options that no command reads itself: they act on how it is called and on what it says."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from forecast_cli.cli import options
from forecast_cli.cli.colour import NoColor
from forecast_cli.errors import MissingInputError, UsageError
from forecast_cli.symbols import parse_symbol

FORM: Final = "result_format"
SYMBOLS: Final = "symbols"
_VERBOSITY: Final = "forecast_cli.verbosity"
_LISTED: Final = "forecast_cli.symbols"


def _speak_up(ctx: typer.Context, times: int) -> None:
    ctx.meta[_VERBOSITY] = times


def _read_list(ctx: typer.Context, path: Path | None) -> None:
    if path is not None and not ctx.resilient_parsing:
        ctx.meta[_LISTED] = read_symbols(path)


def options_for(parameters: Iterable[Any]) -> list[Any]:
    """What a command shares with others, by the parameters it has itself.

    Where symbols must be typed, as for a removal, no file lists them.
    """
    names = {each.name for each in parameters if not each.required}
    wanted = {"no_color", "verbose"}
    wanted |= {"as_json"} if FORM in names else set()
    wanted |= {"symbols_from"} if SYMBOLS in names else set()
    return [each for each in _all() if each.name in wanted]


def _all() -> list[Any]:
    def every(
        *,
        symbols_from: Annotated[
            Path | None,
            typer.Option(
                metavar="FILE",
                is_eager=True,  # which makes it no setting: a file has `symbols` itself
                expose_value=False,
                callback=_read_list,
                help="Symbols from a file, too, or from stdin (-): one per line, remarks after #.",
                rich_help_panel=options.INPUT,
            ),
        ] = None,
        as_json: Annotated[
            bool,
            typer.Option(
                "--json",
                is_eager=True,
                expose_value=False,
                help="As --format json.",
                rich_help_panel=options.OUTPUT,
            ),
        ] = False,
        verbose: Annotated[
            int,
            typer.Option(
                "--verbose",
                "-v",
                count=True,
                max=9,
                is_eager=True,
                expose_value=False,
                callback=_speak_up,
                help="Say on stderr which store and settings are used and how long it took; -vv:"
                " what each option is set to, and by whom.",
            ),
        ] = 0,
        no_color: NoColor = False,
    ) -> None:
        """Only the options count."""

    app = typer.Typer(add_completion=False)
    app.command()(every)
    return typer.main.get_command(app).params


def read_symbols(path: Path) -> list[str]:
    """The symbols that a file, or stdin for `-`, lists: one per line, `#` begins a remark.

    Raises MissingInputError for a file that cannot be read, UsageError for a line that is no
    symbol and for a list without any: no symbols would mean all.
    """
    name = "stdin" if path == Path("-") else str(path)
    try:
        text = Path("/dev/stdin" if name == "stdin" else path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = "not text in UTF-8" if isinstance(error, ValueError) else str(error.strerror)
        raise MissingInputError(f"{name}: the symbols cannot be read ({reason})") from error
    listed = []
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.partition("#")[0].strip()
        try:
            listed += [parse_symbol(word)] if word else []
        except UsageError as error:
            raise UsageError(f"{name}, line {number}: {error.message}", fix=error.fix) from None
    if not listed:
        raise UsageError(f"{name}: lists no symbol", fix="write one symbol per line")
    return listed


def add_listed(ctx: typer.Context) -> None:
    """Put the symbols of `--symbols-from` behind those that were typed."""
    if _LISTED in ctx.meta:
        ctx.params[SYMBOLS] = [*(ctx.params.get(SYMBOLS) or ()), *ctx.meta.pop(_LISTED)]


def verbosity(ctx: typer.Context) -> int:
    """How often -v was given."""
    return cast("int", ctx.meta.get(_VERBOSITY, 0))


def origins(ctx: typer.Context) -> Iterator[str]:
    """Each option that is not left at its default: its value, and whether it was typed or set."""
    for name, value in ctx.params.items():
        source = ctx.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            where = {"COMMANDLINE": "typed", "ENVIRONMENT": "environment"}
            yield f"{name} = {value} ({where.get(source.name, 'set; see forecast config show')})"
