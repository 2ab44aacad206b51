"""What evaluation asks of anything that forecasts."""

from typing import Protocol

from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts


class Forecaster(Protocol):
    """Learns from windows, forecasts at windows. It never sees a bar that is not in one."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """Forget everything and learn from `train`; `validation` decides when to stop."""

    def predict(self, windows: Windows) -> Forecasts:
        """Forecast at each window's cutoff, in the order of the windows."""
