"""The six networks. Each builder turns standardised inputs into the values its head reads.

inputs, shape (batch, lookback, n_features), oldest bar first
  -> Standardize (training mean and deviation, clipped)
  -> one of the builders below
  -> a head (heads.py), which starts as the naive forecast
"""

from collections.abc import Callable
from typing import Any, Final

from forecast_cli.config import NetworkName
from forecast_cli.models.backend import keras

Tensor = Any  # Keras and TensorFlow tensors: both ship without types
CLIP: Final = 6.0
"""Training standard deviations beyond which an input says no more than "extreme"."""


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


def build_linear(inputs: Tensor) -> Tensor:
    """Linear regression, y = b0 + b1 x1 + ... + e: the head's own weights are all there is."""
    return keras.layers.Flatten(name="flatten")(inputs)


def build_logistic(inputs: Tensor) -> Tensor:
    """Logistic regression, P(up) = 1 / (1 + exp(-(b0 + b x))): linear under a sigmoid head."""
    return build_linear(inputs)


def build_mlp(inputs: Tensor, *, units: int = 32) -> Tensor:
    """Two hidden layers, the second half as wide."""
    hidden = keras.layers.Flatten(name="flatten")(inputs)
    hidden = keras.layers.Dense(units, activation="tanh", name="hidden_1")(hidden)
    return keras.layers.Dense(units // 2, activation="tanh", name="hidden_2")(hidden)


def build_cnn(inputs: Tensor, *, filters: int = 16, width: int = 3) -> Tensor:
    """Causal, dilated convolutions (WaveNet, van den Oord et al. 2016), pooled over time.

    The newest bar itself stands beside the pooled patterns: what just happened, and what has been
    going on.
    """
    hidden = inputs
    for block, dilation in enumerate((1, 2, 4), start=1):
        hidden = keras.layers.Conv1D(
            filters,
            width,
            padding="causal",
            dilation_rate=dilation,
            activation="relu",
            name=f"convolution_{block}",
        )(hidden)
    pooled = keras.layers.GlobalAveragePooling1D(name="pooling")(hidden)
    newest = keras.layers.Flatten(name="newest")(inputs[:, -1:, :])
    return keras.layers.Concatenate(name="pooled_and_newest")([pooled, newest])


def build_rnn(inputs: Tensor, *, units: int = 16) -> Tensor:
    """The plain recurrence h_t = tanh(W [h_t-1, x_t] + b) (Elman 1990)."""
    return keras.layers.SimpleRNN(units, name="recurrence")(inputs)


def build_lstm(inputs: Tensor, *, units: int = 24) -> Tensor:
    """Long short-term memory (Hochreiter and Schmidhuber 1997, with forget gate)."""
    return keras.layers.LSTM(units, name="lstm")(inputs)


NETWORKS: Final[dict[NetworkName, Callable[[Tensor], Tensor]]] = {
    "linear": build_linear,
    "logistic": build_logistic,
    "mlp": build_mlp,
    "cnn": build_cnn,
    "rnn": build_rnn,
    "lstm": build_lstm,
}
