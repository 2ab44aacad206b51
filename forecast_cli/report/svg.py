"""Figures as SVG images that stand alone and follow the reader's light or dark scheme.

An image is handed on as a `data:` address for an `<img>`: nothing in it can reach the page, so the
page needs no exception from escaping. No text a user can choose is ever drawn; names stand in the
page's own legends, which escape them.
"""

import io
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from forecast_cli.report.palette import PALETTE, palette_css

# rcdefaults() first: a user's matplotlibrc may neither change the bytes nor switch LaTeX on
_STYLE: Final[dict[RcKeyType, Any]] = {
    "svg.hashsalt": "forecast",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "path.simplify_threshold": 0.3,
    "figure.facecolor": PALETTE["paper"][0],
    "axes.facecolor": PALETTE["paper"][0],
    "axes.edgecolor": PALETTE["rule"][0],
    "grid.color": PALETTE["rule"][0],
    "text.color": PALETTE["ink"][0],
    "axes.labelcolor": PALETTE["muted"][0],
    "xtick.color": PALETTE["rule"][0],
    "ytick.color": PALETTE["rule"][0],
    "xtick.labelcolor": PALETTE["muted"][0],
    "ytick.labelcolor": PALETTE["muted"][0],
}
_NO_METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_SHARP: Final = 192
_PATH: Final = re.compile(r'(?<= d=")[^"]*')
_DECIMALS: Final = re.compile(r"(\.\d\d)\d+")
_AROUND_COMMAND: Final = re.compile(r"\s*([A-Za-z])\s*")
_FONT: Final = "text{font-family:system-ui,sans-serif!important}"


def draw(paint: Callable[[Figure], None], *, width: float, height: float) -> str:
    """Paint an empty figure and return it as a `data:` address; the same painting, the same bytes.

    width, height: inches of 96 CSS pixels. Not for several threads at once: matplotlib's settings,
    restored on the way out, belong to the process.
    """
    svg = _themed(_saved(paint, "svg", width, height, metadata=_NO_METADATA).decode())
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


def draw_png(paint: Callable[[Figure], None], *, width: float, height: float) -> bytes:
    """Paint an empty figure and return it as a PNG in the light scheme, for sharp screens."""
    return _saved(paint, "png", width, height, dpi=_SHARP)


def _saved(
    paint: Callable[[Figure], None],
    form: str,
    width: float,
    height: float,
    **options: Any,  # noqa: ANN401 - matplotlib's own
) -> bytes:
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure)
        written = io.BytesIO()
        figure.savefig(written, format=form, **options)
    return written.getvalue()


def _themed(svg: str) -> str:
    """Let the image look up its colours, so that one image serves both schemes."""
    for name, (light, _) in PALETTE.items():
        svg = svg.replace(light, f"var(--{name})")
    body = _PATH.sub(lambda path: _shortened(path[0]), svg[svg.index("<svg") :])
    return body.replace("<defs>", f"<style>{palette_css()}{_FONT}</style><defs>", 1)


def _shortened(path: str) -> str:
    """The same path in hundredths of a point, finer than any screen: half the bytes of a page."""
    return _AROUND_COMMAND.sub(r"\1", _DECIMALS.sub(r"\1", path))
