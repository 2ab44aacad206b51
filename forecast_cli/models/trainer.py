"""Fitting a network: an epoch is one compiled function; the best one wins, epoch 0 included."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from forecast_cli.arrays import FloatArray, FloatArray1D, IntArray2D
from forecast_cli.config import ModelConfig, OptimizerName
from forecast_cli.features.windows import Windows, offsets
from forecast_cli.models.backend import check_temporary_folder, keras, tf
from forecast_cli.models.heads import HEADS
from forecast_cli.models.networks import Standardize, build_body

Tensor = Any  # Keras and TensorFlow tensors: both ship without types
_EVALUATION_BATCH: Final = 2048
_CONSTANT: Final = 1e-6
"""Deviation at or below which a feature counts as constant; it is then left unscaled."""

OPTIMIZERS: Final[dict[OptimizerName, Any]] = {
    # plain gradient descent, theta <- theta - alpha grad J
    "sgd": keras.optimizers.SGD,
    "momentum": lambda rate, **more: keras.optimizers.SGD(
        rate, momentum=0.9, nesterov=True, **more
    ),
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

    @property
    def epochs_run(self) -> int:
        """Epochs trained, the ones after the best included."""
        return len(self.validation_losses) - 1


@dataclass(kw_only=True)
class Fit:
    """A fit under way: all that the epochs still to come depend on.

    losses: of the epochs so far, epoch 0 first. best: the one with the lowest, with its weights.
    variables: of network, dropout and optimizer, in the trainer's order. shuffle: draws batches.
    """

    losses: list[float]
    best: int = 0
    best_weights: list[FloatArray]
    variables: list[FloatArray] = field(default_factory=list)
    shuffle: np.random.Generator

    @property
    def epoch(self) -> int:
        """The last epoch trained."""
        return len(self.losses) - 1


def _go_on(_: Fit) -> bool:
    return True


class Trainer:
    """One network, built and compiled once and fitted as often as asked.

    Fits do not influence each other: weights, optimizer state and random numbers start afresh, the
    compiled graph stays. Same windows and same seed give the same weights, bit by bit.
    """

    def __init__(self, config: ModelConfig, n_features: int) -> None:
        self.config = config
        self.n_features = n_features
        self.network = self.build(config.seed)
        self.head = self.network.get_layer("head")
        self.standardize = self.network.get_layer("standardize")
        decay = config.weight_decay or (0.0 if config.optimizer == "adamw" else None)
        self._optimizer = OPTIMIZERS[config.optimizer](config.learning_rate, weight_decay=decay)
        # a bias drawn to zero would leave the base rate, from which the direction head starts
        self._optimizer.exclude_from_weight_decay(var_names=["bias"])
        self._optimizer.build(self.network.trainable_variables)
        self._state = [*self.network.variables, *self._optimizer.variables]
        self._fresh_optimizer = [variable.numpy() for variable in self._optimizer.variables]
        self._fresh_networks: dict[int, list[FloatArray]] = {}
        self._compile(n_features, len(config.horizons))

    def build(self, seed: int, name: str | None = None) -> keras.Model:
        """The network of the config, untrained, with weights that the seed draws."""
        config = self.config
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((config.lookback, self.n_features), name="inputs")
        body = build_body(Standardize(name="standardize")(inputs), config)
        head = HEADS[config.objective](config, name="head")
        outputs = head(body, self._log_volatility(inputs[:, -1, :]))
        return keras.Model(inputs, outputs, name=name or config.network)

    def fit(  # noqa: PLR0913 - what may vary from fit to fit
        self,
        train: Windows,
        validation: Windows,
        *,
        seed: int | None = None,
        start: list[FloatArray] | None = None,
        under_way: Callable[[Fit], Fit] = lambda fit: fit,
        after_epoch: Callable[[Fit], bool] = _go_on,
    ) -> Training:
        """Train, and keep the weights of the epoch with the lowest validation loss.

        Epoch 0 is kept unless that loss is lower by more than a standard error: among many epochs
        one looks better by luck (the one-standard-error rule, Breiman et al. 1984).

        seed: the config's by default. start: weights of an earlier fit, in Keras' order, with which
        the first epoch starts instead of random ones; epoch 0 stays the untrained network, and what
        is measured on the training windows is measured anew. under_way: may give an interrupted fit
        of the same windows and seed for the fresh one; it goes on as if nothing had happened.
        after_epoch: told of each epoch; ends the fit by saying False.
        """
        seed = self.config.seed if seed is None else seed
        self._restore([*self._fresh_network(seed), *self._fresh_optimizer])
        self._start(train)
        features = tf.constant(train.features)
        untrained = self._losses(features, validation)
        untrained_weights = self.network.get_weights()
        fit = under_way(
            Fit(
                losses=[float(untrained.mean())],
                best_weights=untrained_weights,
                shuffle=np.random.default_rng(seed),
            )
        )
        if start is not None:
            self._start_from(start)
        if fit.variables:
            self._restore(fit.variables)
        while fit.epoch < self.config.epochs and fit.epoch - fit.best < self.config.patience:
            self._run_epoch(features, *self._batches(train, fit.shuffle))
            fit.losses.append(float(self._losses(features, validation).mean()))
            if fit.losses[-1] < fit.losses[fit.best]:
                fit.best, fit.best_weights = fit.epoch, self.network.get_weights()
            fit.variables = [variable.numpy() for variable in self._state]
            if not after_epoch(fit):
                break
        self.network.set_weights(fit.best_weights)
        gain = untrained - self._losses(features, validation)
        if gain.mean() <= _standard_error(gain, validation):
            fit.best = 0
            self.network.set_weights(untrained_weights)
        return Training(validation_losses=tuple(fit.losses), best_epoch=fit.best)

    def outputs(self, windows: Windows) -> Tensor:
        """What the head says, as numpy: shape (n, n_horizons, 99) or (n, n_horizons)."""
        features = tf.constant(windows.features)
        starts = range(0, len(windows), _EVALUATION_BATCH)
        rows = (windows.rows[start : start + _EVALUATION_BATCH] for start in starts)
        return np.concatenate([self._run_forward(features, tf.constant(r)).numpy() for r in rows])

    def _fresh_network(self, seed: int) -> list[FloatArray]:
        if seed not in self._fresh_networks:
            fresh = self.build(seed)
            self._fresh_networks[seed] = [variable.numpy() for variable in fresh.variables]
        return self._fresh_networks[seed]

    def _restore(self, values: list[FloatArray]) -> None:
        for variable, value in zip(self._state, values, strict=True):
            variable.assign(value)

    def _start_from(self, weights: list[FloatArray]) -> None:
        for variable, value in zip(self.network.weights, weights, strict=True):
            if variable.trainable:
                variable.assign(value)

    def _compile(self, n_features: int, n_horizons: int) -> None:
        """Fix the graphs' signatures, so that no number of windows compiles them again."""
        check_temporary_folder()
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
        self.head.start(train, self._log_volatility(seen)[:, 0].astype(np.float64))

    def _log_volatility(self, newest: Tensor) -> Tensor:
        """The feature of that name, shape (n, 1), from the newest bar's; 0 where it is not used."""
        if "volatility" not in self.config.features:
            # not `0 *`: Keras takes the product with a number for a sparse tensor
            return newest[:, :1] - newest[:, :1]
        column = self.config.features.index("volatility")
        return newest[:, column : column + 1]

    def _batches(self, train: Windows, shuffle: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Rows and targets of an epoch, shapes (n_steps, batch) and (n_steps, batch, n_horizons).

        The windows left over after the last full batch wait for the next epoch.
        """
        batch = min(self.config.batch_size, len(train))
        order = (_strips if self.head.in_order else _shuffled)(len(train), batch, shuffle)
        targets = self.head.targets(train).astype(np.float32)
        return tf.constant(train.rows[order]), tf.constant(targets[order])

    def loss(self, windows: Windows) -> float:
        """What training would make smaller, on any windows, with the weights as they are."""
        return float(self._losses(tf.constant(windows.features), windows).mean())

    def _losses(self, features: Tensor, windows: Windows) -> FloatArray1D:
        """Loss of each window, shape (n,)."""
        targets = tf.constant(self.head.targets(windows).astype(np.float32))
        losses: FloatArray1D = self._run_losses(features, tf.constant(windows.rows), targets)
        return np.asarray(losses, dtype=np.float64)

    def _epoch(self, features: Tensor, rows: Tensor, targets: Tensor) -> None:
        for step in tf.range(tf.shape(rows)[0]):
            with tf.GradientTape() as tape:
                outputs = self.network(self._inputs(features, rows[step]), training=True)
                loss = tf.reduce_mean(self.head.loss(targets[step], outputs, rows[step]))
            variables = self.network.trainable_variables
            self._optimizer.apply(tape.gradient(loss, variables), variables)

    def _window_losses(self, features: Tensor, rows: Tensor, targets: Tensor) -> Tensor:
        n_windows = tf.shape(rows)[0]
        n_batches = (n_windows + _EVALUATION_BATCH - 1) // _EVALUATION_BATCH
        # a loss that needs windows in order is taken of all of them together
        shape = (None, targets.shape[1]) if self.head.in_order else (None,)
        parts = tf.TensorArray(tf.float32, n_batches, infer_shape=False, element_shape=shape)
        for batch in tf.range(n_batches):
            start = batch * _EVALUATION_BATCH
            stop = tf.minimum(start + _EVALUATION_BATCH, n_windows)
            part = self._forward(features, rows[start:stop])
            if not self.head.in_order:
                part = self.head.loss(targets[start:stop], part, rows[start:stop])
            parts = parts.write(batch, part)
        whole = parts.concat()
        return self.head.loss(targets, whole, rows) if self.head.in_order else whole

    def _forward(self, features: Tensor, rows: Tensor) -> Tensor:
        return self.network(self._inputs(features, rows), training=False)

    def _inputs(self, features: Tensor, rows: Tensor) -> Tensor:
        """Gather the windows of a batch, shape (batch, lookback, n_features)."""
        return tf.gather(features, rows[:, None] + offsets(self.config.lookback))


def _shuffled(n_windows: int, batch: int, shuffle: np.random.Generator) -> IntArray2D:
    """Windows in random order, shape (n_steps, batch)."""
    n_steps = n_windows // batch
    return shuffle.permutation(n_windows)[: n_steps * batch].reshape(n_steps, batch)


def _strips(n_windows: int, batch: int, shuffle: np.random.Generator) -> IntArray2D:
    """Strips of windows that follow one another, in random order, shape (n_steps, batch).

    The first strip starts at random, so that no pair of neighbours is always torn apart.
    """
    n_steps = n_windows // batch
    first = shuffle.integers(0, n_windows - n_steps * batch, endpoint=True)
    return shuffle.permutation((first + np.arange(n_steps * batch)).reshape(n_steps, batch))


def _standard_error(gain: FloatArray1D, windows: Windows) -> float:
    """Standard error of a mean over windows whose symbols and targets overlap.

    Averaged by day first, since symbols move together; then widened by the longest horizon, over
    which targets share bars.
    """
    _, of_day = np.unique(windows.cutoffs, return_inverse=True)
    by_day = np.bincount(of_day, gain) / np.bincount(of_day)
    n_days = len(by_day)
    return float(by_day.std() * np.sqrt(max(windows.horizons) / n_days))
