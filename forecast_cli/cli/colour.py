"""Whether there is colour: one option, of the program and of each of its commands."""

import os
from typing import Annotated, TypeAlias

import typer


def _leave_out(wanted: bool) -> None:
    if wanted:
        os.environ["NO_COLOR"] = "1"  # what rich, and whatever runs below this process, goes by


NoColor: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--no-color",
        is_eager=True,
        expose_value=False,
        callback=_leave_out,
        help="No colour; as NO_COLOR=1 in the environment.",
    ),
]
