"""A fitted network as files: weights as safetensors, the graph as ONNX."""

import logging
from typing import Final

import numpy as np
import onnxruntime
from safetensors.numpy import save

from forecast_cli.arrays import Float32Array3D, FloatArray
from forecast_cli.errors import BadDataError, InternalCheckError
from forecast_cli.models.backend import keras, tf, tf2onnx
from forecast_cli.models.graph_check import check_graph

TOLERANCE: Final = 1e-5
_OPSET: Final = 18


def named_weights(network: keras.Model) -> dict[str, FloatArray]:
    """All weights by position and path, "0003.lstm/kernel"."""
    return {
        f"{position:04d}.{variable.path}": np.ascontiguousarray(variable.numpy())
        for position, variable in enumerate(network.weights)
    }


def to_safetensors(network: keras.Model) -> bytes:
    """All weights as one file; same weights, same bytes."""
    content: bytes = save(named_weights(network))
    return content


def to_onnx(network: keras.Model, samples: Float32Array3D) -> bytes:
    """The inference graph, checked against Keras on some samples.

    Raises BadDataError for operators that are not read, InternalCheckError when the two differ by
    more than 1e-5.
    """
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    signature = [tf.TensorSpec((None, *network.input_shape[1:]), tf.float32, name="inputs")]
    forward = tf.function(lambda inputs: network(inputs, training=False), signature)
    model, _ = tf2onnx.convert.from_function(forward, signature, opset=_OPSET)
    graph: bytes = model.SerializeToString()
    try:
        check_graph(graph)  # what is saved can be opened
    except ValueError as error:
        raise BadDataError(f"the graph of {network.name} cannot be saved: {error}") from None
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {"inputs": samples})
    expected = network(samples, training=False).numpy()
    # relative beyond 1, in units of the scale: single precision has seven digits
    difference = float((np.abs(outputs - expected) / np.maximum(np.abs(expected), 1)).max())
    if not difference <= TOLERANCE:
        raise InternalCheckError(
            f"ONNX and Keras differ by {difference:.1e} on {len(samples)} windows"
            f" (at most {TOLERANCE:.0e} expected); nothing was saved"
        )
    return graph
