"""Heads: from a network's last values to a forecast, each with the loss it is trained on.

A head's kernel starts at zero, so that an untrained network *is* the naive forecast and every
departure from it is learnt:

- distribution: filtered historical simulation (Barone-Adesi, Giannopoulos and Vosper 1999), that is
  the training quantiles of the scaled return, times the volatility of the day; or, where that fits
  the training windows better, plain historical simulation with one volatility for all days;
- direction: the base rate of rising bars in training;
- point: no change;
- position: none.

A head has `in_order` True when its loss needs windows one after another, as trading costs do.
"""

from typing import Any, Final

import numpy as np

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.config import ModelConfig, Objective
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS
from forecast_cli.models.backend import PACKAGE, keras, tf

Tensor = Any  # Keras and TensorFlow tensors: both ship without types
BPS: Final = 1e-4
_LARGEST_LOGIT: Final = 4.0
_SMALLEST_RISK: Final = 0.1
"""Of positions, in units of being fully invested all the time: no position earns 0, not 0 / 0."""
_ENOUGH: Final = 20_000
"""Training windows on which the two naive starts are compared."""


def history_quantiles(targets: FloatArray2D) -> FloatArray2D:
    """Quantiles of the scaled training returns at LEVELS, shape (n_horizons, 99)."""
    curves: FloatArray2D = np.quantile(targets, LEVELS, axis=0).T
    return curves


