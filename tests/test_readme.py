"""The README is true: every command in it runs, and prints what it says."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLE_DATA, Run
from documents import blocks, play, steps_of

README = ROOT / "README.md"


def test_every_command_runs_and_prints_what_the_readme_says(tmp_path: Path) -> None:
    """In the order of the README, in a fresh folder with the sample data."""
    shutil.copytree(SAMPLE_DATA, tmp_path / "sample_data")
    steps = steps_of(README)
    assert len(steps) == 11
    assert all(step.command.startswith("forecast ") for step in steps)
    play(README, in_folder=tmp_path)


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    forecast: Callable[..., Run],
) -> None:  # fmt: skip
    """As it stands in the README, on a store with a model."""
    monkeypatch.chdir(tmp_path)
    forecast("fetch", "--from", SAMPLE_DATA / "^GSPC.csv", "--home", "store")
    forecast("train", "--model", "linear", "--epochs", "1", "--home", "store")
    (example,) = blocks(README, "python")
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - our own README
    assert len(capfd.readouterr().out.split()) == 2


def test_the_two_commands_exist() -> None:
    """`make demo` and `make test` are targets of the Makefile, and more is not promised."""
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|^    )make (\w+)", README.read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
