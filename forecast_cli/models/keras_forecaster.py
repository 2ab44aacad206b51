"""A Keras network as a Forecaster."""

from forecast_cli.arrays import FloatArray2D
from forecast_cli.config import ModelConfig
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.heads import history_quantiles
from forecast_cli.models.outputs import from_outputs
from forecast_cli.models.trainer import Trainer, Training


class KerasForecaster:
    """Fits one of the networks, as often as asked, and forecasts with the last fit."""

    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        self.trainer = Trainer(config, len(config.features))
        self.history: FloatArray2D
        self.training: Training

    def fit(self, train: Windows, validation: Windows) -> None:
        """Start afresh and learn from `train`; choose the epoch on `validation`."""
        self.history = history_quantiles(train.targets)
        self.training = self.trainer.fit(train, validation)

    def predict(self, windows: Windows) -> Forecasts:
        """Forecast at every window's cutoff."""
        outputs = self.trainer.outputs(windows)
        return from_outputs(windows, outputs, target=self.config.target, history=self.history)
