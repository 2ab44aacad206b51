"""What a model is, in bounded and allow-listed values: the one source for options and manifests."""

from typing import Annotated, Final, Literal, Self, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from forecast_cli.errors import UsageError

NetworkName: TypeAlias = Literal["linear", "logistic", "mlp", "cnn", "rnn", "lstm"]
Target: TypeAlias = Literal["return", "direction"]
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
DEFAULT_LOOKBACK: Final[dict[NetworkName, int]] = {
    # The default features already average over up to 100 bars; only networks that read a sequence
    # gain from more than the last row.
    "linear": 1,
    "logistic": 1,
    "mlp": 1,
    "cnn": 40,
    "rnn": 20,
    "lstm": 40,
}
DEFAULT_LEARNING_RATE: Final[dict[OptimizerName, float]] = {
    "sgd": 0.1,
    "momentum": 0.02,
    "rmsprop": 0.001,
    "adam": 0.001,
    "adamw": 0.001,
}


class ModelConfig(BaseModel):
    """Everything that decides a model's weights besides its training data.

    horizons: bars from cutoff to target, ascending. lookback: bars in one network input.
    epochs: upper limit; training stops `patience` epochs after the best validation loss.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    network: NetworkName
    target: Target
    horizons: Annotated[
        tuple[Annotated[int, Field(ge=1, le=250)], ...], Field(min_length=1, max_length=10)
    ]
    lookback: Annotated[int, Field(ge=1, le=500)]
    features: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)] = DEFAULT_FEATURES
    epochs: Annotated[int, Field(ge=0, le=10_000)] = 60
    patience: Annotated[int, Field(ge=1, le=10_000)] = 8
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 128
    optimizer: OptimizerName = "adam"
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if list(self.horizons) != sorted(set(self.horizons)):
            raise ValueError("horizons must be ascending and different")
        if self.network == "logistic" and self.target != "direction":
            raise ValueError("logistic regression forecasts the direction, not the return")
        return self


def model_config(network: NetworkName, **options: object) -> ModelConfig:
    """Fill in what depends on the network and the optimizer.

    options: fields of ModelConfig; None stands for the default. Raises UsageError, with one
    sentence per fault, for unknown fields and values out of bounds.

    >>> model_config("lstm").lookback
    40
    >>> model_config("logistic").target
    'direction'
    """
    given = {name: value for name, value in options.items() if value is not None}
    optimizer = given.get("optimizer", "adam")
    defaults = {
        "network": network,
        "target": "direction" if network == "logistic" else "return",
        "horizons": DEFAULT_HORIZONS,
        "lookback": DEFAULT_LOOKBACK.get(network),
        "learning_rate": DEFAULT_LEARNING_RATE.get(cast("OptimizerName", optimizer)),
    }
    try:
        return ModelConfig.model_validate(defaults | given)
    except ValidationError as error:
        raise UsageError("; ".join(sentences(error))) from None


def sentences(error: ValidationError) -> list[str]:
    """One short sentence per fault that pydantic found."""
    return [
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}".removeprefix(": ")
        for fault in error.errors(include_url=False)
    ]
