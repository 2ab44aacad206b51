"""What a setting may be: a value of a TOML file, or text, as an option takes it."""

import os
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias, get_args, get_origin

from typer.core import TyperArgument, TyperOption

Parameter: TypeAlias = TyperArgument | TyperOption

_WORDS: Final[dict[Any, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    datetime: "a date such as 2024-12-31",
    Path: "a path",
    str: "text",
}
_PLACES: Final = frozenset({"--from"})
"""Options that take a path as text, since they take a word, too."""
_NO_PATH: Final = frozenset({"-", "yahoo"})


def expected(parameter: Parameter) -> str:
    """What a setting has to be, in words."""
    choices = parameter.type_descriptor.choices
    if choices:
        words = "one of " + ", ".join(str(choice.value) for choice in choices)
    else:
        words = _WORDS[_kind(parameter)] + _bounds(parameter.min, parameter.max)
    return f"a list, each {words}" if _holds_several(parameter) else words


def from_file(parameter: Parameter, value: object, folder: Path) -> object:
    """A TOML value as the option takes it, lists as lists, paths from the file's folder on.

    Types are strict: neither text nor true is a number. Raises ValueError for another type and for
    a path that goes in circles. Bounds, which leave out NaN, and choices are the option's.
    """
    if _holds_several(parameter):
        several = value if isinstance(value, list) else [value]
        return [_one(parameter, each, folder) for each in several]
    return _one(parameter, value, folder)


def from_text(parameter: Parameter, text: str) -> str | list[str]:
    """Text as the option takes it: several are separated by spaces, ~ is this user's folder."""
    if _holds_several(parameter):
        return text.split()
    return os.path.expanduser(text) if _is_place(parameter) else text  # noqa: PTH111 - never raises


def _one(parameter: Parameter, value: object, folder: Path) -> object:
    kind = _kind(parameter)
    if kind is float and type(value) in {int, float}:
        return value
    if kind is datetime and type(value) is date:
        return value.isoformat()
    if kind in (bool, int) and type(value) is kind:
        return value
    if kind not in (bool, int, float) and isinstance(value, str) and "\0" not in value:
        return _from_folder(value, folder) if _is_place(parameter) else value
    raise ValueError(expected(parameter))


def _from_folder(text: str, folder: Path) -> str:
    if text in _NO_PATH:
        return text
    path = os.path.join(folder, os.path.expanduser(text))  # noqa: PTH111, PTH118 - never raise
    try:
        os.stat(path)  # noqa: PTH116 - beside the others
    except FileNotFoundError:
        pass
    except OSError as error:
        raise ValueError(
            f"a path that can be followed ({(error.strerror or '').lower()})"
        ) from None
    return path


def _is_place(parameter: Parameter) -> bool:
    return _kind(parameter) is Path or not _PLACES.isdisjoint(parameter.opts)


def _holds_several(parameter: Parameter) -> bool:
    return parameter.multiple or parameter.nargs == -1


def _kind(parameter: Parameter) -> Any:  # noqa: ANN401 - a type, as annotated
    annotation: Any = parameter.type_descriptor.annotation
    return get_args(annotation)[0] if get_origin(annotation) is list else annotation


def _bounds(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "" if low is None else f", {low} at least"
    return f" from {low} to {high}"
