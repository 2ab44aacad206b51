"""Each network computes the formula it is named after."""

import numpy as np
import pytest

from forecast_cli.arrays import FloatArray2D, FloatArray3D
from forecast_cli.config import NetworkName, model_config
from forecast_cli.models.networks import CLIP, NETWORKS
from forecast_cli.models.trainer import Trainer
from forecast_cli.workflows.entries import NETWORK_NAMES

LOOKBACK, N_FEATURES = 6, 10


def _trainer(network: NetworkName) -> Trainer:
    """A network with random weights everywhere, as if it had learnt something."""
    trainer = Trainer(model_config(network, horizons=(1,), lookback=LOOKBACK), N_FEATURES)
    rng = np.random.default_rng(1)
    trainer.network.set_weights(
        [0.3 * rng.normal(size=weight.shape) for weight in trainer.network.get_weights()]
    )
    trainer.standardize.deviation.assign(1 + rng.random(N_FEATURES))
    return trainer


def _inputs() -> FloatArray3D:
    inputs: FloatArray3D = np.random.default_rng(2).normal(size=(5, LOOKBACK, N_FEATURES))
    return inputs


def _body(trainer: Trainer, inputs: FloatArray3D) -> FloatArray2D:
    """What the head reads, computed by Keras."""
    from forecast_cli.models.backend import keras  # noqa: PLC0415 - seconds

    body = keras.Model(trainer.network.input, trainer.network.layers[-1].input[0])
    values: FloatArray2D = body(inputs.astype(np.float32)).numpy().astype(np.float64)
    return values


def _standardized(trainer: Trainer, inputs: FloatArray3D) -> FloatArray3D:
    mean, deviation = (weight.numpy() for weight in trainer.standardize.weights)
    clipped: FloatArray3D = np.clip((inputs - mean) / deviation, -CLIP, CLIP)
    return clipped


def _weights(trainer: Trainer, layer: str) -> list[FloatArray2D]:
    return [weight.astype(np.float64) for weight in trainer.network.get_layer(layer).get_weights()]


def test_the_table_holds_the_six_networks() -> None:
    """NETWORKS and the names a user may type are the same list."""
    assert tuple(NETWORKS) == NETWORK_NAMES


def test_linear_is_linear_in_its_inputs() -> None:
    """Location = b0 + b1 x1 + ... + bk xk, over every feature of every bar of the window."""
    trainer = _trainer("linear")
    inputs = _inputs()
    kernel, bias = (weight.numpy().astype(np.float64) for weight in trainer.head.dense.weights)
    flat = _standardized(trainer, inputs).reshape(len(inputs), -1)
    location, log_width, tilt = (flat @ kernel + bias).T
    head = trainer.head
    history = head.history.numpy()[0]
    today = inputs[:, -1, trainer.config.features.index("volatility")]
    log_width -= head.constant.numpy()[0, 0] * (today - head.usual.numpy()[0])
    expected = location[:, None] + history * np.exp(
        log_width[:, None] + np.where(history < 0, tilt[:, None], -tilt[:, None])
    )
    actual = trainer.network(inputs.astype(np.float32)).numpy()[:, 0]
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=1e-5)


def test_logistic_is_the_logistic_function_of_a_linear_one() -> None:
    """P(up) = 1 / (1 + exp(-(b0 + b x)))."""
    trainer = _trainer("logistic")
    inputs = _inputs()
    kernel, bias = (weight.numpy().astype(np.float64) for weight in trainer.head.dense.weights)
    flat = _standardized(trainer, inputs).reshape(len(inputs), -1)
    expected = 1 / (1 + np.exp(-(flat @ kernel + bias)))
    actual = trainer.network(inputs.astype(np.float32)).numpy()
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_mlp_is_two_hidden_layers() -> None:
    """tanh(W2 tanh(W1 x + b1) + b2)."""
    trainer = _trainer("mlp")
    inputs = _inputs()
    values = _standardized(trainer, inputs).reshape(len(inputs), -1)
    for layer in ("hidden_1", "hidden_2"):
        kernel, bias = _weights(trainer, layer)
        values = np.tanh(values @ kernel + bias)
    np.testing.assert_allclose(_body(trainer, inputs), values, atol=1e-5)


def test_rnn_is_the_plain_recurrence() -> None:
    """h_t = tanh(W x_t + U h_t-1 + b), from h_0 = 0; the last h is what counts."""
    trainer = _trainer("rnn")
    inputs = _inputs()
    kernel, recurrent, bias = _weights(trainer, "recurrence")
    state = np.zeros((len(inputs), len(bias)))
    for bar in _standardized(trainer, inputs).transpose(1, 0, 2):
        state = np.tanh(bar @ kernel + state @ recurrent + bias)
    np.testing.assert_allclose(_body(trainer, inputs), state, atol=1e-5)


def test_lstm_is_the_gated_recurrence() -> None:
    """c = f c + i g, h = o tanh(c), with gates i, f, g, o of W x + U h + b."""
    trainer = _trainer("lstm")
    inputs = _inputs()
    kernel, recurrent, bias = _weights(trainer, "lstm")
    state = cell = np.zeros((len(inputs), len(bias) // 4))
    for bar in _standardized(trainer, inputs).transpose(1, 0, 2):
        gates = np.split(bar @ kernel + state @ recurrent + bias, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-gates[index])) for index in (0, 1, 3))
        cell = f * cell + i * np.tanh(gates[2])
        state = o * np.tanh(cell)
    np.testing.assert_allclose(_body(trainer, inputs), state, atol=1e-5)


def test_cnn_is_causal_dilated_and_pooled() -> None:
    """Three convolutions of width 3, dilated by 1, 2 and 4, each reading only bars before it."""
    trainer = _trainer("cnn")
    inputs = _inputs()
    bars = _standardized(trainer, inputs)
    hidden = bars
    for block, dilation in enumerate((1, 2, 4), start=1):
        kernel, bias = _weights(trainer, f"convolution_{block}")
        padded = np.pad(hidden, ((0, 0), (2 * dilation, 0), (0, 0)))
        taps = [
            padded[:, tap * dilation : tap * dilation + LOOKBACK] @ kernel[tap] for tap in (0, 1, 2)
        ]
        hidden = np.maximum(sum(taps) + bias, 0)
    expected = np.concatenate([hidden.mean(axis=1), bars[:, -1]], axis=1)
    np.testing.assert_allclose(_body(trainer, inputs), expected, atol=2e-5)


@pytest.mark.parametrize("network", NETWORK_NAMES)
def test_an_extreme_input_says_no_more_than_extreme(network: NetworkName) -> None:
    """Beyond six training deviations inputs are clipped: 1e6 and 1e9 are the same to a network."""
    trainer = _trainer(network)
    far = np.full((1, LOOKBACK, N_FEATURES), 1e6, dtype=np.float32)
    np.testing.assert_array_equal(trainer.network(far), trainer.network(far * 1e3))
