"""The report in a real browser: what a reader sees, on a telephone and a desk, light and dark."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

import pytest
from report_sample import HOSTILE, backtested, crowded

from forecast_cli.report.page import backtest_page

CHROMIUM = shutil.which("chromium")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--dump-dom",
)
SCHEMES = {"dark": 0, "light": 1}
MEASURE = """
const channels = colour => colour.match(/[\\d.]+/g).map(Number);
const luminance = colour => channels(colour).slice(0, 3)
  .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const clear = colour => channels(colour)[3] === 0;
function contrast(element, style) {
  let behind = element;
  while (behind && clear(style(behind).backgroundColor)) behind = behind.parentElement;
  const pair = [style(element).color, behind ? style(behind).backgroundColor : "rgb(255,255,255)"]
    .map(luminance).sort((a, b) => a - b);
  return (pair[1] + 0.05) / (pair[0] + 0.05);
}
addEventListener("load", () => {
  const frame = document.querySelector("iframe");
  const page = frame.contentDocument, style = e => frame.contentWindow.getComputedStyle(e);
  const images = [...page.images];
  const told = [...page.body.querySelectorAll("*")].filter(e => e.checkVisibility() &&
    [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  document.title = JSON.stringify({
    images: images.length,
    shown: images.filter(i => i.naturalWidth > 0 && i.clientWidth > 100).length,
    overflow: page.documentElement.scrollWidth - page.documentElement.clientWidth,
    foreign: page.querySelectorAll("script, [onerror], img:not([alt])").length,
    texts: told.length,
    contrast: Math.min(...told.map(e => contrast(e, style))),
    paper: style(page.body).backgroundColor,
    title: page.title,
  });
});
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on PATH")


@dataclass(frozen=True)
class Seen:
    """What the browser measured, and what stood in its console."""

    measured: dict[str, float | str]
    console: list[str]


def look(html: str, folder: Path, *, width: int = 390, scheme: str = "light") -> Seen:
    """Open a page in a frame of the width asked for, as browsers refuse narrow windows.

    The script that measures is the frame's owner's: the page itself allows none.
    """
    frame = (
        f'<iframe style="width:{width}px;height:800px;border:0" srcdoc="{escape(html)}"></iframe>'
    )
    file = folder / "frame.html"
    file.write_text(f"<!DOCTYPE html><meta charset=utf-8><script>{MEASURE}</script>{frame}")
    done = subprocess.run(
        [
            CHROMIUM or "",
            *OPTIONS,
            f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
            f"--user-data-dir={folder / 'profile'}",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (title,) = re.findall(r"<title>(\{.*?\})</title>", done.stdout[:5000], re.DOTALL)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(measured=json.loads(unescape(title)), console=console)


@pytest.fixture(scope="module")
def html() -> str:
    """A page with every section, of a model and symbols with hostile names."""
    return backtest_page(
        backtested(HOSTILE[2] * 3, [HOSTILE[0], HOSTILE[4]], rival=HOSTILE[3]), command=HOSTILE[0]
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [390, 1280])
def test_reads_on_every_screen(html: str, tmp_path: Path, width: int, scheme: str) -> None:
    """All images are shown, no text is faint, nothing is wider than the window or from a name."""
    seen = look(html, tmp_path, width=width, scheme=scheme)
    assert seen.console == []
    assert seen.measured["images"] == seen.measured["shown"] == 9
    assert seen.measured["overflow"] == 0
    assert seen.measured["foreign"] == 0
    assert float(seen.measured["texts"]) > 300
    assert float(seen.measured["contrast"]) >= 4.5
    paper = {"light": "rgb(254, 254, 253)", "dark": "rgb(22, 25, 29)"}[scheme]
    assert seen.measured["paper"] == paper
    assert seen.measured["title"] == f"Backtest of {HOSTILE[2] * 3}"


def test_five_hundred_symbols_fit_a_telephone(tmp_path: Path) -> None:
    """Their table scrolls by itself."""
    page = backtest_page(crowded(backtested(symbols=list("ABCDE")), 500))
    seen = look(page, tmp_path)
    assert seen.console == []
    assert seen.measured["overflow"] == 0


def test_the_measures_can_fail(html: str, tmp_path: Path) -> None:
    """A page that breaks each promise is found out."""
    broken = html.replace(
        "</main>",
        '<img src="https://example.org/x.png"><p style="color:#bbb">faint</p>'
        '<div style="width:500px">wide</div></main>',
    )
    seen = look(broken, tmp_path)
    assert any("Content Security Policy" in line for line in seen.console)
    assert seen.measured["images"] == 10
    assert seen.measured["shown"] == 9
    assert seen.measured["foreign"] == 1
    assert float(seen.measured["overflow"]) > 0
    assert float(seen.measured["contrast"]) < 4.5
