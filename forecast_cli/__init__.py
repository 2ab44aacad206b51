"""Market forecasts that cannot look ahead, from a shell or a crontab.

The commands are functions that return values; each is loaded when it is first asked for, so that
importing this package is instant:

    import forecast_cli as fc

    fc.fetch([], source="prices/", home=home)
    fc.train(["^GSPC"], config=fc.model_config("lstm"), home=home)
    fc.predict(["^GSPC"], home=home).to_pandas()
    fc.backtest(["^GSPC"], model="lstm", home=home).to_pandas()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from forecast_cli.config import model_config
    from forecast_cli.evaluation.folds import FoldPlan
    from forecast_cli.workflows.backtest import backtest
    from forecast_cli.workflows.fetch import fetch
    from forecast_cli.workflows.predict import predict
    from forecast_cli.workflows.train import train

__all__ = ["FoldPlan", "__version__", "backtest", "fetch", "model_config", "predict", "train"]
__version__ = "0.1.0"

_HOMES: Final = {
    "FoldPlan": "forecast_cli.evaluation.folds",
    "backtest": "forecast_cli.workflows.backtest",
    "fetch": "forecast_cli.workflows.fetch",
    "model_config": "forecast_cli.config",
    "predict": "forecast_cli.workflows.predict",
    "train": "forecast_cli.workflows.train",
}


def __getattr__(name: str) -> object:
    """The public functions, each imported when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """What an interactive shell offers."""
    return sorted(__all__)
