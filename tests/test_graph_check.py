"""The walk over a graph's bytes, with ONNX's own library as the oracle of what stands in them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from forecast_cli.config import model_config
from forecast_cli.models.export import to_onnx
from forecast_cli.models.graph_check import OPERATORS, check_graph
from forecast_cli.models.trainer import Trainer


def graph(*nodes: onnx.NodeProto, weights: tuple[onnx.TensorProto, ...] = ()) -> onnx.ModelProto:
    """A model of some nodes."""
    value = helper.make_tensor_value_info("inputs", TensorProto.FLOAT, [None, 2])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])
    body = helper.make_graph(list(nodes), "graph", [value], [result], list(weights))
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)])


def external(name: str = "w") -> onnx.TensorProto:
    """A tensor whose numbers lie in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


WEIGHT = numpy_helper.from_array(np.ones(2, dtype=np.float32), "w")
ADD = helper.make_node("Add", ["inputs", "w"], ["y"])


def within(tensor: onnx.TensorProto) -> onnx.NodeProto:
    """A loop whose body holds a tensor."""
    body = helper.make_graph([ADD], "body", [], [], [tensor])
    return helper.make_node("Loop", ["n", "", "inputs"], ["y"], body=body)


def check(model: onnx.ModelProto) -> None:
    """Check the bytes of a model."""
    check_graph(model.SerializeToString())


@pytest.mark.parametrize("network", ["linear", "mlp", "cnn", "rnn", "lstm"])
def test_the_networks_pass(network: str) -> None:
    """The walk refuses none of what is exported, and finds the operators that the oracle finds."""
    config = model_config(network, lookback=3)
    trainer = Trainer(config, len(config.features))
    samples = np.ones((2, 3, len(config.features)), dtype=np.float32)
    content = to_onnx(trainer.network, samples)  # is checked on the way
    used = {node.op_type for node in onnx.load_model_from_string(content).graph.node}
    assert used <= OPERATORS


def test_every_operator_allowed_is_one_of_onnx_own() -> None:
    """A name that ONNX does not know would be a slip; none of them draws random numbers."""
    known = {schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""}
    assert known >= OPERATORS
    random = {"RandomNormal", "RandomUniform", "RandomNormalLike", "Bernoulli", "Multinomial"}
    assert not OPERATORS & (random | {"If", "Scan", "ImageDecoder", "StringSplit"})


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (graph(ADD, weights=(external(),)), "external data"),
        (
            graph(helper.make_node("Constant", [], ["w"], value=external()), ADD),
            "external data",
        ),
        (graph(within(external())), "external data"),
        (graph(helper.make_node("Add", ["inputs", "w"], ["y"], domain="x.y")), "domain.*'x.y'"),
        (graph(helper.make_node("If", ["c"], ["y"])), "operator 'If'"),
        (graph(within(WEIGHT), helper.make_node("Exec", ["y"], ["z"])), "operator 'Exec'"),
    ],
)  # fmt: skip
def test_what_could_do_more_than_compute_is_refused(model: onnx.ModelProto, says: str) -> None:
    """In the graph, in an attribute, in a graph within it."""
    with pytest.raises(ValueError, match=says):
        check(model)


@pytest.mark.parametrize("model", [graph(ADD, weights=(WEIGHT,)), graph(within(WEIGHT))])
def test_what_only_computes_passes(model: onnx.ModelProto) -> None:
    """The same without a reason to refuse it."""
    check(model)


def test_an_external_location_alone_is_enough() -> None:
    """Even without naming a file."""
    tensor = TensorProto(name="w", dims=[0])
    tensor.data_location = TensorProto.EXTERNAL
    with pytest.raises(ValueError, match="external data"):
        check(graph(ADD, weights=(tensor,)))


def test_a_second_graph_is_checked_too() -> None:
    """A parser merges messages that stand twice: none is looked over."""
    good, bad = graph(ADD, weights=(WEIGHT,)), graph(ADD, weights=(external(),))
    both = good.SerializeToString() + bad.SerializeToString()
    assert len(onnx.load_model_from_string(both).graph.initializer) == 2
    with pytest.raises(ValueError, match="external data"):
        check_graph(both)


@pytest.mark.parametrize("packed", [True, False])
def test_sizes_beyond_the_bytes_are_refused(packed: bool) -> None:  # noqa: FBT001 - a parameter
    """Packed or one by one, as a parser accepts both."""
    dims = b"\x80\x94\xeb\xdc\x03"  # 10^9
    tensor = b"\x0a" + bytes([len(dims)]) + dims if packed else b"\x08" + dims
    body = b"\x2a" + bytes([len(tensor)]) + tensor
    content = b"\x3a" + bytes([len(body)]) + body
    parsed = onnx.load_model_from_string(content).graph.initializer[0]
    assert list(parsed.dims) == [10**9]
    with pytest.raises(ValueError, match="declares 1,000,000,000 numbers in"):
        check_graph(content)


def test_a_negative_size_is_refused() -> None:
    """It would be read as one, and a huge one at that."""
    tensor = TensorProto(name="w", dims=[-1], data_type=TensorProto.FLOAT)
    with pytest.raises(ValueError, match="numbers in"):
        check(graph(ADD, weights=(tensor,)))


def test_more_parts_than_a_network_has_are_refused() -> None:
    """A million empty nodes end the walk, not the patience."""
    nodes = b"\x0a\x00" * 1_000_000
    content = b"\x3a" + b"\x80\x89\x7a" + nodes
    with pytest.raises(ValueError, match="more than 500,000 parts"):
        check_graph(content)


def test_every_truncation_is_refused_or_harmless() -> None:
    """Cut anywhere: a sentence, or a graph without what is not there; never another error."""
    content = graph(within(WEIGHT)).SerializeToString()
    for end in range(len(content)):
        _refused_or_fine(check_graph, content[:end])


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_fine(content: bytes) -> None:
    """ValueError and nothing else."""
    _refused_or_fine(check_graph, content)


@given(st.data())
def test_what_passes_says_the_same_to_the_oracle(data: st.DataObject) -> None:
    """Whatever bits are flipped: what the walk lets through has no external data for ONNX."""
    content = bytearray(graph(within(external()), ADD, weights=(WEIGHT,)).SerializeToString())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    if not _refused_or_fine(check_graph, bytes(content)):
        return
    try:
        model = onnx.load_model_from_string(bytes(content))
    except Exception:  # noqa: BLE001 - protobuf's own
        return
    assert not any(tensor.external_data for tensor in _tensors(model.graph))


def _tensors(graph: Any) -> list[Any]:  # noqa: ANN401 - protobuf has no types
    found = list(graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            found += [attribute.t, *attribute.tensors]
            for inner in (attribute.g, *attribute.graphs):
                found += _tensors(inner) if inner.ListFields() else []
    return found


def _refused_or_fine(check: Callable[[bytes], None], content: bytes) -> bool:
    try:
        check(content)
    except ValueError:
        return False
    return True
