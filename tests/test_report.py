import re
import shutil
import subprocess
from dataclasses import replace
from html import escape
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from report_sample import Page, backtested

from forecast_cli import report
from forecast_cli.config import model_config
from forecast_cli.evaluation.metrics import crps
from forecast_cli.forecasts import quantiles_at
from forecast_cli.report import measures, words
from forecast_cli.report.page import backtest_page
from forecast_cli.workflows.backtest_result import BacktestResult

HOSTILE = [
    "<script>alert(1)</script>",
    r"$\alpha$ {{ 7*7 }} %s",
    '"><img src=x onerror="alert(1)">',
    "_'</title></style>&amp;",
]
SECTIONS = [
    "Backtest of plain",
    "Verdict",
    "What was tested",
    "Forecasts against what came",
    "What following it would have earned",
    "Does it mean what it says?",
    "Skill per fold",
    "Scores",
    "Risk",
    "Trading",
    "Folds",
    "How to read this",
    "Reproduce it",
]


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    """Two symbols, two horizons, three folds."""
    return backtested()


@pytest.fixture(scope="module")
def html(result: BacktestResult) -> str:
    """Its page."""
    return backtest_page(result)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    """Its page, parsed."""
    return Page(html)


def test_sections_come_in_reading_order(html: str, page: Page) -> None:
    """The verdict stands first, the settings last, a disclaimer under all."""
    assert html.startswith("<!DOCTYPE html>")
    assert page.headings == SECTIONS
    assert "Not investment advice." in page.text


def test_facts_are_those_of_the_result(result: BacktestResult, page: Page) -> None:
    """What was tested can be read off without opening another file."""
    for line in result.verdict.splitlines():
        assert line in page.text
    for fact in (
        "AAA, BBB",
        "1,120 bars of 1d, 2015-01-01 to 2017-02-22",
        "split adjusted",
        "7.5 basis points",
        result.data.sha256,
        "Survivors only",
        '"optimizer": "adam"',
    ):
        assert fact in page.text
    assert "Not tested" not in page.text
    skipped = replace(result, data=replace(result.data, skipped=("CCC",), survivors_only=False))
    text = Page(backtest_page(skipped)).text
    assert "Not tested CCC: too few bars" in text
    assert "Survivors only" not in text


def test_tables_hold_the_numbers_of_the_result(result: BacktestResult, html: str) -> None:
    """Every score, every trading figure and every date of every fold is in a cell."""
    cells = re.findall(r"<td>([^<]*)</td>", html)
    expected = []
    for score in result.scores:
        expected += [words.number(score.crps, 4), words.percent(score.skill_crps, 2)]
        assert score.intervals is not None
        expected += [words.interval(score.intervals.skill_crps, 2)]
        expected += [words.p_value(score.dm_p).replace("<", "&lt;"), words.number(score.brier, 4)]
    for row in result.trading:
        expected += [words.percent(row.cagr, 1), words.number(row.sharpe, 2)]
        expected += [words.number(row.break_even_bps, 1), words.percent(row.hit_rate, 1)]
    for risk in result.risk:
        expected += [words.number(risk.value_at_risk, 2), words.number(risk.breaches, 0)]
    for fold in result.folds:
        expected += [str(fold.train_known), str(fold.calibration_known), str(fold.test_end)]
    assert set(expected) <= set(cells)
    assert cells.count("holds") == len(result.folds) == 3
    assert len(cells) == 10 * 13 + 4 * 9 + 3 * 10 + 3 * 12


def test_a_broken_gap_is_shown(result: BacktestResult) -> None:
    """The audit is checked on the page, not claimed."""
    first = result.folds[0]
    leaking = replace(first, train_known=first.validation_start + np.timedelta64(1, "D"))
    html = backtest_page(replace(result, folds=(leaking, *result.folds[1:])))
    assert html.count("<td>BROKEN</td>") == 1
    assert html.count("<td>holds</td>") == 2


