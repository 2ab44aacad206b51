"""An artifact is what its manifest says, byte for byte, or it is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load
from synthetic import autoregressive_bars

from forecast_cli.config import NetworkName, model_config
from forecast_cli.data.store import BarStore
from forecast_cli.errors import (
    BadDataError,
    ForecastError,
    InternalCheckError,
    MissingInputError,
    UsageError,
)
from forecast_cli.features.dataset import build_windows
from forecast_cli.models.artifact import ModelStore, record
from forecast_cli.models.export import TOLERANCE, to_onnx, to_safetensors
from forecast_cli.models.manifest import GRAPH, WEIGHTS
from forecast_cli.models.runtime import OnnxForecaster
from forecast_cli.models.trainer import Trainer
from forecast_cli.workflows.entries import NETWORK_NAMES
from forecast_cli.workflows.train import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one model, called `small`."""
    home = tmp_path_factory.mktemp("artifacts")
    BarStore(home).write(autoregressive_bars("AAA", 500, seed=1))
    config = model_config("linear", horizons=(1,), lookback=2, epochs=3)
    train([], config=config, home=home, name="small")
    return home


@pytest.fixture
def models(trained: Path, tmp_path: Path) -> ModelStore:
    """A copy of it, to be damaged."""
    shutil.copytree(trained, tmp_path / "home")
    return ModelStore(tmp_path / "home")


def _folder(models: ModelStore) -> Path:
    (folder,) = (path.parent for path in models.root.glob("small/*/manifest.json"))
    return folder


def _edit_manifest(models: ModelStore, change: Callable[[dict[str, object]], None]) -> None:
    path = _folder(models) / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize("network", NETWORK_NAMES)
def test_onnx_says_what_keras_says(network: NetworkName) -> None:
    """To 1e-5 on random weights and inputs, and the graph embeds all of its weights."""
    config = model_config(network, lookback=7)
    trainer = Trainer(config, len(config.features))
    rng = np.random.default_rng(0)
    trainer.network.set_weights(
        [0.1 * rng.normal(size=weight.shape) for weight in trainer.network.get_weights()]
    )
    trainer.standardize.deviation.assign(0.5 + rng.random(len(config.features)))
    samples = rng.normal(size=(32, 7, len(config.features))).astype(np.float32)
    graph = to_onnx(trainer.network, samples)
    assert b"external_data" not in graph
    import onnxruntime  # noqa: PLC0415 - an oracle

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {"inputs": samples})
    expected = trainer.network(samples, training=False).numpy()
    assert np.abs(outputs - expected).max() <= TOLERANCE


def test_a_graph_that_differs_from_keras_is_never_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check at save time has teeth: with a tolerance of nothing it refuses."""
    monkeypatch.setattr("forecast_cli.models.export.TOLERANCE", -1.0)
    config = model_config("mlp", lookback=2)
    trainer = Trainer(config, len(config.features))
    samples = np.ones((4, 2, len(config.features)), dtype=np.float32)
    with pytest.raises(InternalCheckError, match="nothing was saved"):
        to_onnx(trainer.network, samples)


def test_the_weights_rebuild_the_network(models: ModelStore, trained: Path) -> None:
    """weights.safetensors, in its order, gives a fresh network the saved graph's outputs."""
    manifest = models.open("small").manifest
    weights = load((_folder(models) / WEIGHTS).read_bytes())
    trainer = Trainer(manifest.config, len(manifest.config.features))
    trainer.network.set_weights([weights[name] for name in sorted(weights)])
    canary = np.asarray([manifest.canary.inputs], dtype=np.float32)
    np.testing.assert_allclose(
        trainer.network(canary).numpy().ravel(), manifest.canary.outputs, atol=1e-6
    )
    assert to_safetensors(trainer.network) == (_folder(models) / WEIGHTS).read_bytes()


def test_a_trained_model_forecasts(models: ModelStore) -> None:
    """Opened, checked and run, with one row per window."""
    forecaster = OnnxForecaster(models.open("small"))
    config = forecaster.manifest.config
    windows = build_windows(
        [BarStore(models.home).read("AAA", "1d")],
        horizons=config.horizons,
        lookback=config.lookback,
        features=config.features,
    )
    made = forecaster.predict(windows)
    assert made.quantiles.shape == (len(windows), 1, 99)
    assert (np.diff(made.quantiles, axis=-1) >= 0).all()


def test_a_second_training_leaves_the_first_version_alone(models: ModelStore) -> None:
    """Versions are immutable; LATEST names the one in use, and the newest model is the default."""
    before = {path: path.read_bytes() for path in _folder(models).iterdir()}
    config = model_config("linear", horizons=(1,), lookback=2, epochs=3, seed=5)
    train([], config=config, home=models.home, name="small")
    assert len(list(models.root.glob("small/*/manifest.json"))) == 2
    assert all(path.read_bytes() == content for path, content in before.items())
    assert models.open("small").manifest.config.seed == 5
    assert models.newest() == "small"


