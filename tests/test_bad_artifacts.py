"""Models that cannot be trusted, through the real program, as somebody who means harm makes them.

Numbered as in the catalogue of bad inputs, 78 to 88; then what that catalogue does not have.
Whoever can write to a model's folder can write hashes, too: unless a hash is the point, it is made
to fit, so that the check behind it is the one that refuses. A refusal has its own sentence and exit
code, says in at most five lines what is wrong where, and changes nothing.
"""

import json
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
import pytest
from conftest import Run
from onnx import TensorProto, helper
from safetensors.numpy import load, save
from synthetic import autoregressive_bars, calendar_of

from forecast_cli.config import model_config
from forecast_cli.data.store import BarStore
from forecast_cli.models.artifact import ModelStore, record
from forecast_cli.models.manifest import GRAPH, WEIGHTS
from forecast_cli.workflows.train import train

Edit: TypeAlias = Callable[[Any], object]
Refuses: TypeAlias = Callable[..., None]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one model, called `small`, that forecasts."""
    home = tmp_path_factory.mktemp("bad_artifacts")
    BarStore(home).write(autoregressive_bars("AAA", 500, seed=1))
    days = np.arange("2001-01-01", "2004-01-01", dtype="datetime64[D]")
    BarStore(home).write_calendar(calendar_of(days))
    config = model_config("linear", horizons=(1,), lookback=2, epochs=1)
    train([], config=config, home=home, name="small")
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    shutil.copytree(trained, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def version(home: Path) -> Path:
    """The folder of the version in use."""
    models = ModelStore(home)
    return models.root / "small" / models.in_use("small")


@pytest.fixture
def refuses(forecast: Callable[..., Run], home: Path) -> Refuses:
    """A forecast that must be refused, with a sentence and an exit code."""

    def run(says: str, *, code: int = 65, model: str = "small") -> None:
        before = _state(home)
        run = forecast("predict", "--model", model, "--home", home)
        assert run.code == code, run
        assert run.out == ""
        assert run.err.startswith("error: ")
        assert says in run.err
        assert len(run.err.splitlines()) <= 5
        assert "Traceback" not in run.err
        assert _state(home) == before

    return run


def _state(home: Path) -> dict[str, object]:
    return {
        str(path): path.read_bytes() if _is_small(path) else path.lstat().st_size
        for path in sorted(home.rglob("*"))
    }


def _is_small(path: Path) -> bool:
    return path.is_file() and path.stat().st_size < 2**24


def _edit(version: Path, change: Edit) -> None:
    """Change the manifest."""
    path = version / "manifest.json"
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


def _write(version: Path, file: str, content: bytes) -> None:
    """Change a file, and its hash and size with it."""
    (version / file).write_bytes(content)
    _edit(version, lambda m: m["files"].update({file: record(content).model_dump()}))


def _weights(header: dict[str, object] | bytes, data: bytes = b"") -> bytes:
    """The bytes of a safetensors file, whatever its header says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _graph(version: Path, change: Callable[[onnx.ModelProto], object]) -> None:
    """Change the graph by ONNX's own library."""
    model = onnx.load_model_from_string((version / GRAPH).read_bytes())
    change(model)
    _write(version, GRAPH, model.SerializeToString())


def test_the_model_itself_forecasts(forecast: Callable[..., Run], home: Path) -> None:
    """What is refused below is refused for what was done to it."""
    run = forecast("predict", "--model", "small", "--home", home)
    assert (run.code, run.err) == (0, "")


@pytest.mark.parametrize("file", ["manifest.json", WEIGHTS, GRAPH])
def test_78_a_missing_file(refuses: Refuses, version: Path, file: str) -> None:
    """Exit code 66, and which one."""
    (version / file).unlink()
    refuses(f"{file}: is missing", code=66)


def test_78_a_missing_version(refuses: Refuses, version: Path) -> None:
    """A LATEST that names nothing."""
    version.rename(version.with_name("20200101T000000Z-00000000"))
    refuses("model small has no version", code=66)


