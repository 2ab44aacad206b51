"""Printing: a table for people, one JSON line for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Column(NamedTuple):
    """A number per row: its header, its key and how many decimals it gets."""

    header: str
    key: str
    decimals: int


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Over seeds; the deviation is the sample's (ddof 1), None for one value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def print_table(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    *,
    published: Sequence[str] = (),
) -> None:
    """Rows by name, then the lines of other tables."""
    lines = [title, f"  {'row':<24}" + "".join(f"{column.header:>10}" for column in columns)]
    for row in rows:
        cells = [
            "-" if row.get(column.key) is None else f"{row[column.key]:.{column.decimals}f}"
            for column in columns
        ]
        lines.append(f"  {row['row']:<24}" + "".join(f"{cell:>10}" for cell in cells))
    lines += [f"  {line}" for line in published]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def print_json(result: Mapping[str, Any]) -> None:
    """One line."""
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