@pytest.mark.parametrize("file", [WEIGHTS, GRAPH])
def test_a_flipped_bit_is_refused(models: ModelStore, file: str) -> None:
    """SHA-256 of every file."""
    path = _folder(models) / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadDataError, match="SHA-256 differs"):
        models.open("small")


@pytest.mark.parametrize("file", ["manifest.json", WEIGHTS, GRAPH])
def test_a_missing_file_is_named(models: ModelStore, file: str) -> None:
    """Exit code 66, and the file's name."""
    (_folder(models) / file).unlink()
    with pytest.raises(MissingInputError, match=file):
        models.open("small")


def test_a_file_that_no_manifest_lists_is_refused(models: ModelStore) -> None:
    """Nothing may ride along."""
    (_folder(models) / "extra.txt").write_bytes(b"x")
    with pytest.raises(BadDataError, match="no manifest lists"):
        models.open("small")


def test_a_link_is_refused(models: ModelStore, tmp_path: Path) -> None:
    """Even to the right bytes."""
    path = _folder(models) / WEIGHTS
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadDataError, match="not a regular file"):
        models.open("small")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update(format_version=2), "written by a newer forecast"),
        (lambda m: m.update(surprise=1), "surprise"),
        (lambda m: m["config"].update(network="lambda"), "config.network"),
        (lambda m: m["config"].update(lookback=10**9), "config.lookback"),
        (lambda m: m["config"].update(lookback=3), "canary"),
        (lambda m: m["config"].update(features=["return"]), "per feature"),
        (lambda m: m["config"].update(learning_rate=float("nan")), "learning_rate"),
        (lambda m: m.update(stretch=[1.0, 1.0]), "one entry per horizon"),
        (lambda m: m["history"][0].pop(), "history"),
        (lambda m: m["files"].update({"../../x": m["files"][GRAPH]}), "files"),
        (lambda m: m.update(name="other"), "belongs to other"),
    ],
)
def test_a_manifest_out_of_bounds_is_refused(
    models: ModelStore, change: Callable[[dict[str, object]], None], says: str
) -> None:
    """Allow-listed names, bounded numbers, matching shapes, no unknown key."""
    _edit_manifest(models, change)
    with pytest.raises(BadDataError, match=says):
        models.open("small")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 100_000, b'{"a": 1, "a": 2}', b"\xff\xfe", b"x" * (5 * 2**20)],
    ids=["empty", "cut", "deep", "twice", "binary", "huge"],
)
def test_a_manifest_that_is_no_manifest_is_refused(models: ModelStore, content: bytes) -> None:
    """Whatever stands in the file: one sentence, no traceback, no memory bomb."""
    (_folder(models) / "manifest.json").write_bytes(content)
    with pytest.raises(BadDataError):
        models.open("small")


def test_a_graph_that_computes_something_else_is_refused(models: ModelStore) -> None:
    """Right hashes, wrong numbers: the canary finds it, exit code 70."""
    config = models.open("small").manifest.config
    other = Trainer(config, len(config.features))
    other.head.dense.bias.assign([1.0, 1.0, 1.0])
    other.head.history.assign(np.arange(99.0)[None] + 1)
    graph = to_onnx(other.network, np.ones((2, 2, len(config.features)), dtype=np.float32))
    (_folder(models) / GRAPH).write_bytes(graph)
    _edit_manifest(
        models,
        lambda m: m["files"].update({GRAPH: record(graph).model_dump()}),  # type: ignore[attr-defined]
    )
    with pytest.raises(InternalCheckError, match="canary"):
        OnnxForecaster(models.open("small"))


def test_bytes_that_are_no_graph_are_refused(models: ModelStore) -> None:
    """ONNX Runtime's own errors do not reach the user."""
    graph = b"\x08\x08"  # a version, and nothing else
    (_folder(models) / GRAPH).write_bytes(graph)
    _edit_manifest(
        models,
        lambda m: m["files"].update({GRAPH: record(graph).model_dump()}),  # type: ignore[attr-defined]
    )
    with pytest.raises(BadDataError, match="refuses its graph"):
        OnnxForecaster(models.open("small"))


@pytest.mark.parametrize("name", ["../x", "", "A", "a/b", "a" * 65, ".hidden", "a\n"])
def test_a_name_that_could_be_a_path_is_refused(models: ModelStore, name: str) -> None:
    """Names are plain lower-case words."""
    with pytest.raises(UsageError, match="is not a model name"):
        models.open(name)


def test_an_unknown_model_is_named_with_those_that_exist(models: ModelStore) -> None:
    """And with the command that would train it."""
    with pytest.raises(MissingInputError, match=r"no model is called 'big' \(trained: small\)"):
        models.open("big")


def test_a_latest_that_points_elsewhere_is_refused(models: ModelStore) -> None:
    """It names a version, never a path."""
    (models.root / "small" / "LATEST").write_text("../../elsewhere\n")
    with pytest.raises(ForecastError, match="does not name a version"):
        models.open("small")
