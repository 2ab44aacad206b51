import re
from dataclasses import replace
from html import unescape
from importlib.resources import files
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from report_sample import HOSTILE, Page, backtested, crowded

from forecast_cli import __version__, report
from forecast_cli.config import model_config
from forecast_cli.evaluation.fold_cache import code_sha256
from forecast_cli.evaluation.metrics import crps
from forecast_cli.findings import Finding
from forecast_cli.forecasts import quantiles_at
from forecast_cli.report import measures, words
from forecast_cli.report.headline import headline
from forecast_cli.report.page import backtest_page
from forecast_cli.report.palette import PALETTE
from forecast_cli.trading.overfitting import Selection
from forecast_cli.workflows.backtest_result import BacktestResult

SECTIONS = [
    "Backtest of plain",
    "Verdict",
    "Forecasts against what came",
    "What following it would have earned",
    "Does it mean what it says?",
    "Skill per fold",
    "Scores",
    "Symbol by symbol",
    "Risk",
    "What was tested",
    "Fold audit",
    "Findings of the data",
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
    """Every score with its interval, every trading figure and every date of every fold is shown."""
    cells = [unescape(cell) for cell in re.findall(r"<(?:td|small)[^>]*>([^<]*)", html)]
    expected = []
    for score in result.scores:
        expected += [words.number(score.crps, 4), words.percent(score.skill_crps, 2)]
        expected += [words.p_value(score.dm_p), words.number(score.brier, 4)]
        expected += [words.number(score.mase, 3), words.percent(score.ece, 1)]
    for score in result.model_scores:
        assert score.intervals is not None
        expected += [words.interval(score.intervals.skill_crps, 2)]
        expected += [words.interval(score.intervals.coverage_90, 1)]
        expected += [words.p_value(score.dm_p_corrected), words.p_value(score.dm_p_brier_corrected)]
        for level in score.ranges:
            expected += [words.percent(level.coverage, 1), words.number(level.width, 2)]
            expected += [words.percent(part.coverage, 1) for part in level.regimes]
    for row in result.trading:
        expected += [words.percent(row.cagr, 1), words.number(row.sharpe, 2)]
        expected += [words.number(row.deflated_sharpe, 2), words.percent(row.hit_rate, 1)]
        expected += [words.basis_points(row.break_even_bps)]
    for risk in result.risk:
        expected += [words.number(risk.value_at_risk, 2), words.number(risk.breaches, 0)]
    for fold in result.folds:
        expected += [str(fold.train_known), str(fold.calibration_known), str(fold.test_end)]
    assert set(expected) <= set(cells)
    assert cells.count("holds") == len(result.folds) == 3
    n_rows = {"trading": 3, "ranges": 2 * 4, "scores": 2 * 5, "symbols": 2, "risk": 4, "folds": 3}
    assert html.count('<th scope="row">') == sum(n_rows.values()) + n_rows["scores"]


def test_a_broken_gap_is_shown(result: BacktestResult) -> None:
    """The audit is checked on the page, not claimed."""
    first = result.folds[0]
    leaking = replace(first, train_known=first.validation_start + np.timedelta64(1, "D"))
    html = backtest_page(replace(result, folds=(leaking, *result.folds[1:])))
    assert html.count(">BROKEN</td>") == 1
    assert html.count("<td>holds</td>") == 2


def test_reads_well_without_eyes(page: Page) -> None:
    """Every image has a text, every table a caption, every heading cell a scope."""
    assert all(len(image["alt"]) > 40 for image in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table")) == 7
    assert all("scope" in cell for cell in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("header", "main", "nav", "footer")] == [1, 1, 1, 1]
    ids = {section["id"] for section in page.all("section")}
    assert {link["href"].removeprefix("#") for link in page.all("a")} <= ids


@pytest.fixture(scope="module")
def harmless() -> Page:
    """The page of a model and a symbol with names as they should be."""
    return Page(backtest_page(backtested("plain", ["AAA"])))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(name: str, harmless: Page) -> None:
    """A model or a symbol adds no element, no attribute and no word to a figure."""
    page = Page(backtest_page(backtested(name, [name])))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in harmless.elements]
    assert [set(has) for _, has in page.elements] == [set(has) for _, has in harmless.elements]
    assert page.images() == harmless.images()
    shown = words.in_order(name)
    assert f"Backtest of {shown}" in page.text
    assert f"{shown}, 1 bar ahead" in page.text
    assert not set("\u202e\u2066") & set(page.text)


def test_is_self_contained(html: str, page: Page) -> None:
    """No script, no handler, no address but `data:`; the page forbids the rest to itself."""
    assert "<script" not in html
    assert not re.search(r"https?://|url\(", html)
    assert not page.all("link")
    assert not [name for _, has in page.elements for name in has if name.startswith("on")]
    addresses = [has[name] for _, has in page.elements for name in ("src", "srcset") if name in has]
    assert len(addresses) == 12
    assert all(address.startswith("data:image/svg+xml;base64,") for address in addresses)
    assert "default-src 'none'" in page.all("meta")[1]["content"]


def test_images_are_plain_and_follow_the_scheme(page: Page) -> None:
    """Well-formed SVG that links only to itself and draws in the palette's colours."""
    images = page.images()
    assert len(images) == 12
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
    """A page can be mailed, that of 500 symbols too, whose every row is in it."""
    assert len(html) < 500_000
    crowd = crowded(backtested(symbols=list("ABCDE"), rival="rival"), 500)
    html = backtest_page(crowd)
    assert len(html) < 1_000_000
    assert all(f'<th scope="row">{symbol}</th>' in html for symbol in crowd.data.symbols)
    assert "S000, S001, S002, S003, S004, S005, S006, S007, S008, S009, S010, S011 and 488" in html


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
    assert len(re.findall(r"plain (?:- ){9}", page.text)) == 2
    assert len(page.all("img")) == 3
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
    """Best first, behind the scores, by names that stay text; one model has none."""
    result = backtested(rival=name)
    page = Page(backtest_page(result))
    scores = SECTIONS.index("Scores")
    assert page.headings == [*SECTIONS[: scores + 1], "Leaderboard", *SECTIONS[scores + 1 :]]
    assert f"plain, {name}, on the windows that all of them have" in page.text
    table = page.text[page.text.index("The models by CRPS") : page.text.index("Symbol by symbol")]
    for standings in result.leaderboard.values():
        rows = [f"{one.forecaster} {words.percent(one.skill, 2)}" for one in standings]
        assert table.index(rows[0]) < table.index(rows[1])
    skills = [words.percent(of[0].skill, 2) for of in result.leaderboard.values()]
    assert all(f"{skill} " in page.text for skill in skills)
    assert len(page.all("table")) == 8


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


def test_symbols_are_judged_one_by_one(result: BacktestResult) -> None:
    """Against the definitions, written out for the second symbol; the best comes first."""
    rows = measures.by_symbol(result)
    assert [row.skill[0] for row in rows] == sorted((row.skill[0] for row in rows), reverse=True)
    row = next(row for row in rows if row.symbol == "BBB")
    windows, made = result.windows, result.forecasts["plain"]
    of = windows.symbol_names == "BBB"
    assert row.n == of.sum()
    curves = made.quantiles[of, 1]
    own = crps(windows.returns[of, 1], curves).mean()
    naive = result.losses["ewma_history"].crps[of, 1].mean()
    assert row.skill[1] == pytest.approx(1 - own / naive)
    held = [
        quantiles_at(curve, 0.05) <= came <= quantiles_at(curve, 0.95)
        for curve, came in zip(curves, windows.returns[of, 1], strict=True)
    ]
    assert row.coverage_90[1] == pytest.approx(np.mean(held))
    assert row.profit == result.strategies[0].by_symbol["BBB"]
    assert row.hold == result.strategies[-1].by_symbol["BBB"]


def test_reliability_bins_hold_equally_many() -> None:
    """Ten bins by rank; forecasts that are all the same share one."""
    p_up = np.random.default_rng(0).permutation(np.linspace(0.4, 0.6, 100))
    found = measures.reliability(p_up, returns=p_up - 0.5)
    assert found.count.tolist() == [10] * 10
    assert found.rose.tolist() == [0] * 5 + [1] * 5
    assert found.p_up[0] == pytest.approx(np.sort(p_up)[:10].mean())
    same = measures.reliability(np.full(7, 0.5), returns=np.array([1.0, 1, 1, -1, -1, -1, 0]))
    assert (same.count.tolist(), same.rose.tolist()) == ([7], [3 / 7])


def test_the_headline_says_what_the_scores_say(result: BacktestResult) -> None:
    """One sentence: edge or none, corrected for the number of tests, and money after costs."""
    assert headline(result).startswith("No edge found: plain loses to the best naive row 1 and 5")
    assert "; after costs, plain sign earned " in headline(result)

    def with_skill(skill: float, p: float, n: int) -> BacktestResult:
        first = [row for row in result.scores if row.forecaster == "plain"][:n]
        scores = tuple(
            replace(row, skill_crps=skill, dm_p=0.001, dm_p_corrected=p) if row in first else row
            for row in result.scores
        )
        return replace(result, scores=scores)

    assert "No edge found: plain matches the best naive row 1 and 5" in headline(
        with_skill(0.02, 0.2, 2)
    )
    assert headline(with_skill(0.02, 0.01, 1)).startswith(
        "Edge found: plain beats the best naive row 1 bar ahead and loses to it 5 bars ahead; after"
    )


def test_findings_of_the_data_are_told(result: BacktestResult, page: Page) -> None:
    """By kind, errors first, with bars, symbols, dates and the repair; or that there are none."""
    assert "No errors and no warnings" in page.text
    findings = {
        "AAA": (Finding("zero_volume", "", 2, ("2015-05-12", "2016-01-08"), "warning", "compare"),),
        "BBB": (
            Finding("zero_volume", "", 3, ("2015-05-13", "2015-05-14"), "warning", "compare"),
            Finding("bad_date", "", 1, ("1700-01-01",), "error"),
        ),
    }
    found = replace(result, data=replace(result.data, findings=findings))
    text = Page(backtest_page(found)).text
    assert "zero_volume warning 5 the volume is 0 compare AAA, BBB 2015-05-12, 2015-05-13," in text
    assert text.index("bad_date error 1") < text.index("zero_volume warning")


def test_it_says_how_to_get_it_again(result: BacktestResult, page: Page) -> None:
    """The command where there was one, and hashes of bars and code."""
    command = "forecast backtest '^GSPC' --model 'a<b'"
    again = Page(backtest_page(result, command=command))
    assert f"This was typed: {command} " in again.text
    assert "This was typed" not in page.text
    for shown in (result.data.sha256, code_sha256(), f"forecast {__version__}"):
        assert shown in page.text


def test_overfitting_and_doubtful_symbols_are_told(result: BacktestResult, page: Page) -> None:
    """Beside the money and among the facts, where there is something to say."""
    assert "PBO" not in page.text
    assert "Doubtful" not in page.text
    found = Selection(
        n_strategies=4,
        n_blocks=16,
        n_splits=12870,
        pbo=0.43,
        loss=0.4,
        chosen_sharpe=0.9,
        later_sharpe=0.1,
    )
    remarks = ("AAA: no bar between 2015 and 2017", "B: few")
    told = replace(result, selection=found, data=replace(result.data, remarks=remarks))
    text = Page(backtest_page(told)).text
    assert "PBO 0.43, the probability of backtest overfitting: of 12,870 ways" in text
    assert "Doubtful AAA: no bar between 2015 and 2017. B: few" in text


def test_canaries_have_a_line(
    result: BacktestResult, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the audit, where there is something to say."""
    assert "canaries" not in {has.get("id") for _, has in page.elements}
    monkeypatch.setattr(BacktestResult, "canary_line", "canaries: <all> silent.")
    text = Page(backtest_page(result)).text
    assert "Fold audit canaries: <all> silent." in text


def test_trials_stand_beside_the_sharpe_ratio(result: BacktestResult) -> None:
    """What was tried before takes from what the best is worth."""
    text = Page(backtest_page(replace(result, n_tried=12))).text
    assert "after 12 trials on these symbols" in text
    assert "the best of the 12 different trials" in text


def test_colours_can_be_told_from_paper() -> None:
    """WCAG 2.2: text 4.5 to 1, marks of figures 3 to 1, in the light scheme and in the dark one."""
    least = {"ink": 4.5, "muted": 4.5, "model": 4.5, "miss": 4.5, "variant": 3.0, "naive": 3.0}
    for scheme in (0, 1):
        for ground in ("paper", "card"):
            for name, ratio in least.items():
                pair = PALETTE[name][scheme], PALETTE[ground][scheme]
                assert contrast(*pair) >= ratio, (name, ground, scheme)


def contrast(one: str, other: str) -> float:
    """Ratio of relative luminances of two colours such as "#1f2328" (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return float(linear @ [0.2126, 0.7152, 0.0722])

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_nothing_escapes_the_escaping() -> None:
    """Templates are package files, and no file asks for an exception."""
    folder = files(report)
    sources = [*folder.iterdir(), *(folder / "templates").iterdir()]
    texts = {file.name: file.read_text() for file in sources if file.is_file()}
    assert {"page.py", "report.html", "report.css"} <= set(texts)
    for text in texts.values():
        assert not re.search(r"\|\s*safe\b|Markup\(|autoescape\s+false", text)
