"""One or more Keras networks as a Forecaster."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecast_cli.arrays import FloatArray, FloatArray2D
from forecast_cli.config import ModelConfig
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.backend import keras, tf
from forecast_cli.models.heads import history_quantiles
from forecast_cli.models.outputs import from_outputs
from forecast_cli.models.trainer import Fit, Trainer, Training


@dataclass(frozen=True, kw_only=True)
class Member:
    """A trained network of an ensemble: its weights, in Keras' order, and how training went."""

    weights: list[FloatArray]
    training: Training


class Course:
    """What a training asks of whoever supervises it. This one lets every network run its course."""

    def finished(self) -> list[Member]:
        """Networks that an interrupted training has finished already."""
        return []

    def under_way(self, fresh: Fit) -> Fit:
        """The fit that the next network starts from: a fresh one, or an interrupted one."""
        return fresh

    def after_epoch(self, members: list[Member], fit: Fit) -> bool:
        """Told of each epoch, and of the networks finished before; whether to go on."""
        return True


class KerasForecaster:
    """Fits the networks of a config, as often as asked, and forecasts with the last fit.

    `config.seeds` networks, seed after seed, whose outputs are averaged: for quantiles this is
    Vincentization (Vincent 1912; Lichtendahl, Grushka-Cockayne and Winkler 2013).

    warm_start: whether each fit starts from the weights of the one before, and so depends on it.
    """

    def __init__(self, config: ModelConfig, *, warm_start: bool = False) -> None:
        self.config = config
        self.warm_start = warm_start
        self.trainer = Trainer(config, len(config.features))
        self.history: FloatArray2D
        self.members: list[Member] = []

    def fit(self, train: Windows, validation: Windows, course: Course | None = None) -> None:
        """Start afresh, or from the last fit, and learn from `train`; `validation` picks epochs."""
        course = course or Course()
        before = self.members if self.warm_start else []
        self.history = history_quantiles(train.targets)
        members = course.finished()
        for number in range(len(members), self.config.seeds):
            training = self.trainer.fit(
                train,
                validation,
                seed=self.config.seed + number,
                start=before[number].weights if before else None,
                under_way=course.under_way,
                after_epoch=_with(members, course),
            )
            weights = self.trainer.network.get_weights()
            members.append(Member(weights=weights, training=training))
        self.members = members

    @property
    def trainings(self) -> list[Training]:
        """How each network's training went."""
        return [member.training for member in self.members]

    def predict(self, windows: Windows) -> Forecasts:
        """Forecast at every window's cutoff."""
        outputs = self.outputs(windows)
        return from_outputs(windows, outputs, objective=self.config.objective, history=self.history)

    def outputs(self, windows: Windows) -> FloatArray:
        """What the networks say on average, in their head's terms; float32."""
        said = []
        for member in self.members:
            self.trainer.network.set_weights(member.weights)
            said.append(self.trainer.outputs(windows))
        mean: FloatArray = np.mean(said, axis=0)
        return mean

    def loss(self, windows: Windows) -> float:
        """The training loss on some windows, on average over the networks."""
        losses = []
        for member in self.members:
            self.trainer.network.set_weights(member.weights)
            losses.append(self.trainer.loss(windows))
        return float(np.mean(losses))

    def net_losses(self, windows: Windows) -> FloatArray2D:
        """Minus the net returns of the positions, per window and horizon; see `PositionHead`."""
        head = self.trainer.head
        targets = tf.constant(head.targets(windows).astype(np.float32))
        losses = head.losses(targets, self.outputs(windows), tf.constant(windows.rows))
        return np.asarray(losses, dtype=np.float64)

    def network(self) -> keras.Model:
        """All networks and their average as one Keras model, the form that is saved."""
        network = self.assembled()
        network.set_weights([weight for member in self.members for weight in member.weights])
        return network

    def assembled(self) -> keras.Model:
        """The same, with weights that nothing was learnt with."""
        n_networks = self.config.seeds
        if n_networks == 1:
            return self.trainer.network
        networks = [
            self.trainer.build(seed, name=f"{self.config.network}_{seed}")
            for seed in range(n_networks)
        ]
        inputs = keras.Input(networks[0].input_shape[1:], name="inputs")
        outputs = keras.layers.Average(name="average")([network(inputs) for network in networks])
        return keras.Model(inputs, outputs, name=self.config.network)


def _with(members: list[Member], course: Course) -> Callable[[Fit], bool]:
    return lambda fit: course.after_epoch(members, fit)
