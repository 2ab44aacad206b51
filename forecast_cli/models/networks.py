"""The six networks. Each builder turns standardised inputs into the values its head reads.

Sizes come from the config. A plug-in's builder has the same form:

inputs, shape (batch, lookback, n_features), oldest bar first
  -> Standardize (training mean and deviation, clipped)
  -> one of the builders below
  -> a head (heads.py), which starts as the naive forecast
"""

from collections.abc import Callable
from typing import Any, Final

from forecast_cli.config import ModelConfig
from forecast_cli.errors import UsageError
from forecast_cli.models.backend import PACKAGE, keras
from forecast_cli.plugins import find_plugin

Tensor = Any  # Keras and TensorFlow tensors: both ship without types
CLIP: Final = 6.0
"""Training standard deviations beyond which an input says no more than "extreme"."""
_WIDTH: Final = 3
"""Bars that one convolution reads."""


@keras.saving.register_keras_serializable(PACKAGE)
class Standardize(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """(x - mean) / deviation of the training rows, clipped; part of the saved network."""

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the two vectors, shape (n_features,), set by `start`."""
        shape = (input_shape[-1],)
        self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
        self.deviation = self.add_weight(
            shape=shape, initializer="ones", trainable=False, name="deviation"
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Standardise; any shape whose last axis is the features."""
        return keras.ops.clip((inputs - self.mean) / self.deviation, -CLIP, CLIP)


def build_linear(inputs: Tensor, config: ModelConfig) -> Tensor:  # noqa: ARG001 - has no sizes
    """Linear regression, y = b0 + b1 x1 + ... + e: the head's own weights are all there is."""
    return keras.layers.Flatten(name="flatten")(inputs)


def build_logistic(inputs: Tensor, config: ModelConfig) -> Tensor:
    """Logistic regression, P(up) = 1 / (1 + exp(-(b0 + b x))): linear under a sigmoid head."""
    return build_linear(inputs, config)


def build_mlp(inputs: Tensor, config: ModelConfig) -> Tensor:
    """Hidden layers, each half as wide as the one before."""
    assert config.units is not None
    hidden = keras.layers.Flatten(name="flatten")(inputs)
    for number in _layers(config):
        width = max(config.units >> (number - 1), 1)
        hidden = keras.layers.Dense(width, activation="tanh", name=f"hidden_{number}")(hidden)
        hidden = _dropped(hidden, config, number)
    return hidden


def build_cnn(inputs: Tensor, config: ModelConfig) -> Tensor:
    """Causal, dilated convolutions (WaveNet, van den Oord et al. 2016), pooled over time.

    The newest bar itself stands beside the pooled patterns: what just happened, and what has been
    going on.
    """
    hidden = inputs
    for number in _layers(config):
        hidden = keras.layers.Conv1D(
            config.filters,
            _WIDTH,
            padding="causal",
            dilation_rate=2 ** (number - 1),
            activation="relu",
            name=f"convolution_{number}",
        )(hidden)
        hidden = _dropped(hidden, config, number)
    pooled = keras.layers.GlobalAveragePooling1D(name="pooling")(hidden)
    newest = keras.layers.Flatten(name="newest")(inputs[:, -1:, :])
    return keras.layers.Concatenate(name="pooled_and_newest")([pooled, newest])


def build_rnn(inputs: Tensor, config: ModelConfig) -> Tensor:
    """The plain recurrence h_t = tanh(W [h_t-1, x_t] + b) (Elman 1990)."""
    return _recurrent(keras.layers.SimpleRNN, inputs, config, name="recurrence")


def build_lstm(inputs: Tensor, config: ModelConfig) -> Tensor:
    """Long short-term memory (Hochreiter and Schmidhuber 1997, with forget gate)."""
    return _recurrent(keras.layers.LSTM, inputs, config, name="lstm")


def _recurrent(layer: Any, inputs: Tensor, config: ModelConfig, name: str) -> Tensor:  # noqa: ANN401 - a Keras class
    """One or more recurrent layers; of the last, only its last state counts."""
    hidden = inputs
    for number in _layers(config):
        goes_on = number < len(_layers(config))
        label = name if number == 1 else f"{name}_{number}"
        hidden = layer(config.units, return_sequences=goes_on, name=label)(hidden)
        hidden = _dropped(hidden, config, number)
    return hidden


def _layers(config: ModelConfig) -> range:
    assert config.layers is not None
    return range(1, config.layers + 1)


def _dropped(hidden: Tensor, config: ModelConfig, number: int) -> Tensor:
    """Dropout in training, scaled up for what is kept (Srivastava et al. 2014)."""
    if not config.dropout:
        return hidden
    return keras.layers.Dropout(config.dropout, name=f"dropout_{number}")(hidden)


NETWORKS: Final[dict[str, Callable[[Tensor, ModelConfig], Tensor]]] = {
    "linear": build_linear,
    "logistic": build_logistic,
    "mlp": build_mlp,
    "cnn": build_cnn,
    "rnn": build_rnn,
    "lstm": build_lstm,
}


def build_body(inputs: Tensor, config: ModelConfig) -> Tensor:
    """The network of a config, shape (batch, anything).

    Raises UsageError for a plug-in that is not installed, is another version, cannot be imported or
    does not give one row of values per window.
    """
    if config.plugin is None:
        return NETWORKS[config.network](inputs, config)
    plugin = find_plugin(config.network)
    if plugin is None or plugin.distribution != config.plugin:
        installed = plugin.distribution if plugin else "none"
        raise UsageError(
            f"{config.network} comes from {config.plugin}; installed is {installed}",
            fix=f"pip install {config.plugin.replace(' ', '==')}",
        )
    body = plugin.builder()(inputs, config)
    shape = tuple(getattr(body, "shape", ()))
    if len(shape) != 2:  # noqa: PLR2004 - a batch of rows
        raise UsageError(
            f"{config.network} of {config.plugin} gives shape {shape}; expected (None, values)"
        )
    return body
