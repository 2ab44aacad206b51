"""The report in a real browser: what a reader sees, on a telephone and a desk, light and dark."""

from pathlib import Path

import pytest
from browser import CHROMIUM, SCHEMES, look
from report_sample import HOSTILE, backtested, crowded

from forecast_cli.report.page import backtest_page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on PATH")


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
