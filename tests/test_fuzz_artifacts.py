"""Manifest, weights and graph, changed at random: an artifact opens or is refused, in bounded time.

Changes are blind (bits, cuts, insertions, doubled slices) or know the format (a field of the JSON,
a field of the protobuf message), and hashes are made to fit, so that the checks behind them are
reached. FORECAST_FUZZ_SECONDS=600 runs the long form and prints how many cases there were.
"""

import copy
import hashlib
import json
import os
import resource
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic import autoregressive_bars, calendar_of

from forecast_cli.cli.forms import predict_form, to_json
from forecast_cli.config import model_config
from forecast_cli.data.store import BarStore
from forecast_cli.errors import ForecastError
from forecast_cli.models.artifact import ModelStore
from forecast_cli.models.manifest import GRAPH, WEIGHTS
from forecast_cli.models.weights import read_weights
from forecast_cli.workflows.predict import predict
from forecast_cli.workflows.train import train

SECONDS = float(os.environ.get("FORECAST_FUZZ_SECONDS", "0"))
MANIFEST: Final = "manifest.json"
KINDS: Final = ("linear", "rnn", "lstm")
_SLOWEST_MS: Final = 5000
_MOST_MEMORY: Final = 2**30
Contents: TypeAlias = dict[str, bytes]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Contents]]:
    """Three models: their home and the files of each; an RNN's graph holds a loop."""
    home = tmp_path_factory.mktemp("fuzz")
    BarStore(home).write(autoregressive_bars("AAA", 500, seed=1))
    days = np.arange("2001-01-01", "2004-01-01", dtype="datetime64[D]")
    BarStore(home).write_calendar(calendar_of(days))
    found = {}
    for network in KINDS:
        units = None if network == "linear" else 2
        config = model_config(network, horizons=(1, 5), lookback=2, epochs=1, units=units)
        folder = train([], config=config, home=home).folder
        contents = {name: (folder / name).read_bytes() for name in (MANIFEST, WEIGHTS, GRAPH)}
        found[network] = (folder, contents)
    return found


@st.composite
def blindly(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes with a few places changed, by no knowledge of what they mean."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(changed) - 1, 0)))
        length = draw(st.integers(1, 64))
        match draw(st.sampled_from(("flip", "cut", "insert", "double", "overwrite", "swap"))):
            case "flip" if changed:
                changed[place] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del changed[place : place + length]
            case "insert":
                changed[place:place] = draw(st.binary(max_size=length))
            case "double":
                changed[place:place] = changed[place : place + length]
            case "overwrite":
                extreme = draw(
                    st.sampled_from((b"\xff" * 9, b"\x00" * 8, b"\x7f\xf0", b"99999999"))
                )
                changed[place : place + len(extreme)] = extreme
            case _:
                del changed[place:]
    return bytes(changed)


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(("../../x", "\x1b[2J", "2024-02-30", "lstm", "sharpe", "F64", 10**9, 1e308))
)
_VALUES = st.recursive(
    _SCALARS, lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(max_size=8), of)
)


