"""docs/leaks.md says which leak is caught by what, and speaks the truth."""

import re

import planted
import pytest
from conftest import ROOT
from synthetic import random_walk_bars

from forecast_cli.features.dataset import build_windows
from forecast_cli.workflows.backtest_result import summarize

PAGE = (ROOT / "docs" / "leaks.md").read_text()
ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
TESTS = sorted(set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)))


def test_every_kind_of_leak_has_a_row_with_a_test() -> None:
    """Thirty-four kinds, numbered; each names a test at least."""
    assert [int(number) for number, *_ in ROWS] == list(range(1, 35))
    for *_, tests in ROWS:
        assert re.fullmatch(r"`test_\w+\.py::test_\w+`(, `test_\w+\.py::test_\w+`)*", tests)


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_each_named_test_exists(file: str, name: str) -> None:
    """A test that was renamed leaves no hole in the table."""
    source = (ROOT / "tests" / file).read_text()
    assert re.search(rf"^def {name}\(", source, re.MULTILINE)


@pytest.mark.parametrize("name", [*planted.FEATURES, *planted.FORECASTERS])
def test_each_planted_leak_stands_in_the_table(name: str) -> None:
    """What the tests plant is what the page tells of."""
    assert f"`{name}`" in PAGE


def test_a_panel_comes_with_a_reminder_of_survivors() -> None:
    """No data shows who is missing: a result on several symbols says so, one on one has no need."""
    series = [random_walk_bars(f"S{i}", 300, seed=i) for i in range(2)]
    for some in (series, series[:1]):
        windows = build_windows(some, horizons=(1,), lookback=1, features=("return",))
        assert summarize(some, windows, ()).survivors_only is (len(some) > 1)
