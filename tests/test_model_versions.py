"""Versions of a model: which one forecasts, what is removed, and what is handed out."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnxruntime
import pytest
from conftest import Run
from synthetic import autoregressive_bars, calendar_of

from forecast_cli.arrays import Float32Array3D, FloatArray
from forecast_cli.config import model_config
from forecast_cli.data.store import BarStore
from forecast_cli.errors import MissingInputError
from forecast_cli.models.artifact import ModelStore
from forecast_cli.models.backend import keras, tf
from forecast_cli.models.manifest import GRAPH
from forecast_cli.workflows.train import train

Forecast: TypeAlias = Callable[..., Run]
NUMPY_2 = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""TensorFlow's arrays, as Keras writes them, are older than the argument."""
CONFIG = model_config("mlp", horizons=(1,), lookback=2, epochs=1, units=2, layers=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three versions of one model, `m`, of three seeds, a second apart."""
    home = tmp_path_factory.mktemp("versions")
    BarStore(home).write(autoregressive_bars("AAA", 500, seed=1))
    days = np.arange("2001-01-01", "2004-01-01", dtype="datetime64[D]")
    BarStore(home).write_calendar(calendar_of(days))
    for seed in range(3):
        train([], config=CONFIG.model_copy(update={"seed": seed}), home=home, name="m")
        time.sleep(1 - time.time() % 1)
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(trained, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def models(home: Path) -> ModelStore:
    """Its models."""
    return ModelStore(home)


def _used(forecast: Forecast, home: Path, model: str = "m") -> tuple[str, bool]:
    """The version that forecasts, and whether it is pinned."""
    run = forecast("predict", "--home", home, "--format", "json", "--model", model)
    assert run.code == 0, run.err
    form = json.loads(run.out)
    return form["forecasts"][0]["model_version"], form["pinned"]


def _said(run: Run) -> str:
    assert (run.code, run.err) == (0, "")
    return run.out


def test_the_newest_version_forecasts(forecast: Forecast, home: Path, models: ModelStore) -> None:
    """Unless another is asked for."""
    first, _, newest = models.versions("m")
    assert _used(forecast, home) == (newest, False)
    assert _used(forecast, home, f"m@{first}") == (first, False)


def test_a_pinned_version_stays_in_use(forecast: Forecast, home: Path, models: ModelStore) -> None:
    """Through later trainings, which say so, until it is unpinned."""
    first = models.versions("m")[0]
    assert "is pinned" in _said(forecast("models", "pin", f"m@{first}", "--home", home))
    assert _used(forecast, home) == (first, True)
    result = train([], config=CONFIG.model_copy(update={"seed": 9}), home=home, name="m")
    assert any(f"m@{first} is pinned and stays in use" in note for note in result.notes)
    assert _used(forecast, home) == (first, True)
    assert f"{first} (pinned)" in forecast("predict", "--home", home).out
    assert "is no longer pinned" in _said(forecast("models", "unpin", "m", "--home", home))
    assert _used(forecast, home) == (result.manifest.version, False)
    assert "no version of m was pinned" in _said(forecast("models", "unpin", "m", "--home", home))


def test_only_a_sound_version_is_pinned(forecast: Forecast, home: Path, models: ModelStore) -> None:
    """A damaged or unknown one would stop every forecast."""
    first = models.versions("m")[0]
    (models.root / "m" / first / GRAPH).write_bytes(b"x")
    assert forecast("models", "pin", f"m@{first}", "--home", home).code == 65
    assert forecast("models", "pin", "m@20200101T000000Z-00000000", "--home", home).code == 66
    assert models.pinned("m") is None


def test_prune_keeps_the_newest_and_the_one_in_use(
    forecast: Forecast, home: Path, models: ModelStore
) -> None:
    """A dry run says what would go, and removes nothing."""
    first, second, third = models.versions("m")
    models.pin("m", first)
    prune = ("models", "prune", "m", "--keep", "1", "--home", home)
    assert second in _said(forecast(*prune, "--dry-run"))
    assert models.versions("m") == [first, second, third]
    form = json.loads(_said(forecast(*prune, "--format", "json")))
    assert form["versions"] == [second]
    assert models.versions("m") == [first, third]
    models.unpin("m")
    assert models.prune("m", 1) == [first]
    assert models.prune("m", 1) == []
    assert models.in_use("m") == third


def test_train_prunes_too(models: ModelStore) -> None:
    """`--keep N`, after the new version is in its place."""
    result = train([], config=CONFIG, home=models.home, name="m", keep=2)
    assert models.versions("m")[-1] == result.manifest.version
    assert len(models.versions("m")) == 2
    assert any("removed older versions" in note for note in result.notes)


def test_a_version_is_removed(forecast: Forecast, home: Path, models: ModelStore) -> None:
    """The newest one: the one before is in use then. Neither the pinned nor the last one goes."""
    first, second, third = models.versions("m")
    remove = ("models", "remove", "--yes", "--home", home)
    assert _said(forecast(*remove, f"m@{third}")).startswith("m: 1 version removed")
    assert _used(forecast, home)[0] == second
    models.pin("m", first)
    run = forecast(*remove, f"m@{first}")
    assert run.code == 2
    assert "is pinned" in run.err
    models.unpin("m")
    models.remove("m", first)
    run = forecast(*remove, f"m@{second}")
    assert run.code == 2
    assert "is the only version of m" in run.err
    assert forecast(*remove, f"m@{third}").code == 66


def test_a_model_is_removed(forecast: Forecast, home: Path, models: ModelStore) -> None:
    """With all its versions; nothing of it is left but the lock."""
    assert forecast("models", "remove", "m", "--home", home).code == 2  # nobody to be asked
    assert "3 versions would be removed" in _said(
        forecast("models", "remove", "m", "--dry-run", "--home", home)
    )
    assert models.names() == ["m"]
    assert "3 versions removed" in _said(forecast("models", "remove", "m", "--yes", "--home", home))
    assert [path.name for path in models.root.iterdir()] == [".m.lock"]
    assert forecast("models", "remove", "m", "--yes", "--home", home).code == 66


def test_a_kill_leaves_a_version_as_it_was_or_gone(models: ModelStore) -> None:
    """At any moment: what is listed can be opened; the next run goes on and sweeps up."""
    versions = models.versions("m")
    program = (
        "import sys; from pathlib import Path\n"
        "from forecast_cli.models.artifact import ModelStore\n"
        "print(flush=True); ModelStore(Path(sys.argv[1])).prune('m', 1)"
    )
    for pause in np.linspace(0, 0.004, 6):
        home = models.home.with_name(f"killed_{pause}")
        shutil.copytree(models.home, home)
        child = subprocess.Popen([sys.executable, "-c", program, str(home)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(float(pause))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        killed = ModelStore(home)
        for version in killed.versions("m"):
            killed.open(f"m@{version}")
        assert killed.open("m").manifest.version == versions[-1]
        killed.prune("m", 1)
        assert killed.versions("m") == versions[-1:]
        killed.save(killed.open("m").manifest, {})
        assert not list(home.rglob("*.tmp"))


def _remove_and_train(home: Path, end: float) -> None:
    """Add versions and remove them again, as fast as it goes."""
    models = ModelStore(home)
    artifact = models.open("m")
    folder = models.root / "m" / artifact.manifest.version
    files = {str(name): (folder / name).read_bytes() for name in artifact.manifest.files}
    while time.time() < end:
        for number in range(3):
            version = f"2099010{number + 1}T000000Z-00000000"
            models.save(artifact.manifest.model_copy(update={"version": version}), files)
        models.prune("m", 2)
        models.remove("m", models.versions("m")[-1])


def test_who_reads_while_versions_are_removed_gets_one_or_a_sentence(models: ModelStore) -> None:
    """Never a mix, never a traceback."""
    end = time.time() + 2
    rival = threading.Thread(target=_remove_and_train, args=(models.home, end))
    rival.start()
    opened = refused = 0
    while time.time() < end:
        try:
            models.open("m")
        except MissingInputError:
            refused += 1
        else:
            opened += 1
    rival.join()
    assert opened > refused


def test_show_says_everything(forecast: Forecast, home: Path, models: ModelStore) -> None:
    """As a table for people, as the whole manifest for scripts; of any version."""
    first, _, newest = models.versions("m")
    form = json.loads(_said(forecast("models", "show", "m", "--home", home, "--format", "json")))
    assert form["model_version"] == form["in_use"] == newest
    assert form["versions"] == models.versions("m")
    assert form["manifest"] == json.loads((Path(form["folder"]) / "manifest.json").read_text())
    table = _said(forecast("models", "show", "m", "--version", first, "--home", home))
    manifest = models.open(f"m@{first}").manifest
    for shown in (first, f"(in use: {newest})", "lookback 2", "AAA", manifest.known_until,
                  manifest.data_sha256, manifest.files[GRAPH].sha256, "keras 3."):  # fmt: skip
        assert shown in table
    assert forecast("models", "show", "m@x", "--home", home).code == 2


def test_diff_says_what_differs(forecast: Forecast, home: Path, models: ModelStore) -> None:
    """Fields, and how far the weights lie apart; nothing of a model and itself."""
    first, _, newest = models.versions("m")
    form = json.loads(
        _said(forecast("models", "diff", f"m@{first}", "m", "--home", home, "--format", "json"))
    )
    assert [
        (each["first"], each["second"]) for each in form["differences"] if each["field"] == "seed"
    ] == [(0, 2)]
    assert form["weight_difference"] > 0
    table = _said(forecast("models", "diff", f"m@{first}", f"m@{newest}", "--home", home))
    assert "seed" in table
    assert "weights: differ by at most" in table
    assert _said(forecast("models", "diff", "m", "m", "--home", home)) == "weights: the same\n"


@NUMPY_2
@pytest.mark.parametrize("form", ["keras", "onnx", "saved-model"])
def test_what_is_exported_says_what_the_model_says(
    forecast: Forecast, home: Path, tmp_path: Path, models: ModelStore, form: str
) -> None:
    """Read by the libraries they are for. What exists is overwritten by --force alone."""
    path = tmp_path / {"keras": "m.keras", "onnx": "m.onnx", "saved-model": "m"}[form]
    export = ("models", "export", "m", "--format", form, "--output", path, "--home", home)
    assert "it gives the canary's output" in " ".join(_said(forecast(*export)).split())
    run = forecast(*export)
    assert run.code == 73
    assert "exists already" in run.err
    _said(forecast(*export, "--force"))
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
    canary = models.open("m").manifest.canary
    outputs = _outputs(path, form, np.asarray([canary.inputs], dtype=np.float32))
    np.testing.assert_allclose(outputs.ravel(), canary.outputs, atol=1e-5)


def _outputs(path: Path, form: str, inputs: Float32Array3D) -> FloatArray:
    """What a network says that was read by the library it was written for."""
    if form == "onnx":
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return np.asarray(session.run(None, {"inputs": inputs})[0])
    if form == "keras":
        return np.asarray(keras.saving.load_model(path)(inputs).numpy())
    loaded = tf.saved_model.load(str(path))  # its variables live as long as it does
    return np.asarray(loaded.serve(inputs).numpy())


@NUMPY_2
def test_an_ensemble_is_exported(forecast: Forecast, home: Path, tmp_path: Path) -> None:
    """All networks and their mean, rebuilt from one list of weights."""
    config = model_config("mlp", horizons=(1,), seeds=2, epochs=1, units=2)
    train([], config=config, home=home, name="two")
    path = tmp_path / "two.keras"
    _said(
        forecast("models", "export", "two", "--format", "keras", "--output", path, "--home", home)
    )
    assert path.stat().st_size > 0


def test_a_folder_is_not_overwritten_by_a_file(
    forecast: Forecast, home: Path, tmp_path: Path
) -> None:
    """Nor a file by a folder, even by force."""
    (tmp_path / "x").mkdir()
    for form, path in (("onnx", tmp_path / "x"), ("saved-model", home / "models/m/LATEST")):
        export = ("models", "export", "m", "--format", form, "--output", path, "--force")
        run = forecast(*export, "--home", home)
        assert run.code == 2
        assert "exists and is not" in run.err
