"""What a shell completes after Tab: stored symbols, trained models, networks.

Only the names of folders are read: a shell waits while this runs, and nothing it shows may fail.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import typer

from forecast_cli.errors import ForecastError
from forecast_cli.symbols import folder_to_symbol


def stored_symbols(ctx: typer.Context, incomplete: str) -> list[str]:
    """The symbols that the store has bars of."""
    folders = _names(ctx, "bars", "interval=*/symbol=*")
    symbols = {symbol for name in folders if (symbol := folder_to_symbol(name))}
    return sorted(symbol for symbol in symbols if symbol.startswith(incomplete))


def trained_models(ctx: typer.Context, incomplete: str) -> list[str]:
    """The models of the store; behind an @, the versions of one."""
    name, at, _ = incomplete.partition("@")
    if at and "/" not in name:
        versions = _names(ctx, f"models/{name}", "*Z-*")
        found = [f"{name}@{version}" for version in versions]
    else:
        found = list(_names(ctx, "models", "[!.]*"))
    return sorted(each for each in found if each.startswith(incomplete))


def networks(incomplete: str) -> list[str]:
    """The networks that can be trained."""
    from forecast_cli.cli import options

    return [name for name in options.networks().split(", ") if name.startswith(incomplete)]


def models_and_networks(ctx: typer.Context, incomplete: str) -> list[str]:
    """What a backtest takes."""
    return list(dict.fromkeys([*networks(incomplete), *trained_models(ctx, incomplete)]))


def _names(ctx: typer.Context, below: str, pattern: str) -> Iterator[str]:
    """The names of the folders of a pattern; none where there is no store, or none to be read."""
    from forecast_cli.cli import options
    from forecast_cli.cli.configured import home_of

    try:
        home = options.home_folder(home_of(ctx))
        folders = sorted(Path(home, below).glob(pattern))
    except (ForecastError, OSError, ValueError):
        return
    yield from (folder.name for folder in folders if os.path.isdir(folder))  # noqa: PTH112 - never raises
