"""Heads: from a network's last values to a forecast, each with the loss it is trained on.

A head's kernel starts at zero, so that an untrained network *is* the naive forecast and every
departure from it is learnt:

- distribution: filtered historical simulation (Barone-Adesi, Giannopoulos and Vosper 1999), that is
  the training quantiles of the scaled return, times the volatility of the day; or, where that fits
  the training windows better, plain historical simulation with one volatility for all days;
- direction: the base rate of rising bars in training.
"""

from typing import Any, Final

import numpy as np

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.config import Target
from forecast_cli.forecasts import LEVELS
from forecast_cli.models.backend import keras, tf

Tensor = Any  # Keras and TensorFlow tensors: both ship without types
_LARGEST_LOGIT: Final = 4.0
_ENOUGH: Final = 20_000
"""Training windows on which the two naive starts are compared."""


def history_quantiles(targets: FloatArray2D) -> FloatArray2D:
    """Quantiles of the scaled training returns at LEVELS, shape (n_horizons, 99)."""
    curves: FloatArray2D = np.quantile(targets, LEVELS, axis=0).T
    return curves


class DistributionHead(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Location m, log-width s and tilt a per horizon, applied to the training quantiles q0.

        Q(k) = m + exp(s - c d) * q0(k) * exp(a if q0(k) < 0 else -a)

    d: how far today's log volatility lies from its training mean. c: 0 or 1, set by `start`; with 1
    the volatility of the day is taken out again, and every day has the same. The outcome has shape
    (batch, n_horizons, 99), in units of the scale; its levels cannot cross, since q0 ascends and
    all factors are positive.
    """

    def __init__(self, n_horizons: int, **keywords: Any) -> None:  # noqa: ANN401 - Keras' own
        super().__init__(**keywords)
        self.n_horizons = n_horizons
        self.shape_of_curve = keras.layers.Dense(
            3 * n_horizons, kernel_initializer="zeros", name="location_width_tilt"
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the training quantiles, set by `start`."""
        self.shape_of_curve.build(input_shape)
        self.history = self.add_weight(
            shape=(self.n_horizons, len(LEVELS)),
            initializer="zeros",
            trainable=False,
            name="history_quantiles",
        )
        self.constant = self.add_weight(
            shape=(self.n_horizons, 1),
            initializer="zeros",
            trainable=False,
            name="constant_volatility",
        )
        self.usual = self.add_weight(
            shape=(1,), initializer="zeros", trainable=False, name="usual_log_volatility"
        )

    def start(self, targets: FloatArray2D, log_volatility: FloatArray1D) -> None:
        """Become the better of two naive forecasts of some training windows.

        targets: shape (n, n_horizons). log_volatility: shape (n,), at the cutoffs.
        """
        usual = log_volatility.mean()
        starts = [_naive_start(each, log_volatility - usual) for each in targets.T]
        self.usual.assign([usual])
        self.constant.assign([[constant] for constant, _ in starts])
        self.history.assign([history for _, history in starts])

    def call(self, inputs: Tensor, log_volatility: Tensor) -> Tensor:
        """Scaled quantiles, shape (batch, n_horizons, 99). log_volatility: shape (batch, 1)."""
        values = keras.ops.reshape(self.shape_of_curve(inputs), (-1, self.n_horizons, 3, 1))
        location, log_width, tilt = values[:, :, 0], values[:, :, 1], values[:, :, 2]
        side = keras.ops.where(self.history < 0, 1.0, -1.0)
        surprise = self.constant * (log_volatility - self.usual)[:, :, None]
        return location + keras.ops.exp(log_width - surprise + side * tilt) * self.history

    @staticmethod
    def loss(targets: Tensor, quantiles: Tensor) -> Tensor:
        """Mean pinball loss over the levels, half the CRPS (Gneiting and Raftery 2007); per row."""
        error = targets[:, :, None] - quantiles
        levels = keras.ops.cast(LEVELS, error.dtype)
        pinball = keras.ops.maximum(levels * error, (levels - 1) * error)
        return keras.ops.mean(pinball, axis=(1, 2))


def _naive_start(targets: FloatArray1D, surprise: FloatArray1D) -> tuple[float, FloatArray1D]:
    """Whether to take the volatility of the day out, 0 or 1, and the quantiles that go with it.

    The one with the lower mean pinball loss on the training windows, the first if they are equal.
    """
    candidates = []
    some = slice(None, None, -(-len(targets) // _ENOUGH))
    for constant in (0.0, 1.0):
        widened = np.exp(constant * surprise)
        history: FloatArray1D = np.quantile(targets * widened, LEVELS)
        error = targets[some, None] - history / widened[some, None]
        loss = np.maximum(LEVELS * error, (LEVELS - 1) * error).mean()
        candidates.append((loss, constant, history))
    _, constant, history = min(candidates, key=lambda candidate: candidate[0])
    return constant, history


class DirectionHead(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """P(up) per horizon through a sigmoid, shape (batch, n_horizons)."""

    def __init__(self, n_horizons: int, **keywords: Any) -> None:  # noqa: ANN401 - Keras' own
        super().__init__(**keywords)
        self.logit = keras.layers.Dense(n_horizons, kernel_initializer="zeros", name="logit")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the logit's weights."""
        self.logit.build(input_shape)

    def start(self, targets: FloatArray2D, log_volatility: FloatArray1D) -> None:
        """Become the base rate of some training targets, shape (n, n_horizons)."""
        rate = (np.sum(targets > 0, axis=0) + 1) / (len(targets) + 2)
        logit = np.log(rate / (1 - rate))
        self.logit.bias.assign(np.clip(logit, -_LARGEST_LOGIT, _LARGEST_LOGIT))

    def call(self, inputs: Tensor, log_volatility: Tensor) -> Tensor:
        """P(up), shape (batch, n_horizons)."""
        return keras.ops.sigmoid(self.logit(inputs))

    @staticmethod
    def loss(targets: Tensor, p_up: Tensor) -> Tensor:
        """Mean log loss over the horizons, per row."""
        up = tf.cast(targets > 0, p_up.dtype)
        safe = keras.ops.clip(p_up, 1e-6, 1 - 1e-6)
        log_loss = -(up * keras.ops.log(safe) + (1 - up) * keras.ops.log(1 - safe))
        return keras.ops.mean(log_loss, axis=1)


HEADS: Final[dict[Target, type[DistributionHead | DirectionHead]]] = {
    "return": DistributionHead,
    "direction": DirectionHead,
}
