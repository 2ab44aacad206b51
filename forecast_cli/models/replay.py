"""A training run again for as long as it ran the first time."""

from collections.abc import Callable, Sequence

from forecast_cli.models.keras_forecaster import Course, Member
from forecast_cli.models.trainer import Fit


class Replay(Course):
    """Ends each network after the epochs it ran, which a time budget may have decided.

    epochs_run: by each network; empty where it is not known, and nothing ended them early.
    """

    def __init__(self, epochs_run: Sequence[int], on_epoch: Callable[[int, int], None]) -> None:
        self._epochs_run = epochs_run
        self._on_epoch = on_epoch

    def after_epoch(self, members: list[Member], fit: Fit) -> bool:
        """Whether this network ran for longer."""
        self._on_epoch(len(members) + 1, fit.epoch)
        return not self._epochs_run or fit.epoch < self._epochs_run[len(members)]