def test_79_a_hash_that_does_not_match(refuses: Refuses, version: Path) -> None:
    """One bit of the weights."""
    content = bytearray((version / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (version / WEIGHTS).write_bytes(content)
    refuses("is not the file its manifest lists (SHA-256 differs)")


def test_79_swapped_hashes(refuses: Refuses, version: Path) -> None:
    """Two true hashes under each other's name."""

    def swap(manifest: dict[str, dict[str, dict[str, object]]]) -> None:
        files = manifest["files"]
        for of in files.values():
            of["size"] = max(int(str(each["size"])) for each in files.values())
        files[WEIGHTS], files[GRAPH] = files[GRAPH], files[WEIGHTS]

    _edit(version, swap)
    refuses("is cut short")
    size = max((version / file).stat().st_size for file in (WEIGHTS, GRAPH))
    for file in (WEIGHTS, GRAPH):
        content = (version / file).read_bytes()
        (version / file).write_bytes(content.ljust(size, b"\0"))
    refuses("SHA-256 differs")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[" * 2_000_000, "is nested deeper than 16 levels"),
        (b'{"a":' * 20 + b"1" + b"}" * 20, "is nested deeper than 16 levels"),
        (b'["' + b'\\"' * 1_000_000, "is not JSON"),
        (b"[" + b"1," * 3 * 2**20 + b"1]", "is larger than 4,194,304 bytes"),
        (b'{"a": 1, "a": 2}', "the same key stands twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "Exceeds the limit"),
        ('{"a": 1}'.encode("utf-16"), "is not JSON"),
        (b'{"name": "\\u001b[2J"}', "holds characters that cannot be printed"),
        (b'{"name": "\\u202e"}', "holds characters that cannot be printed"),
    ],
    ids=[
        "deep",
        "deep object",
        "open text",
        "large",
        "twice",
        "number",
        "utf-16",
        "escape",
        "bidi",
    ],
)
def test_80_a_manifest_bomb(refuses: Refuses, version: Path, content: bytes, says: str) -> None:
    """Size and nesting are capped before anything is parsed."""
    (version / "manifest.json").write_bytes(content)
    refuses(says)


def test_80_a_gigabyte_of_manifest(refuses: Refuses, version: Path) -> None:
    """Of zeros, which take no room on disk: no more than the cap is read."""
    with (version / "manifest.json").open("r+b") as file:
        file.truncate(2**30)
    refuses("manifest.json: is larger than 4,194,304 bytes")


@pytest.mark.parametrize("network", ["Lambda", "TFSMLayer", "os.system", "transformer"])
def test_81_an_unknown_architecture(refuses: Refuses, version: Path, network: str) -> None:
    """Networks are named in an allow-list."""
    _edit(version, lambda m: m["config"].update(network=network))
    refuses("config.network: Input should be one of 'linear'")


def test_81_a_lambda_config(refuses: Refuses, version: Path) -> None:
    """A Keras config in place of ours: no key of it is known."""
    layer = {"class_name": "Lambda", "config": {"function": "gASVIQ=="}, "module": "keras.layers"}
    _edit(version, lambda m: m["config"].update(layer))
    refuses("config.class_name: Extra inputs are not permitted")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"network": "lstm", "units": 8, "layers": 10**9}, "config.layers"),
        ({"network": "mlp", "units": 10**9, "layers": 1}, "config.units"),
        ({"lookback": 10**9}, "config.lookback"),
        ({"horizons": [10**9]}, "config.horizons.0"),
        ({"seeds": 10**9}, "config.seeds"),
        ({"features": ["return"] * 101}, "config.features"),
    ],
)
def test_82_sizes_out_of_bounds(
    refuses: Refuses, version: Path, change: dict[str, object], says: str
) -> None:
    """A thousand million layers are refused by number, not by trying."""
    _edit(version, lambda m: m["config"].update(change))
    refuses(says)


