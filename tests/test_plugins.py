"""A network of another project: installed for real, trained from the command line, then gone."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest
from conftest import ROOT, Run

from forecast_cli.errors import UsageError
from forecast_cli.plugins import find_plugin, plugin_names

EXAMPLE = (ROOT / "docs" / "networks.md").read_text()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example of docs/networks.md, installed by pip into a folder on the path."""
    (code,) = re.findall(r"```python\n(.*?)```", EXAMPLE, re.DOTALL)
    (project,) = re.findall(r"```toml\n(.*?)```", EXAMPLE, re.DOTALL)
    source, site = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    (source / "forecast_gru.py").write_text(code)
    (source / "pyproject.toml").write_text(project)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    options = ["--no-build-isolation", "--disable-pip-version-check", "--target", str(site)]
    subprocess.run([*pip, *options, str(source)], check=True)
    monkeypatch.syspath_prepend(site)
    yield site
    sys.modules.pop("forecast_gru", None)


def test_a_plugin_is_found_trained_and_not_needed_to_predict(
    forecast: Callable[..., Run], installed: Path, sample_home: Path, tmp_path: Path
) -> None:
    """It is named in the manifest, verified with it, and predict runs when it is uninstalled."""
    home = tmp_path / "home"
    home.mkdir()
    for folder in ("bars", "calendars"):
        (home / folder).symlink_to(sample_home / folder)
    arguments = ("--home", home, "--model", "gru")
    sizes = ("--units", "4", "--lookback", "4", "--epochs", "1", "--horizon", "1")
    run = forecast("train", "GOOG", *arguments, *sizes, "--format", "json")
    assert run.code == 0, run.err
    config = json.loads(run.out)["config"]
    assert (config["network"], config["plugin"]) == ("gru", "forecast-gru 1.0")
    assert config["units"] == 4
    assert forecast("models", "verify", "gru", "--home", home).code == 0
    shutil.rmtree(installed)
    invalidate_caches()
    predicted = forecast("predict", "GOOG", *arguments)
    assert predicted.code == 0, predicted.err
    again = forecast("models", "verify", "gru", "--home", home)
    assert again.code == 2
    assert "gru comes from forecast-gru 1.0; installed is none" in again.err
    assert "pip install forecast-gru==1.0" in again.err


def test_an_unknown_network_is_refused_with_those_there_are(
    forecast: Callable[..., Run], installed: Path, tmp_path: Path
) -> None:
    """Exit code 2; the plug-in stands among the names."""
    run = forecast("train", "--model", "transformer", "--home", tmp_path)
    assert run.code == 2
    assert "'lstm', 'gru'" in run.err


def test_help_names_the_plugins(installed: Path) -> None:
    """In a fresh process, where options are read."""
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); import forecast_cli.__main__ as m"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; m.main()", str(installed), "train", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "lstm, gru" in " ".join(done.stdout.replace("│", " ").split())


def test_finding_a_plugin_imports_nothing_of_it(installed: Path) -> None:
    """Its name and version are known before its code runs."""
    assert plugin_names() == ["gru"]
    found = find_plugin("gru")
    assert found is not None
    assert found.distribution == "forecast-gru 1.0"
    assert "forecast_gru" not in sys.modules


def test_a_plugin_that_cannot_be_imported_is_the_users_to_repair(installed: Path) -> None:
    """Its own error reaches the user in a sentence, as a usage error."""
    (installed / "forecast_gru.py").write_text("import none_such")
    found = find_plugin("gru")
    assert found is not None
    with pytest.raises(UsageError, match=r"gru of forecast-gru 1\.0 cannot be imported: No mod"):
        found.builder()
