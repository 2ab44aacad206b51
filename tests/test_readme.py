"""The README is true: every command in it runs, and prints what it says."""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLE_DATA, Run

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```console\n(.*?)```", README, re.DOTALL)


def _transcript() -> list[tuple[str, str]]:
    """Commands and what the README says they print; empty where it shows nothing."""
    steps: list[tuple[str, str]] = []
    for block in BLOCKS:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            steps.append((command, output))
    return steps


def _shape(text: str) -> list[str]:
    """Words without numbers: another processor may round the last digit otherwise."""
    lines = (re.sub(r"[\d,.<-]*\d[\w,.:%-]*", "#", line) for line in text.splitlines())
    folded = (re.sub(r"[\s─]+", " ", line).replace("< #", "#").strip() for line in lines)
    return [re.sub(r"# %", "#", line) for line in folded if line]


def test_every_command_runs_and_prints_what_the_readme_says(
    forecast: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of the README, in a fresh folder with the sample data."""
    shutil.copytree(SAMPLE_DATA, tmp_path / "sample_data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECAST_HOME", "store")
    steps = _transcript()
    assert len(steps) == 16
    for command, output in steps:
        program, *arguments = shlex.split(command)
        assert program == "forecast"
        run = forecast(*arguments)
        assert run.code == 0, f"{command}\n{run.err}"
        if output:
            assert _shape(run.out) == _shape(output), command


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    forecast: Callable[..., Run],
) -> None:  # fmt: skip
    """As it stands in the README, on a store with a model."""
    monkeypatch.chdir(tmp_path)
    forecast("fetch", "--from", SAMPLE_DATA / "^GSPC.csv", "--home", "store")
    forecast("train", "--model", "linear", "--epochs", "1", "--home", "store")
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - our own README
    assert len(capfd.readouterr().out.split()) == 2


def test_every_link_of_the_documents_leads_somewhere() -> None:
    """Relative links in README and docs/ name files that exist."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    ]
    assert links
    for page, link in links:
        assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_two_commands_exist() -> None:
    """`make demo` and `make test` are targets of the Makefile, and more is not promised."""
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|^    )make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