def test_reads_well_without_eyes(page: Page) -> None:
    """Every image has a text, every table a caption, every heading cell a scope."""
    assert all(len(image["alt"]) > 40 for image in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table")) == 4
    assert all("scope" in cell for cell in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(name: str) -> None:
    """A model or a symbol adds no element, no attribute and no word to a figure."""
    harmless = Page(backtest_page(backtested("plain", ["AAA"])))
    page = Page(backtest_page(backtested(name, [name])))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in harmless.elements]
    assert [set(has) for _, has in page.elements] == [set(has) for _, has in harmless.elements]
    assert page.images() == harmless.images()
    assert f"Backtest of {name}" in page.text
    assert f"{name}, 1 bar ahead" in page.text


def test_is_self_contained(html: str, page: Page) -> None:
    """No script, no handler, no address but `data:`; the page forbids the rest to itself."""
    assert "<script" not in html
    assert not re.search(r"https?://|url\(", html)
    assert not page.all("link")
    assert not [name for _, has in page.elements for name in has if name.startswith("on")]
    addresses = [has[name] for _, has in page.elements for name in ("src", "srcset") if name in has]
    assert len(addresses) == 10
    assert all(address.startswith("data:image/svg+xml;base64,") for address in addresses)
    assert "default-src 'none'" in page.all("meta")[1]["content"]


def test_images_are_plain_and_follow_the_scheme(page: Page) -> None:
    """Well-formed SVG that links only to itself and draws in the palette's colours."""
    images = page.images()
    assert len(images) == 10
    for svg in images:
        tree = ET.fromstring(svg)  # noqa: S314 - our own text
        assert tree.tag.endswith("svg")
        assert set(re.findall(r'href="(.)', svg)) <= {"#"}
        assert "prefers-color-scheme:dark" in svg
        assert not re.search(r"(fill|stroke): #", svg)


def test_same_result_same_bytes(
    result: BacktestResult, html: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a user's matplotlib settings nor an earlier page change a byte, nor are changed."""
    monkeypatch.setitem(mpl.rcParams, "text.usetex", True)
    monkeypatch.setitem(mpl.rcParams, "font.size", 30)
    assert backtest_page(result) == html
    assert mpl.rcParams["font.size"] == 30


def test_is_small(html: str) -> None:
    """A page can be mailed."""
    assert len(html) < 500_000


def test_one_fold_and_one_symbol() -> None:
    """The smallest backtest has all sections, and no reminder of survivors."""
    page = Page(backtest_page(backtested(symbols=["AAA"], folds=1)))
    assert page.headings == SECTIONS
    assert "1 fold," in page.text
    assert "Survivors" not in page.text


def test_a_forecaster_without_ranges() -> None:
    """Undefined scores print "-", and the fan chart says why it is not there."""
    page = Page(backtest_page(backtested(like="always_up")))
    assert page.headings == [heading for heading in SECTIONS if heading != "Risk"]
    assert "This model gives no ranges." in page.text
    assert "CRPS is not defined for this model" in page.text
    assert len(re.findall(r"plain (- ){7}\d", page.text)) == 2
    assert not re.search(r"\bnan\b", page.text.lower())
    assert [words.number(None, 2), words.percent(None, 2), words.p_value(None)] == ["-"] * 3


def test_ruin_is_drawn(result: BacktestResult) -> None:
    """An account of zero has no logarithm, and a page nonetheless."""
    first = result.strategies[0]
    equity = np.where(np.arange(len(first.days)) > 50, 0, first.account.equity)
    ruined = replace(first, account=replace(first.account, equity=equity))
    html = backtest_page(replace(result, strategies=(ruined, *result.strategies[1:])))
    assert "plain sign 0.00" in html


def test_a_direction_model_is_judged_by_brier() -> None:
    """Skill per fold speaks of the score that the verdict speaks of."""
    result = backtested(config=model_config("logistic", horizons=(1,)))
    assert "Brier skill against ewma_history" in Page(backtest_page(result)).text


@pytest.mark.parametrize("name", ["rival", HOSTILE[0]])
def test_several_models_get_a_leaderboard(name: str) -> None:
    """Best first, between scores and trading, by names that stay text; one model has none."""
    result = backtested(rival=name)
    page = Page(backtest_page(result))
    scores = SECTIONS.index("Scores")
    assert page.headings == [*SECTIONS[: scores + 1], "Leaderboard", *SECTIONS[scores + 1 :]]
    assert f"plain, {name}, on the windows that all of them have" in page.text
    for standings in result.leaderboard.values():
        places = [page.text.rindex(f"{standing.forecaster} ") for standing in standings]
        assert len(places) == 2
    skills = [words.percent(of[0].skill, 2) for of in result.leaderboard.values()]
    assert all(f"{skill} " in page.text for skill in skills)
    assert len(page.all("table")) == 5


def test_fold_skill_is_that_of_each_fold(result: BacktestResult) -> None:
    """Against the definition, written out for the second fold and the second horizon."""
    windows, fold = result.windows, result.folds[1]
    inside = (windows.cutoffs >= fold.test_start) & (windows.cutoffs <= fold.test_end)
    assert inside.sum() == fold.n_test
    curves = result.forecasts["plain"].quantiles[inside, 1]
    own = crps(windows.returns[inside, 1], curves).mean()
    naive = result.losses["ewma_history"].crps[inside, 1].mean()
    skill = measures.fold_skill(result)
    assert skill.shape == (3, 2)
    assert skill[1, 1] == pytest.approx(1 - own / naive)


def test_coverage_counts_returns_in_the_range(result: BacktestResult) -> None:
    """Against a loop over windows; the 90 % share is the one in the table."""
    made, returns = result.forecasts["plain"], result.windows.returns[:, 0]
    shares = measures.coverage("plain", result, 0)
    held = [
        quantiles_at(curve, 0.1) <= came <= quantiles_at(curve, 0.9)
        for curve, came in zip(made.quantiles[:, 0], returns, strict=True)
    ]
    assert shares[1] == pytest.approx(np.mean(held))
    assert shares[2] == pytest.approx(result.model_scores[0].coverage_90)


def test_reliability_bins_hold_equally_many() -> None:
    """Ten bins by rank; forecasts that are all the same share one."""
    p_up = np.random.default_rng(0).permutation(np.linspace(0.4, 0.6, 100))
    found = measures.reliability(p_up, returns=p_up - 0.5)
    assert found.count.tolist() == [10] * 10
    assert found.rose.tolist() == [0] * 5 + [1] * 5
    assert found.p_up[0] == pytest.approx(np.sort(p_up)[:10].mean())
    same = measures.reliability(np.full(7, 0.5), returns=np.array([1.0, 1, 1, -1, -1, -1, 0]))
    assert (same.count.tolist(), same.rose.tolist()) == ([7], [3 / 7])


def test_nothing_escapes_the_escaping() -> None:
    """Templates are package files, and no file asks for an exception."""
    folder = files(report)
    sources = [*folder.iterdir(), *(folder / "templates").iterdir()]
    texts = {file.name: file.read_text() for file in sources if file.is_file()}
    assert {"page.py", "report.html", "report.css"} <= set(texts)
    for text in texts.values():
        assert not re.search(r"\|\s*safe\b|Markup\(|autoescape\s+false", text)


CHROMIUM = shutil.which("chromium")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--dump-dom",
]
MEASURE = """
addEventListener("load", () => {
  const page = document.querySelector("iframe").contentDocument;
  const images = [...page.images];
  document.title = JSON.stringify([
    images.length, images.filter(i => i.naturalWidth > 0).length,
    page.documentElement.scrollWidth - page.documentElement.clientWidth,
    page.querySelectorAll("script, [onerror]").length]);
});
"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on PATH")
@pytest.mark.parametrize("width", [390, 1280])
def test_renders_in_a_browser(width: int, tmp_path: Path) -> None:
    """All images load and nothing is wider than the window, on a telephone and on a desk.

    The page stands in a frame of the width asked for, as browsers refuse narrow windows; the
    script that measures is the frame's owner's.
    """
    html = backtest_page(backtested(HOSTILE[2] * 3, [HOSTILE[0], HOSTILE[1]]))
    frame = f'<iframe style="width:{width}px;border:0" srcdoc="{escape(html)}"></iframe>'
    file = tmp_path / "frame.html"
    file.write_text(f"<meta charset=utf-8><script>{MEASURE}</script>{frame}")
    done = subprocess.run(
        [CHROMIUM or "", *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "<title>[7,7,0,0]</title>" in done.stdout
