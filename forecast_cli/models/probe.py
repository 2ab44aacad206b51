"""A quick learner without Keras: what the canaries send ahead."""

import numpy as np

from forecast_cli.arrays import FloatArray2D
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS, Forecasts, shift_to_median
from forecast_cli.models.outputs import from_scaled

_RIDGE = 1e-3
"""Per window: keeps features that are copies of each other apart."""


class LeastSquares:
    """Linear regression of the scaled return on the newest bar's features, by ridge.

    As quick as a learner can be that sees all that a network sees: features, scales and targets.
    The curve is that of history about the regression's point.
    """

    def fit(self, train: Windows, validation: Windows) -> None:
        """Standardise on the training windows and solve."""
        inputs = train.features[train.rows].astype(np.float64)
        self.mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
        self.deviation = np.where(deviation > 0, deviation, 1.0)
        design = self._design(train)
        ridge = _RIDGE * len(train) * np.eye(design.shape[1])
        self.weights = np.linalg.solve(design.T @ design + ridge, design.T @ train.targets)
        self.history = np.quantile(train.targets, LEVELS, axis=0).T

    def predict(self, windows: Windows) -> Forecasts:
        """History about the regression's point."""
        point: FloatArray2D = self._design(windows) @ self.weights
        return from_scaled(windows, shift_to_median(self.history, point))

    def _design(self, windows: Windows) -> FloatArray2D:
        inputs = (windows.features[windows.rows] - self.mean) / self.deviation
        design: FloatArray2D = np.column_stack([np.ones(len(windows)), inputs])
        return design
