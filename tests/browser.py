"""A page in a headless Chromium: what it measures there, and what it complains of."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Seen:
    """What the browser measured, and what stood in its console."""

    measured: dict[str, Any]
    console: list[str]


def look(
    html: str, folder: Path, *, width: int = 390, scheme: str = "light", script: str = MEASURE
) -> Seen:
    """Open a page in a frame of the width asked for, as browsers refuse narrow windows.

    script: the frame's owner's, which measures and leaves what it found in its own title.
    """
    frame = (
        f'<iframe style="width:{width}px;height:800px;border:0" srcdoc="{escape(html)}"></iframe>'
    )
    file = folder / "frame.html"
    file.write_text(f"<!DOCTYPE html><meta charset=utf-8><script>{script}</script>{frame}")
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
    (title,) = re.findall(r"<title>(\{.*?\})</title>", done.stdout[:50_000], re.DOTALL)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(measured=json.loads(unescape(title)), console=console)
