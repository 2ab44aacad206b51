"""Templates: whatever is put into one is escaped, and reads in its own direction."""

from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from forecast_cli.report import words

PAGES: Final = Environment(
    loader=PackageLoader("forecast_cli.report"),
    autoescape=True,
    finalize=words.in_order,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PAGES.filters |= {
    "number": words.number,
    "percent": words.percent,
    "interval": words.interval,
    "basis_points": words.basis_points,
    "p_value": words.p_value,
    "bars": words.bars,
}
