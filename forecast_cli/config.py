"""What a model is, in bounded and allow-listed values: the one source for options and manifests."""

from typing import Annotated, Final, Literal, Self, TypeAlias, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from forecast_cli.errors import UsageError
from forecast_cli.plugins import find_plugin, plugin_names

NetworkName: TypeAlias = Literal["linear", "logistic", "mlp", "cnn", "rnn", "lstm"]
Objective: TypeAlias = Literal["crps", "logloss", "mse", "mae", "huber", "sharpe"]
"""What is forecast, by what it is trained on: the whole distribution (crps), the direction
(logloss), a point (mse, mae, huber), or a position that is traded (sharpe)."""
OptimizerName: TypeAlias = Literal["sgd", "momentum", "rmsprop", "adam", "adamw"]

DEFAULT_FEATURES: Final = (
    "return",
    "absolute_return",
    "range_1",
    "range_5",
    "range_33",
    "variance_3",
    "variance_100",
    "volatility",
    "trend_10",
    "downside_10",
)
DEFAULT_HORIZONS: Final = (1, 5)
DEFAULT_LOOKBACK: Final[dict[str, int]] = {
    # The default features already average over up to 100 bars; only networks that read a sequence
    # gain from more than the last row.
    "linear": 1,
    "logistic": 1,
    "mlp": 1,
    "cnn": 40,
    "rnn": 20,
    "lstm": 40,
}
PLUGIN_LOOKBACK: Final = 20
DEFAULT_SIZES: Final[dict[str, dict[str, int]]] = {
    # what a network has not, it cannot be given
    "linear": {},
    "logistic": {},
    "mlp": {"units": 32, "layers": 2},
    "cnn": {"filters": 16, "layers": 3},
    "rnn": {"units": 16, "layers": 1},
    "lstm": {"units": 24, "layers": 1},
}
DEFAULT_LEARNING_RATE: Final[dict[OptimizerName, float]] = {
    "sgd": 0.1,
    "momentum": 0.02,
    "rmsprop": 0.001,
    "adam": 0.001,
    "adamw": 0.001,
}
DEFAULT_WEIGHT_DECAY: Final[dict[OptimizerName, float]] = {"adamw": 0.004}
DEFAULT_COST_BPS: Final = 5.0


class ModelConfig(BaseModel):
    """Everything that decides a model's weights besides its training data.

    plugin: distribution and version that a network of another project comes from. horizons: bars
    from cutoff to target, ascending. lookback: bars in one network input. units, filters, layers:
    of the hidden part, None where a network has none; dropout: share of it silenced in training.
    carry: bars over which a covariate's value lasts where no newer one is known.
    epochs: upper limit; training stops `patience` epochs after the best validation loss.
    cost_bps: of a trade, for the objective that trades. seeds: networks trained, from `seed` on,
    whose outputs are averaged.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    plugin: Annotated[str, Field(max_length=200)] | None = None
    network: str
    objective: Objective
    horizons: Annotated[
        tuple[Annotated[int, Field(ge=1, le=250)], ...], Field(min_length=1, max_length=10)
    ]
    lookback: Annotated[int, Field(ge=1, le=500)]
    features: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)] = DEFAULT_FEATURES
    carry: Annotated[int, Field(ge=0, le=100)] = 5
    units: Annotated[int, Field(ge=1, le=1024)] | None = None
    filters: Annotated[int, Field(ge=1, le=1024)] | None = None
    layers: Annotated[int, Field(ge=1, le=8)] | None = None
    dropout: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    epochs: Annotated[int, Field(ge=0, le=10_000)] = 60
    patience: Annotated[int, Field(ge=1, le=10_000)] = 8
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 128
    optimizer: OptimizerName = "adam"
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    cost_bps: Annotated[float, Field(ge=0, le=1000)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    seeds: Annotated[int, Field(ge=1, le=32)] = 1

    @field_validator("network")
    @classmethod
    def _known_network(cls, network: str, info: ValidationInfo) -> str:
        if info.data.get("plugin") is None and network not in DEFAULT_SIZES:
            known = ", ".join(map(repr, (*DEFAULT_SIZES, *plugin_names())))
            raise ValueError(f"Input should be one of {known}")
        return network

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if list(self.horizons) != sorted(set(self.horizons)):
            raise ValueError("horizons must be ascending and different")
        if len(self.features) != len(set(self.features)):
            raise ValueError("each feature is named once")
        if self.network == "logistic" and self.objective != "logloss":
            raise ValueError("logistic regression is trained on the log loss of the direction")
        if (self.objective == "sharpe") != (self.cost_bps is not None):
            raise ValueError(
                "cost_bps belongs to the objective sharpe, which trades, and only to it"
            )
        if self.plugin is None:
            self._check_sizes()
        return self

    def _check_sizes(self) -> None:
        of_this = DEFAULT_SIZES[self.network]
        for size in ("units", "filters", "layers"):
            if (getattr(self, size) is None) == (size in of_this):
                verb = "needs" if size in of_this else "has no"
                raise ValueError(f"{self.network} {verb} {size}")
        if self.dropout and not of_this:
            raise ValueError(f"{self.network} has no hidden layer to drop from")


def model_config(network: str, **options: object) -> ModelConfig:
    """Fill in what depends on the network, the optimizer and the objective.

    network: one of the six, or a plug-in's. options: fields of ModelConfig; None stands for the
    default. Raises UsageError, with one sentence per fault, for unknown fields and values out of
    bounds.

    >>> model_config("lstm").lookback
    40
    >>> model_config("logistic").objective
    'logloss'
    """
    given = {name: value for name, value in options.items() if value is not None}
    optimizer = cast("OptimizerName", given.get("optimizer", "adam"))
    objective = given.get("objective", "logloss" if network == "logistic" else "crps")
    plugin = None if network in DEFAULT_SIZES else find_plugin(network)
    defaults = {
        "network": network,
        "plugin": plugin and plugin.distribution,
        "objective": objective,
        "horizons": DEFAULT_HORIZONS,
        "lookback": DEFAULT_LOOKBACK.get(network, PLUGIN_LOOKBACK),
        **DEFAULT_SIZES.get(network, {}),
        "learning_rate": DEFAULT_LEARNING_RATE.get(optimizer),
        "weight_decay": DEFAULT_WEIGHT_DECAY.get(optimizer, 0.0),
        "cost_bps": DEFAULT_COST_BPS if objective == "sharpe" else None,
    }
    try:
        return ModelConfig.model_validate(defaults | given)
    except ValidationError as error:
        raise UsageError("; ".join(sentences(error))) from None


def sentences(error: ValidationError) -> list[str]:
    """One short sentence per fault that pydantic found."""
    texts = []
    for fault in error.errors(include_url=False):
        place, told = ".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, ")
        texts.append(f"{place}: {told}" if place else told)
    return texts
