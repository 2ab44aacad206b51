"""JSON that may come from anybody: bounded in depth, without doubled keys or hidden characters."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_DEEPEST: Final = 16
"""Nesting that a manifest or a header may have; ours have four levels."""
# an unclosed text runs to the end, so that each byte is looked at once
_TEXTS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)', re.DOTALL)
_BRACKETS: Final = re.compile(rb"[\[{\]}]")


def strict_json(content: bytes) -> Any:  # noqa: ANN401 - whatever stands in the file
    """Parse JSON. Raises ValueError, with the reason, for what no file of ours has."""
    if _depth(content) > _DEEPEST:
        raise ValueError(f"is nested deeper than {_DEEPEST} levels")
    try:
        value = json.loads(content.decode(), object_pairs_hook=_refuse_duplicates)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"is not JSON ({error})") from None
    if hidden := next((text for text in _texts(value) if not text.isprintable()), None):
        raise ValueError(f"holds characters that cannot be printed: {hidden[:40]!a}")
    return value


def _depth(content: bytes) -> int:
    """The deepest nesting, whether or not it is well formed."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_TEXTS.sub(b"", content)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("the same key stands twice")
    return keys


def _texts(value: object) -> Iterator[str]:
    """Every text in a value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for of in value.values():
            yield from _texts(of)
    elif isinstance(value, list):
        for of in value:
            yield from _texts(of)
