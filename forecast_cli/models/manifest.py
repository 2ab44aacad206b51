"""What a trained model's manifest says, in bounded and allow-listed values."""

from datetime import date
from typing import Annotated, Any, Final, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from forecast_cli.config import DEFAULT_SIZES, DEFAULT_WEIGHT_DECAY, ModelConfig, OptimizerName
from forecast_cli.data.fingerprint import Fingerprint
from forecast_cli.errors import UsageError
from forecast_cli.forecasts import LEVELS
from forecast_cli.schema import MODEL_FORMAT
from forecast_cli.symbols import parse_symbol

WEIGHTS: Final = "weights.safetensors"
GRAPH: Final = "model.onnx"
_LARGEST_FILE: Final = 512 * 2**20

_STRICT: Final = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
_Bounded = Annotated[float, Field(ge=-1000, le=1000)]
_Curve = Annotated[tuple[_Bounded, ...], Field(min_length=len(LEVELS), max_length=len(LEVELS))]
_Deciles = Annotated[tuple[float, ...], Field(min_length=11, max_length=11)]


def _day(text: str) -> str:
    if str(date.fromisoformat(text)) != text:
        raise ValueError("is not written as 2024-12-31")
    return text


def _symbol(text: str) -> str:
    try:
        parsed = parse_symbol(text)
    except UsageError as error:
        raise ValueError(error.message) from None
    if parsed != text:
        raise ValueError(f"{text!a} is not a symbol")
    return text


_Date = Annotated[str, AfterValidator(_day)]
_Symbol = Annotated[str, AfterValidator(_symbol)]
# becomes part of a path
_Interval = Annotated[str, Field(pattern=r"^[0-9]{1,4}[a-z]{1,3}$")]


class FileRecord(BaseModel):
    """What a file of the artifact must look like."""

    model_config = _STRICT

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=1, le=_LARGEST_FILE)]


class Canary(BaseModel):
    """One stored input and what Keras said to it: whoever loads the graph must say the same.

    inputs: lookback rows of n_features values. outputs: flat, in the head's order.
    """

    model_config = _STRICT

    inputs: tuple[tuple[float, ...], ...]
    outputs: tuple[float, ...]


class Measured(BaseModel):
    """What training measured. Losses are the head's own, on validation windows.

    edge_p: one-sided Diebold-Mariano p of the network against the best naive row, on calibration
    windows it never saw, or, of positions, that they earn nothing; None where there is no
    difference. coverage_90: how often the central 90 % range held on those windows per horizon,
    before it was stretched on them: after that it holds there by construction. Of an ensemble,
    best_epoch is the latest that a network kept, losses are means over networks, and epochs_run is
    what each of them ran; empty in models of the first versions.
    """

    model_config = _STRICT

    best_epoch: int
    validation_loss: float
    untrained_loss: float
    edge_found: bool
    edge_p: tuple[float | None, ...]
    coverage_90: tuple[float, ...]
    epochs_run: tuple[int, ...] = ()
    n_train: int
    n_validation: int
    n_calibration: int


class Manifest(BaseModel):
    """Everything known about a trained model. Dates are session dates of cutoffs.

    known_until: the close up to which bars were used; no forecast is made for an earlier cutoff.
    history: training quantiles of the scaled return, n_horizons rows of 99. stretch, p_up:
    calibration; p_up, offset and slope per horizon, is empty in models of the first versions.
    learnt: what each symbol's bars were; empty in models of the first versions. inputs: deciles of
    the training inputs, lowest and highest value included, n_features rows of 11; may be empty,
    too. time_budget: the seconds that training was given, if there was a limit.
    """

    model_config = _STRICT

    format_version: Literal[1] = MODEL_FORMAT
    name: str
    version: str
    created_at: str
    config: ModelConfig
    interval: _Interval
    symbols: Annotated[tuple[_Symbol, ...], Field(min_length=1)]
    price_basis: dict[str, str]
    data_sha256: str
    learnt: dict[str, Fingerprint] = Field(default_factory=dict)
    inputs: tuple[_Deciles, ...] = ()
    train_start: _Date
    train_end: _Date
    known_until: _Date
    history: tuple[_Curve, ...]
    stretch: tuple[Annotated[float, Field(gt=0, le=100)], ...]
    p_up: tuple[tuple[_Bounded, _Bounded], ...] = ()
    measured: Measured
    time_budget: Annotated[float, Field(gt=0)] | None = None
    libraries: dict[str, str]
    canary: Canary
    files: dict[Literal["weights.safetensors", "model.onnx"], FileRecord]

    @model_validator(mode="after")
    def _shapes_agree(self) -> Self:
        config = self.config
        if not len(self.history) == len(self.stretch) == len(config.horizons):
            raise ValueError("history and stretch must have one entry per horizon")
        if not len(self.measured.edge_p) == len(self.measured.coverage_90) == len(config.horizons):
            raise ValueError("edge_p and coverage_90 must have one entry per horizon")
        if len(self.measured.epochs_run) not in (0, config.seeds):
            raise ValueError("epochs_run must have one entry per network, or none")
        if len(self.p_up) not in (0, len(config.horizons)):
            raise ValueError("p_up must have one entry per horizon, or none")
        if len(self.inputs) not in (0, len(config.features)):
            raise ValueError("inputs must have one entry per feature, or none")
        if [len(row) for row in self.canary.inputs] != [len(config.features)] * config.lookback:
            raise ValueError("the canary's input has another shape than the network's")
        if not self.train_start <= self.train_end <= self.known_until:
            raise ValueError("train_start, train_end and known_until must follow one another")
        if set(self.files) != {WEIGHTS, GRAPH}:
            raise ValueError("weights and graph must both be listed")
        return self


def upgraded(fields: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    """A manifest's fields as this version writes them.

    The first versions had a target instead of an objective, and networks of fixed sizes.
    """
    config = fields.get("config") if isinstance(fields, dict) else None
    if not isinstance(config, dict) or "target" not in config:
        return fields
    sizes = DEFAULT_SIZES.get(str(config.get("network")), {})
    optimizer = cast("OptimizerName", str(config.get("optimizer", "adam")))
    decay = DEFAULT_WEIGHT_DECAY.get(optimizer, 0.0)
    objective = {"return": "crps", "direction": "logloss"}.get(str(config["target"]))
    kept = {name: value for name, value in config.items() if name != "target"}
    config = {"objective": objective, "weight_decay": decay, **sizes, **kept}
    return fields | {"config": config}
