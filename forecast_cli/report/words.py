"""Numbers as people read them; "-" where there is none."""

from math import isfinite
from typing import Final

_P_FLOOR: Final = 0.001


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


def p_value(value: float | None) -> str:
    """A p-value, not finer than anyone should read it."""
    if value is None or not isfinite(value):
        return "-"
    return "< 0.001" if value < _P_FLOOR else f"{value:.3f}"


def bars(horizon: int) -> str:
    """A horizon."""
    return "1 bar" if horizon == 1 else f"{horizon} bars"
