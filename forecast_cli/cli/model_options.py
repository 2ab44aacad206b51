"""From the options that describe a network to a configuration, once for all commands."""

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from forecast_cli.cli import options

if TYPE_CHECKING:
    from forecast_cli.config import ModelConfig

_AS_THEY_ARE: Final = (
    "lookback", "carry", "epochs", "batch_size", "learning_rate", "weight_decay", "dropout",
    "units", "filters", "layers", "seed", "seeds",
)  # fmt: skip


def network_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """What `config.model_config` takes besides the network, from a command's parameters.

    given: all of them, by name; a command need not have each of these options. None stands for the
    default.
    """
    return {
        "horizons": options.ascending(given.get("horizons")),
        "features": options.chosen_features(given.get("features"), given.get("covariates")),
        "objective": _word(given.get("objective")),
        "optimizer": _word(given.get("optimizer")),
        **{name: given.get(name) for name in _AS_THEY_ARE},
    }


def chosen_config(given: Mapping[str, Any]) -> "ModelConfig":
    """The configuration that the parameters of `forecast train` ask for."""
    from forecast_cli.config import model_config

    return model_config(given["model"], **network_options(given), cost_bps=given["cost_bps"])


def _word(choice: Enum | None) -> str | None:
    return choice and choice.value
