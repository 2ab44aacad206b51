"""The colours of pages and figures, in a light and a dark scheme."""

from typing import Final

PALETTE: Final = {
    "paper": ("#fefefd", "#16191d"),
    "ink": ("#1f2328", "#e4e7eb"),
    "muted": ("#5c6570", "#a0a9b4"),
    "rule": ("#d9dde2", "#363c44"),
    "faint": ("#eef0f2", "#24292f"),
    "card": ("#f6f7f9", "#1c2026"),
    "model": ("#1f5fa8", "#7ab4f5"),
    "variant": ("#0f7b6c", "#4fc9b4"),
    "naive": ("#8a6d1f", "#d9b65c"),
    "miss": ("#c2410c", "#ff8f5c"),
}
"""Colours by name, for light and dark. Of the light ones none may appear twice."""


def colour(name: str) -> str:
    """What to draw in for a name of the palette."""
    return PALETTE[name][0]


def palette_css() -> str:
    """The palette as CSS variables; the dark one on dark screens, never on paper."""
    light, dark = (
        "".join(f"--{name}:{pair[scheme]};" for name, pair in PALETTE.items()) for scheme in (0, 1)
    )
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
