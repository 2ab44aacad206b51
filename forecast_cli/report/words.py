"""Numbers as people read them; "-" where there is none."""

from math import isfinite
from typing import Final

_P_FLOOR: Final = 0.001
_FEW_BPS: Final = 100
_REORDERING: Final = dict.fromkeys(
    (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),
    "\N{REPLACEMENT CHARACTER}",
)
"""Marks that write what follows from right to left (Unicode standard annex 9)."""


def number(value: float | None, digits: int) -> str:
    """A number with thousands separators."""
    return "-" if value is None or not isfinite(value) else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int) -> str:
    """A fraction in per cent."""
    return (
        "-" if value is None or not isfinite(value) else f"{value:,.{digits}%}".replace("%", " %")
    )


def interval(ends: tuple[float, float] | None, digits: int) -> str:
    """From one fraction to another, in per cent."""
    if ends is None:
        return "-"
    return f"{number(100 * ends[0], digits)} to {percent(ends[1], digits)}"


def basis_points(margin: float | None) -> str:
    """Basis points, finer where they are few."""
    return number(margin, 1 if margin is not None and margin < _FEW_BPS else 0)


def p_value(value: float | None) -> str:
    """A p-value, not finer than anyone should read it."""
    if value is None or not isfinite(value):
        return "-"
    return "< 0.001" if value < _P_FLOOR else f"{value:.3f}"


def bars(horizon: int) -> str:
    """A horizon."""
    return "1 bar" if horizon == 1 else f"{horizon} bars"


def in_order(value: object) -> object:
    """A value to be printed; in text, marks that would turn around what stands after it are shown.

    Letters of scripts that run from right to left stay as they are.
    """
    return value.translate(_REORDERING) if isinstance(value, str) else value
