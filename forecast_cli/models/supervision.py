"""A training under supervision: kept on disk epoch by epoch, within a time budget, and watched."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from forecast_cli.config import ModelConfig
from forecast_cli.models.checkpoint import Checkpoint, Progress
from forecast_cli.models.keras_forecaster import Course, Member
from forecast_cli.models.trainer import Fit


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """What whoever watches a training is told after each epoch.

    network: its number, from 1. loss: on validation. seconds_left: at most, if no network stops
    early.
    """

    network: int
    n_networks: int
    epoch: int
    n_epochs: int
    loss: float
    seconds_left: float


class SupervisedCourse(Course):
    """Writes a checkpoint after every epoch, ends when time is up, and reports.

    resumed: an interrupted training to go on with. time_budget: seconds for all networks and runs
    together; each network may take what is left, shared equally among it and those still to come.
    """

    def __init__(
        self,
        config: ModelConfig,
        checkpoint: Checkpoint,
        *,
        resumed: Progress | None = None,
        time_budget: float | None = None,
        on_epoch: Callable[[EpochReport], None] = lambda _: None,
    ) -> None:
        self.config = config
        self.out_of_time = False
        self._checkpoint = checkpoint
        self._resumed = resumed
        self._time_budget = time_budget
        self._on_epoch = on_epoch
        self._before = resumed.seconds if resumed else 0.0
        self._network_began = self._before
        self._started = time.monotonic()
        self._epochs_here = 0

    def finished(self) -> list[Member]:
        """The networks that the interrupted training had finished."""
        return list(self._resumed.members) if self._resumed else []

    def under_way(self, fresh: Fit) -> Fit:
        """The interrupted fit once, then fresh ones."""
        self._network_began = self._seconds()
        resumed, self._resumed = self._resumed, None
        return resumed.fit if resumed else fresh

    def after_epoch(self, members: list[Member], fit: Fit) -> bool:
        """Save, report, and say whether there is time for another epoch."""
        self._epochs_here += 1
        seconds = self._seconds()
        self._checkpoint.write(Progress(members=members, fit=fit, seconds=seconds))
        to_come = self.config.seeds - len(members) - 1
        n_left = self.config.epochs - fit.epoch + to_come * self.config.epochs
        each = (time.monotonic() - self._started) / self._epochs_here
        left = n_left * each
        if self._time_budget is not None:
            left = min(left, max(self._time_budget - seconds, 0.0))
        self._on_epoch(
            EpochReport(
                network=len(members) + 1,
                n_networks=self.config.seeds,
                epoch=fit.epoch,
                n_epochs=self.config.epochs,
                loss=fit.losses[-1],
                seconds_left=left,
            )
        )
        return self._in_time(seconds, to_come)

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._started

    def _in_time(self, seconds: float, to_come: int) -> bool:
        if self._time_budget is None:
            return True
        share = (self._time_budget - self._network_began) / (to_come + 1)
        in_time = seconds - self._network_began < share
        self.out_of_time = self.out_of_time or not in_time
        return in_time
