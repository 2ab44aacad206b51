"""What the tests share: a clean environment, the sample data in a store, and the program itself."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from forecast_cli.__main__ import main
from forecast_cli.workflows.fetch import fetch

ROOT = Path(__file__).parents[1]
SAMPLE_DATA = ROOT / "sample_data"
_NOBODY = 65534


@dataclass(frozen=True)
class Run:
    """What one run of the program left behind."""

    code: int
    out: str
    err: str


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root may write anywhere: be nobody for a while."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests cache is not what the user of this machine finds, nor what goes wrong in them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def clean_environment(patch: pytest.MonkeyPatch, no_config: Path) -> None:
    """No setting of the machine that runs the tests reaches them. no_config: a folder of none."""
    patch.setenv("XDG_CONFIG_HOME", str(no_config))
    for name in list(os.environ):
        if name.startswith("FORECAST_") or name in {"FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"}:
            patch.delenv(name)
    patch.setenv("COLUMNS", "120")
    patch.setenv("NO_COLOR", "1")


@pytest.fixture(autouse=True)
def _clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clean_environment(monkeypatch, tmp_path_factory.getbasetemp() / "no_config")


@pytest.fixture
def forecast(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Run]:
    """The program, run in this process with real stdout and stderr."""

    def run(*arguments: str | Path) -> Run:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["forecast", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capfd.readouterr()
        code = left.value.code
        assert isinstance(code, int)
        return Run(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with all of sample_data/; tests only read it."""
    home = tmp_path_factory.mktemp("sample_home")
    fetch([], source=str(SAMPLE_DATA), home=home, today=date(2026, 1, 5))
    return home