def _places(value: object) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value with each of its keys."""
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


@st.composite
def json_fields(draw: st.DrawFn, text: bytes) -> bytes:
    """JSON with one to three of its values replaced, removed, doubled or moved."""
    fields = json.loads(text)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(fields))
        container, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(("replace", "remove", "double", "move", "add"))):
            case "replace":
                container[key] = draw(_VALUES)
            case "remove":
                del container[key]
            case "double" if isinstance(container, list):
                container.append(container[key])
            case "move":
                other, place = draw(st.sampled_from(places))
                other_value = copy.deepcopy(container[key])
                if isinstance(other, dict) or place < len(other):
                    other[place] = other_value
            case _ if isinstance(container, dict):
                container[draw(st.text(max_size=8))] = draw(_VALUES)
    return json.dumps(fields).encode()


@st.composite
def weights_fields(draw: st.DrawFn, content: bytes) -> bytes:
    """A safetensors file with another header before the same numbers."""
    (length,) = struct.unpack("<Q", content[:8])
    header = draw(json_fields(content[8 : 8 + length]))
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


def _messages(message: Any) -> Iterator[Any]:  # noqa: ANN401 - protobuf has no types
    """A protobuf message and all that it holds."""
    yield message
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for each in value if field.is_repeated else (value,):
                yield from _messages(each)


_OF_TYPE = {
    "string": st.text(max_size=8) | st.sampled_from(("Loop", "Expand", "If", "inputs", "")),
    "bytes": st.binary(max_size=32) | st.just(b"\xff" * 8),
    "int": st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 20),
    "float": st.floats(width=32),
}


@st.composite
def graph_fields(draw: st.DrawFn, content: bytes) -> bytes:
    """A graph with one to three fields of its messages cleared, set or doubled."""
    model = onnx.load_model_from_string(content)
    for _ in range(draw(st.integers(1, 3))):
        message = draw(st.sampled_from(list(_messages(model))))
        field = draw(st.sampled_from(list(message.DESCRIPTOR.fields)))
        repeated = field.is_repeated
        if field.type == field.TYPE_MESSAGE:
            if repeated and len(getattr(message, field.name)):
                items = getattr(message, field.name)
                item = copy.deepcopy(draw(st.sampled_from(list(items))))
                items.append(item) if draw(st.booleans()) else items.remove(item)
            elif repeated:
                getattr(message, field.name).add()
            elif draw(st.booleans()):
                message.ClearField(field.name)
            else:
                getattr(message, field.name).SetInParent()
            continue
        kinds = {
            field.TYPE_STRING: "string",
            field.TYPE_BYTES: "bytes",
            field.TYPE_FLOAT: "float",
            field.TYPE_DOUBLE: "float",
        }
        kind = kinds.get(field.type, "int")
        value: Any = draw(_OF_TYPE[kind])
        if field.type == field.TYPE_ENUM:
            value = draw(st.sampled_from([each.number for each in field.enum_type.values]))
        if field.type == field.TYPE_UINT64:
            value = abs(value)
        if repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    return bytes(model.SerializeToString())


def _rss() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _open(folder: Path, contents: Contents) -> str:
    """Write the files of a version, with hashes that fit, and forecast: what came of it."""
    if set(contents) != {MANIFEST}:
        fields = json.loads((folder / MANIFEST).read_text())
        for name, content in contents.items():
            sha256 = hashlib.sha256(content).hexdigest()
            fields["files"][name] = {"sha256": sha256, "size": len(content)}
        contents = contents | {MANIFEST: json.dumps(fields).encode()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    try:
        home, name = folder.parents[2], folder.parent.name
        read_weights(ModelStore(home).open(name).weights)
        to_json(predict_form(predict([], home=home, model=name)))
    except ForecastError as error:
        return type(error).__name__
    return "opened"


_STRATEGIES: Final[dict[str, tuple[Callable[[bytes], st.SearchStrategy[bytes]], ...]]] = {
    MANIFEST: (blindly, json_fields),
    WEIGHTS: (blindly, weights_fields),
    GRAPH: (blindly, graph_fields),
}


@pytest.mark.parametrize("file", _STRATEGIES)
@pytest.mark.parametrize("way", [0, 1], ids=["blindly", "by field"])
def test_a_changed_artifact_opens_or_is_refused(
    artifacts: dict[str, tuple[Path, Contents]],
    file: str,
    way: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One sentence, whatever was changed: no traceback, no crash, 5 seconds, 1 GiB at most."""
    monkeypatch.setattr("forecast_cli.models.runtime._CANARY_SECONDS", 2.0)
    change = _STRATEGIES[file][way]
    outcomes: Counter[str] = Counter()
    before = _rss()

    @settings(
        max_examples=1000 if SECONDS else 50,
        deadline=_SLOWEST_MS,
        derandomize=not SECONDS,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data(), st.sampled_from(KINDS))
    def fuzz(data: st.DataObject, network: str) -> None:
        folder, contents = artifacts[network]
        (folder / MANIFEST).write_bytes(contents[MANIFEST])
        changed = data.draw(change(contents[file]))
        try:
            outcomes[_open(folder, {file: changed})] += 1
        finally:
            for name, content in contents.items():
                (folder / name).write_bytes(content)

    end = time.monotonic() + SECONDS / (2 * len(_STRATEGIES))
    fuzz()
    while time.monotonic() < end:
        fuzz()
    assert _rss() - before < _MOST_MEMORY
    assert outcomes.total() > outcomes["opened"] > 0 or file != GRAPH
    if SECONDS:
        with capsys.disabled():
            grown = (_rss() - before) / 2**20
            told = f"{file} {change.__name__}: {dict(outcomes)}, memory grew by {grown:.0f} MiB"
            print(f"\n{told}")  # noqa: T201 - the long form tells its counts