F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x01", "it is cut short"),
        (_weights({"0000.a/b": F32}, b"\0" * 4), "its tensors take 8 bytes, and it has 4"),
        (_weights(b'{"0000.a/b": {'), "is not JSON"),
        (struct.pack("<Q", 500) + b"{}", "it is cut short"),
        (struct.pack("<Q", 2**63) + b"{}", "its header claims 9,223,372,036,854,775,808 bytes"),
        (
            _weights({"0000.a/b": F32, "0001.c": {**F32, "data_offsets": [4, 12]}}, b"\0" * 12),
            "its tensors overlap",
        ),
        (_weights({"0000.a/b": {**F32, "dtype": "F64"}}, b"\0" * 8), "is of type 'F64'"),
        (_weights({"0000.a/b": {**F32, "dtype": "BOOM"}}, b"\0" * 8), "is of type 'BOOM'"),
        (
            _weights(b'{"0000.a":' + json.dumps(F32).encode() + b',"0000.a":1}', b"\0" * 8),
            "the same key stands twice",
        ),
        (
            _weights({"0000.a/b": {**F32, "shape": [10**9, 10**9]}}, b"\0" * 8),
            "has 8 bytes for a shape of [1000000000, 1000000000]",
        ),
        (
            _weights({"0000.a/b": {**F32, "data_offsets": [0, 4 * 10**18]}}, b"\0" * 8),
            "has 4,000,000,000,000,000,000 bytes for a shape of [2]",
        ),
        (_weights({"0000.a/b": {**F32, "shape": [-2]}}, b"\0" * 8), "is not made of whole numbers"),
        (_weights({"0000.a/b": {**F32, "shape": [True, 2]}}, b"\0" * 8), "whole numbers"),
        (_weights({"0000.a/b": {**F32, "shape": [1] * 8 + [2]}}, b"\0" * 8), "whole numbers"),
        (_weights({"../../etc/passwd": F32}, b"\0" * 8), "is not the name of a weight"),
        (_weights({"0000./etc/passwd": F32}, b"\0" * 8), "is not the name of a weight"),
        (_weights({"0000.a/../b": F32}, b"\0" * 8), "is not the name of a weight"),
        (_weights({"__metadata__": {"a": "b"}}), "is not the name of a weight"),
        (_weights({"0000.a/b": {"dtype": "F32"}}), "is not described by dtype, shape"),
        (_weights(b"[]"), "its header does not name tensors"),
        (_weights(b"[" * 100), "is nested deeper"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_83_weights_that_are_no_safetensors(
    refuses: Refuses, version: Path, content: bytes, says: str
) -> None:
    """Cut, overlapping, with a huge header, a type we do not have, a bomb of a shape, a path."""
    _write(version, WEIGHTS, content)
    refuses(says)


def test_84_a_shape_that_does_not_fit(forecast: Callable[..., Run], version: Path) -> None:
    """Found where weights meet their network, before they are set."""
    weights = load((version / WEIGHTS).read_bytes())
    home, out = version.parents[2], version.parents[2] / "x.keras"
    export = ("models", "export", "small", "--format", "keras", "--output", out, "--home", home)
    kernel = next(name for name in weights if name.endswith("kernel"))
    _write(version, WEIGHTS, save(weights | {kernel: weights[kernel][:-1]}))
    run = forecast(*export)
    assert run.code == 65
    assert "its network has 0" in run.err
    assert "its weight" in run.err
    _write(version, WEIGHTS, save({name: w for name, w in weights.items() if name != kernel}))
    run = forecast(*export)
    assert run.code == 65
    assert f"has {len(weights) - 1} weights, its network {len(weights)}" in run.err
    assert not out.exists()


def test_84_weights_of_another_network(forecast: Callable[..., Run], version: Path) -> None:
    """Right shapes and other numbers: rebuilt, the network does not give the canary's output."""
    weights = load((version / WEIGHTS).read_bytes())
    _write(version, WEIGHTS, save({name: weight + 1 for name, weight in weights.items()}))
    home, out = version.parents[2], version.parents[2] / "x.keras"
    run = forecast(
        *("models", "export", "small", "--format", "keras", "--output", out, "--home", home)
    )
    assert run.code == 70
    assert "rebuilt from its weights, it gives another output" in run.err
    assert not out.exists()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_85_weights_that_are_not_finite(refuses: Refuses, version: Path, value: float) -> None:
    """The library accepts them; we do not."""
    weights = load((version / WEIGHTS).read_bytes())
    name = min(weights)
    weights[name] = weights[name].copy()
    weights[name].flat[0] = value
    _write(version, WEIGHTS, save(weights))
    refuses("it holds weights that are not finite")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
@pytest.mark.parametrize("field", ["history", "p_up", "stretch", "canary"])
def test_85_numbers_of_the_manifest(
    refuses: Refuses, version: Path, field: str, value: float
) -> None:
    """No number of it is infinite, and none that a forecast is multiplied by is out of bounds."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["p_up"] = [[0.0, 1.0]]
        place = manifest[field]["outputs"] if field == "canary" else manifest[field]
        while isinstance(place[0], list):
            place = place[0]
        place[0] = value

    _edit(version, change)
    is_canary = field == "canary" and value == 1e300
    refuses("off by 1.0e+300" if is_canary else field, code=70 if is_canary else 65)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m["config"]["features"].pop(), "inputs must have one entry per feature"),
        (lambda m: m["config"].update(lookback=3), "the canary's input has another shape"),
        (lambda m: m["config"]["features"].__setitem__(0, "tomorrow"), "unknown feature tomorrow"),
        (lambda m: m["history"].append(m["history"][0]), "one entry per horizon"),
        (lambda m: m["measured"].update(edge_p=[]), "edge_p and coverage_90 must have one entry"),
        (lambda m: m["measured"].update(epochs_run=[1, 1]), "epochs_run must have one entry"),
        (lambda m: m["canary"]["outputs"].pop(), "its graph does not fit its manifest"),
    ],
)
def test_86_lists_that_do_not_agree(
    refuses: Refuses, version: Path, change: Edit, says: str
) -> None:
    """Features, lookback, horizons, canary: each has the length of the others."""
    _edit(version, change)
    refuses(says)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update(interval="../../x"), "interval"),
        (lambda m: m.update(symbols=["../../../etc/passwd"]), "is not a symbol"),
        (lambda m: m.update(symbols=[]), "symbols"),
        (lambda m: m.update(known_until="2024-13-45"), "known_until"),
        (lambda m: m.update(known_until="\u0662024-01-01"), "known_until"),
        (lambda m: m.update(train_end="2099-01-01"), "must follow one another"),
        (lambda m: m.update(config={"target": "return", "optimizer": []}), "config.network"),
    ],
)
def test_86_fields_that_others_read(
    refuses: Refuses, version: Path, change: Edit, says: str
) -> None:
    """What becomes part of a path, or is read as a date, is checked here."""
    _edit(version, change)
    refuses(says)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("net.keras", "its configuration can name code that runs when it is loaded"),
        ("net.h5", "HDF5 can name code and other files"),
        ("net.HDF5", "HDF5 can name code and other files"),
        ("net.pkl", "unpickling runs whatever code is in it"),
        ("net.joblib", "it is a pickle"),
        ("net.pt", "it is a pickle"),
        ("net.npz", "it may hold pickles, or unpack to any size"),
    ],
)
def test_87_a_file_of_another_kind(
    refuses: Refuses, version: Path, tmp_path: Path, name: str, why: str
) -> None:
    """Handed in as a model, or laid into a model's folder: unsupported on purpose, and why."""
    with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("weights", bytes(2**20))
    refuses(f"unsupported on purpose: {why}", model=str(tmp_path / name))
    refuses(f"unsupported on purpose: {why}", model=name)
    shutil.copy(tmp_path / name, version / name)
    refuses(f"{name}: unsupported on purpose: {why}")


def test_87_a_saved_model(refuses: Refuses, version: Path, tmp_path: Path) -> None:
    """A folder, known by the file in it."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "saved_model.pb").write_bytes(b"")
    refuses("unsupported on purpose: a SavedModel is a program", model=str(tmp_path / "net"))
    (version / "saved_model.pb").write_bytes(b"")
    refuses("saved_model.pb: unsupported on purpose: a SavedModel is a program")


def test_87_no_model_is_named_like_one(forecast: Callable[..., Run], home: Path) -> None:
    """It could never be opened."""
    run = forecast("train", "--model", "linear", "--name", "net.keras", "--home", home)
    assert run.code == 2
    assert "'net.keras' is not a model name" in run.err


def test_88_a_newer_version(refuses: Refuses, version: Path) -> None:
    """Told apart from damage: update."""
    _edit(version, lambda m: m.update(format_version=2, shape_of_things_to_come=[]))
    refuses("was written by a newer forecast (format 2, this one reads 1)")


def test_88_trained_after_the_asked_date(forecast: Callable[..., Run], home: Path) -> None:
    """A forecast as of a day the model has already seen would know its own future."""
    run = forecast("predict", "--model", "small", "--as-of", "2001-06-01", "--home", home)
    assert run.code == 65
    assert "would know its own future" in run.err


def test_a_pickle_in_place_of_a_file(refuses: Refuses, version: Path) -> None:
    """Bytes are bytes: it is read as weights, as a graph or as JSON, and never run."""
    pickled = b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94."
    weights, graph = (version / WEIGHTS).read_bytes(), (version / GRAPH).read_bytes()
    _write(version, WEIGHTS, pickled)
    refuses("weights.safetensors: is refused: its header claims")
    _write(version, WEIGHTS, weights)
    _write(version, GRAPH, pickled)
    refuses("model.onnx: is refused: it")
    _write(version, GRAPH, graph)
    (version / "manifest.json").write_bytes(pickled)
    refuses("manifest.json: is not JSON")


@pytest.mark.parametrize("file", ["manifest.json", WEIGHTS, GRAPH])
def test_a_link_for_a_file(refuses: Refuses, version: Path, tmp_path: Path, file: str) -> None:
    """Even to the right bytes: what it points at may change after it was checked."""
    (version / file).rename(tmp_path / file)
    (version / file).symlink_to(tmp_path / file)
    refuses(f"{file}: is a link, not a regular file")


@pytest.mark.parametrize("depth", ["version", "model"])
def test_a_link_for_a_folder(refuses: Refuses, version: Path, tmp_path: Path, depth: str) -> None:
    """Of a version, or of the whole model."""
    folder = version if depth == "version" else version.parent
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    refuses(f"{folder}: is a link; a model lies in a folder of its own")


@pytest.mark.parametrize("file", ["LATEST", "PINNED"])
def test_a_link_for_the_version_in_use(
    refuses: Refuses, version: Path, tmp_path: Path, file: str
) -> None:
    """LATEST and PINNED are files of one line."""
    (tmp_path / "line").write_text(f"{version.name}\n")
    (version.parent / file).unlink(missing_ok=True)
    (version.parent / file).symlink_to(tmp_path / "line")
    refuses(f"{file}: is a link, not a regular file")


def test_a_pipe_for_a_file(refuses: Refuses, version: Path) -> None:
    """Nobody waits for somebody to write into it."""
    (version / GRAPH).unlink()
    os.mkfifo(version / GRAPH)
    refuses("model.onnx: is not a regular file")


@pytest.mark.parametrize("line", ["../../elsewhere", "x" * 200, "", "\x00"])
def test_a_latest_that_names_no_version(refuses: Refuses, version: Path, line: str) -> None:
    """It names a version, never a path."""
    (version.parent / "LATEST").write_text(line)
    refuses("is larger than 100 bytes" if len(line) > 100 else "does not name a version")


def _external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")


def _other_domain(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.microsoft"


def _function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    opset = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("ai.onnx", "Add", ["x"], ["y"], [node], opset))


def _operator(name: str) -> Callable[[onnx.ModelProto], object]:
    return lambda model: setattr(model.graph.node[0], "op_type", name)


def _shape_bomb(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [10**9, 10**9]


def _sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add()


def _training(model: onnx.ModelProto) -> None:
    model.training_info.add()


def _deep(model: onnx.ModelProto) -> None:
    graph = model.graph
    for _ in range(5):
        graph = graph.node.add(op_type="Loop").attribute.add(name="body").g


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_external, "it reads tensors from other files (external data)"),
        (_other_domain, "it uses operators of another domain than ONNX's own: 'com.microsoft'"),
        (_function, "it defines functions of its own"),
        (_operator("If"), "it uses the operator 'If', which forecasts do not need"),
        (_operator("RandomNormal"), "it uses the operator 'RandomNormal'"),
        (_operator("ImageDecoder"), "it uses the operator 'ImageDecoder'"),
        (_shape_bomb, "it declares 1,000,000,000,000,000,000 numbers in"),
        (_sparse, "it has sparse tensors"),
        (_training, "it brings instructions for training"),
        (_deep, "it has graphs within graphs"),
    ],
)
def test_a_graph_that_could_do_more_than_compute(
    refuses: Refuses, version: Path, change: Callable[[onnx.ModelProto], object], says: str
) -> None:
    """Refused before ONNX Runtime sees it."""
    _graph(version, change)
    refuses(f"model.onnx: is refused: {says}")


def _ask_for_memory(model: onnx.ModelProto) -> None:
    """Let the graph fill 16 GiB on its way."""
    name = model.graph.output[0].name
    shape = helper.make_tensor("huge", TensorProto.INT64, [1], [2**32])
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
    model.graph.initializer.extend([shape, zero])
    model.graph.node[-1].output[0] = "before"
    model.graph.node.extend(
        [
            helper.make_node("Expand", ["zero", "huge"], ["zeros"]),
            helper.make_node("ReduceSum", ["zeros"], ["none"], keepdims=0),
            helper.make_node("Add", ["before", "none"], [name]),
        ]
    )


def _loop_for_ever(model: onnx.ModelProto) -> None:
    name = model.graph.output[0].name
    values = [
        helper.make_tensor_value_info(each, kind, shape)
        for each, kind, shape in (
            ("i", TensorProto.INT64, []),
            ("goes", TensorProto.BOOL, []),
            ("x", TensorProto.FLOAT, None),
            ("on", TensorProto.BOOL, []),
            ("y", TensorProto.FLOAT, None),
        )
    ]
    nodes = [helper.make_node("Identity", ["goes"], ["on"]), helper.make_node("Abs", ["x"], ["y"])]
    body = helper.make_graph(nodes, "body", values[:3], values[3:])
    model.graph.initializer.append(helper.make_tensor("n", TensorProto.INT64, [], [2**62]))
    model.graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(helper.make_node("Loop", ["n", "yes", "before"], [name], body=body))


def test_a_graph_that_asks_for_more_memory_than_a_forecast(refuses: Refuses, version: Path) -> None:
    """Allowed operators, and 16 GiB: its allocator has a limit."""
    _graph(version, _ask_for_memory)
    refuses("its graph does not fit its manifest")


def test_a_graph_that_never_ends(
    refuses: Refuses, version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recurrence is a loop, so loops are allowed, and ended."""
    monkeypatch.setattr("forecast_cli.models.runtime._CANARY_SECONDS", 1.0)
    _graph(version, _loop_for_ever)
    refuses("or does not answer within 1 s")


def test_a_graph_with_a_name_that_is_no_text(refuses: Refuses, version: Path) -> None:
    """ONNX Runtime would say on stdout that it tries once more."""
    content = (version / GRAPH).read_bytes()
    name = onnx.load_model_from_string(content).graph.node[0].input[1].encode()
    _write(version, GRAPH, content.replace(name, b"\xff" * len(name), 1))
    refuses("ONNX Runtime refuses its graph")


def test_a_graph_of_another_shape(refuses: Refuses, version: Path) -> None:
    """The outputs of other horizons."""

    def flatten(model: onnx.ModelProto) -> None:
        name = model.graph.output[0].name
        model.graph.node[-1].output[0] = "before"
        model.graph.node.append(helper.make_node("Flatten", ["before"], [name]))

    _graph(version, flatten)
    refuses("its graph does not")