class Head(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """What all heads share: dense outputs that start at zero, and targets in units of the scale."""

    in_order = False
    outputs_per_horizon = 1

    def __init__(self, config: ModelConfig, **keywords: Any) -> None:  # noqa: ANN401 - Keras' own
        super().__init__(**keywords)
        self.config = config
        self.n_horizons = len(config.horizons)
        self.dense = keras.layers.Dense(
            self.outputs_per_horizon * self.n_horizons, kernel_initializer="zeros", name=self.says
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the dense layer's weights."""
        self.dense.build(input_shape)

    def get_config(self) -> dict[str, Any]:
        """What Keras writes of the layer when it is exported."""
        return {**super().get_config(), "config": self.config.model_dump_json()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Head":
        """The layer from what Keras has written of it."""
        return cls(**{**config, "config": ModelConfig.model_validate_json(config["config"])})

    def start(self, windows: Windows, log_volatility: FloatArray1D) -> None:
        """Become the naive forecast of some training windows.

        log_volatility: shape (n,), at the cutoffs.
        """

    def targets(self, windows: Windows) -> FloatArray2D:
        """What the loss compares outputs with, shape (n, n_horizons)."""
        return windows.targets


@keras.saving.register_keras_serializable(PACKAGE)
class DistributionHead(Head):
    """Location m, log-width s and tilt a per horizon, applied to the training quantiles q0.

        Q(k) = m + exp(s - c d) * q0(k) * exp(a if q0(k) < 0 else -a)

    d: how far today's log volatility lies from its training mean. c: 0 or 1, set by `start`; with 1
    the volatility of the day is taken out again, and every day has the same. The outcome has shape
    (batch, n_horizons, 99), in units of the scale; its levels cannot cross, since q0 ascends and
    all factors are positive.
    """

    says = "location_width_tilt"
    outputs_per_horizon = 3

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the training quantiles, set by `start`."""
        super().build(input_shape)
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

    def start(self, windows: Windows, log_volatility: FloatArray1D) -> None:
        """Become the better of two naive forecasts."""
        usual = log_volatility.mean()
        starts = [_naive_start(each, log_volatility - usual) for each in windows.targets.T]
        self.usual.assign([usual])
        self.constant.assign([[constant] for constant, _ in starts])
        self.history.assign([history for _, history in starts])

    def call(self, inputs: Tensor, log_volatility: Tensor) -> Tensor:
        """Scaled quantiles, shape (batch, n_horizons, 99). log_volatility: shape (batch, 1)."""
        values = keras.ops.reshape(self.dense(inputs), (-1, self.n_horizons, 3, 1))
        location, log_width, tilt = values[:, :, 0], values[:, :, 1], values[:, :, 2]
        side = keras.ops.where(self.history < 0, 1.0, -1.0)
        surprise = self.constant * (log_volatility - self.usual)[:, :, None]
        return location + keras.ops.exp(log_width - surprise + side * tilt) * self.history

    def loss(self, targets: Tensor, quantiles: Tensor, rows: Tensor) -> Tensor:
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


@keras.saving.register_keras_serializable(PACKAGE)
class DirectionHead(Head):
    """P(up) per horizon through a sigmoid, shape (batch, n_horizons)."""

    says = "logit"

    def start(self, windows: Windows, log_volatility: FloatArray1D) -> None:
        """Become the base rate."""
        rate = (np.sum(windows.targets > 0, axis=0) + 1) / (len(windows) + 2)
        logit = np.log(rate / (1 - rate))
        self.dense.bias.assign(np.clip(logit, -_LARGEST_LOGIT, _LARGEST_LOGIT))

    def call(self, inputs: Tensor, log_volatility: Tensor) -> Tensor:
        """P(up), shape (batch, n_horizons)."""
        return keras.ops.sigmoid(self.dense(inputs))

    def loss(self, targets: Tensor, p_up: Tensor, rows: Tensor) -> Tensor:
        """Mean log loss over the horizons, per row."""
        up = tf.cast(targets > 0, p_up.dtype)
        safe = keras.ops.clip(p_up, 1e-6, 1 - 1e-6)
        log_loss = -(up * keras.ops.log(safe) + (1 - up) * keras.ops.log(1 - safe))
        return keras.ops.mean(log_loss, axis=1)


@keras.saving.register_keras_serializable(PACKAGE)
class PointHead(Head):
    """One scaled return per horizon, shape (batch, n_horizons)."""

    says = "point"

    def __init__(self, config: ModelConfig, **keywords: Any) -> None:  # noqa: ANN401 - Keras' own
        super().__init__(config, **keywords)
        self.of_error = _POINT_LOSSES[config.objective]

    def call(self, inputs: Tensor, log_volatility: Tensor) -> Tensor:
        """Scaled returns, shape (batch, n_horizons)."""
        return self.dense(inputs)

    def loss(self, targets: Tensor, point: Tensor, rows: Tensor) -> Tensor:
        """Mean loss of the error over the horizons, per row."""
        return keras.ops.mean(self.of_error(targets - point), axis=1)


def _huber(error: Tensor) -> Tensor:
    """Square up to an error of one scale, straight beyond it (Huber 1964)."""
    size = keras.ops.abs(error)
    return keras.ops.where(size <= 1, 0.5 * error**2, size - 0.5)


_POINT_LOSSES: Final[dict[Objective, Any]] = {
    "mse": keras.ops.square,
    "mae": keras.ops.abs,
    "huber": _huber,
}


@keras.saving.register_keras_serializable(PACKAGE)
class PositionHead(Head):
    """A position per horizon in [-1, 1], trained for what it earns after costs.

        w = tanh(z) * min(1, usual volatility / volatility of the day)

    Deep momentum networks (Lim, Zohren and Roberts 2019, arXiv 1904.04912), with positions
    scaled down on volatile days, and never up. Money is in units of the usual risk of a horizon, so
    that a loss means the same on a bond and on a coin.
    """

    says = "position"
    in_order = True

    def __init__(self, config: ModelConfig, **keywords: Any) -> None:  # noqa: ANN401 - Keras' own
        super().__init__(config, **keywords)
        assert config.cost_bps is not None
        self.cost = config.cost_bps * BPS
        self.horizons = config.horizons

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create what `start` sets: usual log volatility, and usual risk of each horizon."""
        super().build(input_shape)
        self.usual = self.add_weight(
            shape=(1,), initializer="zeros", trainable=False, name="usual_log_volatility"
        )
        self.risk = self.add_weight(
            shape=(self.n_horizons,), initializer="ones", trainable=False, name="usual_risk"
        )

    def start(self, windows: Windows, log_volatility: FloatArray1D) -> None:
        """Measure what is usual; the dense layer starts at no position."""
        self.usual.assign([log_volatility.mean()])
        self.risk.assign(np.exp(np.log(windows.scale).mean(axis=0)))

    def targets(self, windows: Windows) -> FloatArray2D:
        """Simple returns: a position of 1 earns them."""
        simple: FloatArray2D = np.expm1(windows.returns)
        return simple

    def call(self, inputs: Tensor, log_volatility: Tensor) -> Tensor:
        """Positions, shape (batch, n_horizons)."""
        calm = keras.ops.minimum(keras.ops.exp(self.usual - log_volatility), 1.0)
        return keras.ops.tanh(self.dense(inputs)) * calm

    def loss(self, targets: Tensor, positions: Tensor, rows: Tensor) -> Tensor:
        """Minus the Sharpe ratio per bet, as the mean over rows, averaged over the horizons."""
        return keras.ops.mean(self.losses(targets, positions, rows), axis=1)

    def losses(self, targets: Tensor, positions: Tensor, rows: Tensor) -> Tensor:
        """Minus the net return of each window, in units of the risk of them all; as `positions`.

        A position over h bars takes the place of the one decided h bars before, and pays for the
        difference; `rows` says which window that is. The first ones come for nothing.
        """
        losses = []
        for column, horizon in enumerate(self.horizons):
            held = positions[:, column]
            n_before = tf.maximum(tf.shape(rows)[0] - horizon, 0)
            # no two symbols' rows are that close: the warm-up of the second lies between them
            follows = tf.cast(rows[horizon:] - rows[:n_before] == horizon, held.dtype)
            traded = follows * keras.ops.abs(held[horizon:] - held[:n_before])
            traded = tf.concat([tf.zeros_like(held[:horizon]), traded], axis=0)
            net = (held * targets[:, column] - self.cost * traded) / self.risk[column]
            losses.append(-net / tf.sqrt(tf.math.reduce_variance(net) + _SMALLEST_RISK**2))
        return keras.ops.stack(losses, axis=1)


HEADS: Final[dict[Objective, type[Head]]] = {
    "crps": DistributionHead,
    "logloss": DirectionHead,
    "mse": PointHead,
    "mae": PointHead,
    "huber": PointHead,
    "sharpe": PositionHead,
}
