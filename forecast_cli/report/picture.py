"""A figure with its text and its legend, as the page shows it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from matplotlib.figure import Figure

from forecast_cli.report.svg import draw

_WIDE: Final = 10.2
"""Inches: across the page."""
_NARROW: Final = 4.1
"""Inches: across a telephone."""
_SMALL: Final = 3.7
"""Inches: a third of the page, or across a telephone."""


@dataclass(frozen=True)
class Key:
    """A line of a legend: colour of the palette, form of the mark and name.

    form: line, dot, ring, square, diamond, bar, band or outline.
    """

    colour: str
    form: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure as `data:` addresses. narrow: another drawing of it, for telephones."""

    title: str
    alt: str
    wide: str
    narrow: str = ""
    legend: tuple[Key, ...] = ()


def across_page(
    paint: Callable[[Figure], None], *, height: float, title: str, alt: str, legend: tuple[Key, ...]
) -> Picture:
    """A figure as wide as the page, drawn anew for telephones. height: inches."""
    return Picture(
        title=title,
        alt=alt,
        wide=draw(paint, width=_WIDE, height=height),
        narrow=draw(paint, width=_NARROW, height=height),
        legend=legend,
    )


def small(
    paint: Callable[[Figure], None], *, title: str, alt: str, legend: tuple[Key, ...]
) -> Picture:
    """A figure of which three stand side by side."""
    drawn = draw(paint, width=_SMALL, height=3.2)
    return Picture(title=title, alt=alt, wide=drawn, legend=legend)
