"""`forecast fetch --dry-run` says what a fetch would, and stores nothing."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SAMPLE_DATA, Run

from forecast_cli.workflows.rehearsal import rehearsal

Forecast = Callable[..., Run]


def _files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file: its bytes and the time of its last change."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_a_dry_run_says_what_a_run_says(
    forecast: Forecast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same JSON, for an empty store, for new bars and for none; no file is made or changed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    prices, home = tmp_path / "IBM.csv", tmp_path / "home"
    lines = (SAMPLE_DATA / "IBM.csv").read_text().splitlines(keepends=True)
    prices.write_text("".join(lines[:100]))
    for more in (lines[:100], lines, lines):
        prices.write_text("".join(more))
        before = _files(home)
        arguments = ["fetch", "--from", prices, "--home", home, "--json"]
        dry = forecast(*arguments, "--dry-run")
        assert _files(home) == before
        wet = forecast(*arguments)
        assert (dry.code, dry.out, dry.err) == (wet.code, wet.out, wet.err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["IBM.csv", "home"]


def test_files_that_cannot_be_linked_are_copied(
    sample_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As between two file systems."""

    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "link", refuse)
    with rehearsal(sample_home) as scratch:
        assert len(list(scratch.glob("bars/*/*/bars.parquet"))) == 6
        shutil.rmtree(scratch / "bars")
    assert len(list(sample_home.glob("bars/*/*/bars.parquet"))) == 6
