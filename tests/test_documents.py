"""The documents are true: what they say to type runs, what they name exists, and all is named."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import ROOT, SAMPLE_DATA
from documents import DOCS, blocks, play, run_command, shape, steps_of

from docs.make_reference import PAGE, reference
from docs.source_links import LINK, line_of
from forecast_cli.cli.app import app
from forecast_cli.config import DEFAULT_FEATURES
from forecast_cli.findings import CODES
from forecast_cli.models.baselines import BASELINES
from forecast_cli.models.heads import HEADS
from forecast_cli.models.networks import NETWORKS
from forecast_cli.models.trainer import OPTIMIZERS

GUIDES = sorted((DOCS / "commands").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def _commands(path: str, command: Any) -> Iterator[str]:  # noqa: ANN401 - typer's vendored click
    """The words that call each command, groups left out."""
    below = getattr(command, "commands", {})
    for name in below:
        yield from _commands(f"{path} {name}", below[name])
    if not below:
        yield path


COMMANDS = list(_commands("forecast", typer.main.get_command(app)))


def _options_of(command: str) -> set[str]:
    """The long options that the reference has for a command."""
    section = PAGE.read_text().split(f"## {command}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
    return {option for row in rows for option in re.findall(r"(?<![\w-])--[\w-]+", row)}


@pytest.fixture(scope="module")
def after_tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the tutorial leaves, every command of it run in order."""
    folder = tmp_path_factory.mktemp("tutorial")
    shutil.copytree(SAMPLE_DATA, folder / "sample_data")
    play(DOCS / "tutorial.md", in_folder=folder)
    return folder


def test_the_tutorial_runs_and_prints_what_it_says(after_tutorial: Path) -> None:
    """From CSV files to a script for cron, which leaves its forecasts."""
    assert len(steps_of(DOCS / "tutorial.md")) == 13
    assert (after_tutorial / "report.html").exists()
    assert list((after_tutorial / "forecasts").glob("*.csv"))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda page: page.stem)
def test_a_guide_runs_and_prints_what_it_says(
    guide: Path, after_tutorial: Path, tmp_path: Path
) -> None:
    """Every command of it, in the folder that the tutorial leaves."""
    folder = tmp_path / "folder"
    shutil.copytree(after_tutorial, folder)
    assert steps_of(guide)
    play(guide, in_folder=folder)


def test_a_page_that_says_otherwise_is_found(tmp_path: Path) -> None:
    """What is compared is every word of the output; numbers may differ."""
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo two words, 12.5\ntwo words, 13\n```\n")
    play(page, in_folder=tmp_path)
    page.write_text("```console\n$ echo two words\nthree words\n```\n")
    with pytest.raises(AssertionError, match="echo two words"):
        play(page, in_folder=tmp_path)
    page.write_text("```console\n$ ls nowhere\n```\n")
    with pytest.raises(AssertionError, match="ls nowhere"):
        play(page, in_folder=tmp_path)


def test_the_python_page_runs_in_a_fresh_process(tmp_path: Path) -> None:
    """As it stands, with the output that stands below it, and no warning."""
    shutil.copytree(SAMPLE_DATA, tmp_path / "sample_data")
    quick_start, reading = blocks(DOCS / "python.md", "python")
    (expected,) = blocks(DOCS / "python.md", "text")
    said = []
    for program in (quick_start, reading):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert shape(said[0]) == shape(expected)
    assert "^GSPC" in said[1]


def test_the_site_is_built_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    """Strictly: no broken link or anchor, every page in the menu; fonts and scripts are its own."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(GUIDES)
    for page in pages:
        fetched = re.findall(
            r'(?:<(?:script|img|iframe|source)[^>]+src|<link[^>]+href)="(?:https?:)?//[^"]*',
            page.read_text(),
        )
        assert not fetched, page.name


def test_every_link_of_the_documents_leads_somewhere() -> None:
    """Relative links in README and docs/ name files that exist."""
    links = [
        (page, link)
        for page in PAGES
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    ]
    assert links
    for page, link in links:
        assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_formula_leads_to_the_line_that_computes_it() -> None:
    """A page names a file and what it defines; both exist."""
    links = [match for page in PAGES for match in LINK.finditer(page.read_text())]
    assert len(links) > 40
    for path, symbol, _, target in (match.groups() for match in links):
        assert path == target
        assert line_of(path, symbol) > 1


def test_a_symbol_that_does_not_exist_is_found() -> None:
    """Neither at the top of a file nor in a class of it."""
    path = "forecast_cli/models/heads.py"
    for symbol in ("pinball", "Head.nothing", "NoHead.build"):
        with pytest.raises(KeyError, match=symbol):
            line_of(path, symbol)


def test_the_reference_is_what_the_program_says() -> None:
    """`make reference` would change nothing."""
    assert PAGE.read_text() == reference()


@pytest.mark.parametrize("command", COMMANDS)
def test_reference_and_help_name_the_same_options(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Option by option, as `--help` prints them on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")
    help_text = run_command(f"{command} --help").out
    columns = re.findall(
        r"^│[ *]+((?:-\w[ ,]+)?--[\w-]+(?:[ ,]+--[\w-]+)*)", help_text, re.MULTILINE
    )
    shown = {name for column in columns for name in re.findall(r"--[\w-]+", column)} - {"--help"}
    assert _options_of(command) == shown


def test_every_command_is_shown_in_a_document() -> None:
    """In one that a person wrote, not in the reference alone; a group by its name."""
    written = "\n".join(page.read_text() for page in PAGES if page != PAGE)
    for command in COMMANDS:
        assert " ".join(command.split()[:2]) in written, command


def test_every_option_that_a_document_names_exists() -> None:
    """An option in code is one of the program's; one behind a command is that command's."""
    known = {option for command in ("forecast", *COMMANDS) for option in _options_of(command)}
    known.add("--help")
    for page in PAGES:
        text = page.read_text()
        for option in re.findall(r"`(--[a-z][a-z-]*)", text):
            assert option in known, f"{page.name}: {option}"
        commands = "|".join(sorted(COMMANDS, key=len, reverse=True))
        for command, call in re.findall(rf"\b({commands}|forecast(?= --))\b([^`\n|#]*)", text):
            options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", call))
            assert options <= {*_options_of(command), "--help"}, f"{page.name}: {command}{call}"


def test_every_check_is_named_in_its_guide() -> None:
    """So that whoever meets a code can look it up, and choose what follows."""
    guide = (DOCS / "commands" / "data.md").read_text()
    assert not [code for code in CODES if f"`{code}`" not in guide]


def test_all_that_forecasts_are_made_of_is_explained() -> None:
    """Networks, heads, optimizers, features and the rows beside them, each by its name."""
    page = (DOCS / "forecasts.md").read_text()
    for name in (*NETWORKS, *HEADS, *OPTIMIZERS, *DEFAULT_FEATURES, *BASELINES):
        assert re.search(rf"\b{name}\b", page), name
