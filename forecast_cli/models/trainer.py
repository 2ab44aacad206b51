"""Fitting a network: an epoch is one compiled function; the best one wins, epoch 0 included."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.config import ModelConfig, OptimizerName
from forecast_cli.features.windows import Windows, offsets
from forecast_cli.models.backend import keras, tf
from forecast_cli.models.heads import HEADS
from forecast_cli.models.networks import NETWORKS, Standardize

Tensor = Any  # Keras and TensorFlow tensors: both ship without types
_EVALUATION_BATCH: Final = 2048
_CONSTANT: Final = 1e-6
"""Deviation at or below which a feature counts as constant; it is then left unscaled."""

OPTIMIZERS: Final[dict[OptimizerName, Any]] = {
    # plain gradient descent, theta <- theta - alpha grad J
    "sgd": keras.optimizers.SGD,
    "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
}


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a fit went. Losses are means over validation windows, one per epoch, epoch 0 first.

    best_epoch: the epoch whose weights were kept.
    """

    validation_losses: tuple[float, ...]
    best_epoch: int

    @property
    def beats_untrained(self) -> bool:
        """Whether any epoch did better on validation than the untrained network."""
        return self.best_epoch > 0


class Trainer:
    """One network, built and compiled once and fitted as often as asked.

    Fits do not influence each other: weights, optimizer state and random numbers start afresh, the
    compiled graph stays. Same windows and same seed give the same weights, bit by bit.
    """

    def __init__(self, config: ModelConfig, n_features: int) -> None:
        keras.utils.set_random_seed(config.seed)
        self.config = config
        self.head = HEADS[config.target](len(config.horizons), name="head")
        self.standardize = Standardize(name="standardize")
        inputs = keras.Input((config.lookback, n_features), name="inputs")
        body = NETWORKS[config.network](self.standardize(inputs))
        outputs = self.head(body, self._log_volatility(inputs[:, -1, :]))
        self.network = keras.Model(inputs, outputs, name=config.network)
        self._optimizer = OPTIMIZERS[config.optimizer](config.learning_rate)
        self._optimizer.build(self.network.trainable_variables)
        self._state = [*self.network.variables, *self._optimizer.variables]
        self._fresh = [variable.numpy() for variable in self._state]
        self._compile(n_features, len(config.horizons))

    def fit(self, train: Windows, validation: Windows) -> Training:
        """Train, and keep the weights of the epoch with the lowest validation loss.

        Epoch 0 is kept unless that loss is lower by more than a standard error: among many epochs
        one looks better by luck (the one-standard-error rule, Breiman et al. 1984).
        """
        for variable, value in zip(self._state, self._fresh, strict=True):
            variable.assign(value)
        self._start(train)
        features = tf.constant(train.features)
        shuffle = np.random.default_rng(self.config.seed)
        untrained = self._losses(features, validation)
        losses = [float(untrained.mean())]
        best, best_weights = 0, self.network.get_weights()
        untrained_weights = best_weights
        for epoch in range(1, self.config.epochs + 1):
            rows, targets = self._batches(train, shuffle)
            self._run_epoch(features, rows, targets)
            losses.append(float(self._losses(features, validation).mean()))
            if losses[epoch] < losses[best]:
                best, best_weights = epoch, self.network.get_weights()
            if epoch - best >= self.config.patience:
                break
        self.network.set_weights(best_weights)
        gain = untrained - self._losses(features, validation)
        if gain.mean() <= _standard_error(gain, validation):
            best = 0
            self.network.set_weights(untrained_weights)
        return Training(validation_losses=tuple(losses), best_epoch=best)

    def outputs(self, windows: Windows) -> Tensor:
        """What the head says, as numpy: shape (n, n_horizons, 99) or (n, n_horizons)."""
        features = tf.constant(windows.features)
        starts = range(0, len(windows), _EVALUATION_BATCH)
        rows = (windows.rows[start : start + _EVALUATION_BATCH] for start in starts)
        return np.concatenate([self._run_forward(features, tf.constant(r)).numpy() for r in rows])

    def _compile(self, n_features: int, n_horizons: int) -> None:
        """Fix the graphs' signatures, so that no number of windows compiles them again."""
        features = tf.TensorSpec((None, n_features), tf.float32)
        rows = tf.TensorSpec((None,), tf.int64)
        targets = tf.TensorSpec((None, n_horizons), tf.float32)
        step_rows = tf.TensorSpec((None, None), tf.int64)
        step_targets = tf.TensorSpec((None, None, n_horizons), tf.float32)
        self._run_epoch = tf.function(self._epoch, (features, step_rows, step_targets))
        self._run_losses = tf.function(self._window_losses, (features, rows, targets))
        self._run_forward = tf.function(self._forward, (features, rows))

    def _start(self, train: Windows) -> None:
        """Set what is measured on the training windows, not learnt."""
        seen = train.features[train.rows]
        deviation = seen.std(axis=0)
        self.standardize.mean.assign(seen.mean(axis=0))
        self.standardize.deviation.assign(np.where(deviation > _CONSTANT, deviation, 1.0))
        self.head.start(train.targets, self._log_volatility(seen)[:, 0].astype(np.float64))

    def _log_volatility(self, newest: Tensor) -> Tensor:
        """The feature of that name, shape (n, 1), from the newest bar's; 0 where it is not used."""
        if "volatility" not in self.config.features:
            return 0 * newest[:, :1]
        column = self.config.features.index("volatility")
        return newest[:, column : column + 1]

    def _batches(self, train: Windows, shuffle: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Shuffled rows and targets, shapes (n_steps, batch) and (n_steps, batch, n_horizons).

        The windows left over after the last full batch wait for the next epoch.
        """
        batch = min(self.config.batch_size, len(train))
        n_steps = len(train) // batch
        order = shuffle.permutation(len(train))[: n_steps * batch].reshape(n_steps, batch)
        targets = train.targets.astype(np.float32)
        return tf.constant(train.rows[order]), tf.constant(targets[order])

    def _losses(self, features: Tensor, windows: Windows) -> FloatArray1D:
        """Loss of each window, shape (n,)."""
        targets = tf.constant(windows.targets.astype(np.float32))
        losses: FloatArray1D = self._run_losses(features, tf.constant(windows.rows), targets)
        return np.asarray(losses, dtype=np.float64)

    def _epoch(self, features: Tensor, rows: Tensor, targets: Tensor) -> None:
        for step in tf.range(tf.shape(rows)[0]):
            with tf.GradientTape() as tape:
                outputs = self.network(self._inputs(features, rows[step]), training=True)
                loss = tf.reduce_mean(self.head.loss(targets[step], outputs))
            variables = self.network.trainable_variables
            self._optimizer.apply(tape.gradient(loss, variables), variables)

    def _window_losses(self, features: Tensor, rows: Tensor, targets: Tensor) -> Tensor:
        n_windows = tf.shape(rows)[0]
        n_batches = (n_windows + _EVALUATION_BATCH - 1) // _EVALUATION_BATCH
        losses = tf.TensorArray(tf.float32, n_batches, infer_shape=False, element_shape=(None,))
        for batch in tf.range(n_batches):
            start = batch * _EVALUATION_BATCH
            stop = tf.minimum(start + _EVALUATION_BATCH, n_windows)
            outputs = self._forward(features, rows[start:stop])
            losses = losses.write(batch, self.head.loss(targets[start:stop], outputs))
        return losses.concat()

    def _forward(self, features: Tensor, rows: Tensor) -> Tensor:
        return self.network(self._inputs(features, rows), training=False)

    def _inputs(self, features: Tensor, rows: Tensor) -> Tensor:
        """Gather the windows of a batch, shape (batch, lookback, n_features)."""
        return tf.gather(features, rows[:, None] + offsets(self.config.lookback))


def _standard_error(gain: FloatArray1D, windows: Windows) -> float:
    """Standard error of a mean over windows whose symbols and targets overlap.

    Averaged by day first, since symbols move together; then widened by the longest horizon, over
    which targets share bars.
    """
    _, of_day = np.unique(windows.cutoffs, return_inverse=True)
    by_day = np.bincount(of_day, gain) / np.bincount(of_day)
    n_days = len(by_day)
    return float(by_day.std() * np.sqrt(max(windows.horizons) / n_days))
