"""A model's settings are bounded, filled in per network, and cannot change afterwards."""

import doctest
from typing import get_args

import pytest
from pydantic import ValidationError

from forecast_cli import config
from forecast_cli.config import (
    DEFAULT_FEATURES,
    DEFAULT_LEARNING_RATE,
    DEFAULT_LOOKBACK,
    DEFAULT_SIZES,
    ModelConfig,
    NetworkName,
    OptimizerName,
    model_config,
)
from forecast_cli.errors import UsageError
from forecast_cli.features.indicators import INDICATORS

NETWORKS: tuple[NetworkName, ...] = get_args(NetworkName)
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)


def refusal(network: NetworkName, **options: object) -> str:
    """The sentence with which settings are refused."""
    with pytest.raises(UsageError) as caught:
        model_config(network, **options)
    return caught.value.message


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_has_defaults(network: NetworkName) -> None:
    """A network's name alone is enough for a whole configuration."""
    made = model_config(network)
    assert made.network == network
    assert made.objective == ("logloss" if network == "logistic" else "crps")
    assert made.lookback == DEFAULT_LOOKBACK[network]
    assert made.horizons == (1, 5)
    assert made.features == DEFAULT_FEATURES
    assert (made.optimizer, made.learning_rate) == ("adam", 0.001)
    assert (made.epochs, made.patience, made.batch_size, made.seed) == (60, 8, 128, 0)


@pytest.mark.parametrize("network", ["linear", "logistic", "mlp"])
def test_networks_without_memory_read_one_row(network: NetworkName) -> None:
    """The features average over the past already; only sequence networks read more than a row."""
    assert model_config(network).lookback == 1


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_learning_rate_follows_the_optimizer(optimizer: OptimizerName) -> None:
    """Each optimizer brings its learning rate, unless one is given."""
    made = model_config("mlp", optimizer=optimizer)
    assert made.learning_rate == DEFAULT_LEARNING_RATE[optimizer]
    assert model_config("mlp", optimizer=optimizer, learning_rate=0.5).learning_rate == 0.5


def test_default_features_exist() -> None:
    """The features named by default are the ones that can be computed."""
    assert set(DEFAULT_FEATURES) <= set(INDICATORS)


def test_none_stands_for_the_default() -> None:
    """An option that was not typed changes nothing."""
    assert model_config("lstm", lookback=None, epochs=None, optimizer=None) == model_config("lstm")


def test_a_given_value_beats_the_default() -> None:
    """What is given is kept, for fields that depend on the network, too."""
    made = model_config("lstm", lookback=7, horizons=(2, 3, 250), objective="logloss")
    assert (made.lookback, made.horizons, made.objective) == (7, (2, 3, 250), "logloss")


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("lookback", 1, 500),
        ("epochs", 0, 10_000),
        ("patience", 1, 10_000),
        ("batch_size", 1, 65_536),
        ("seed", 0, 2**31 - 1),
    ],
)
def test_bounds(field: str, low: int, high: int) -> None:
    """Both bounds are allowed; one step beyond is refused in a sentence that names them."""
    for value in (low, high):
        assert getattr(model_config("cnn", **{field: value}), field) == value
    below = f"{field}: Input should be greater than or equal to {low}"
    above = f"{field}: Input should be less than or equal to {high}"
    assert refusal("cnn", **{field: low - 1}) == below
    assert refusal("cnn", **{field: high + 1}) == above


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"learning_rate": 0.0}, "learning_rate: Input should be greater than 0"),
        ({"learning_rate": 11.0}, "learning_rate: Input should be less than or equal to 10"),
        ({"learning_rate": float("nan")}, "learning_rate: Input should be a finite number"),
        ({"horizons": (0, 5)}, "horizons.0: Input should be greater than or equal to 1"),
        ({"horizons": (1, 251)}, "horizons.1: Input should be less than or equal to 250"),
        ({"lookback": "40"}, "lookback: Input should be a valid integer"),
        ({"lookback": 1.5}, "lookback: Input should be a valid integer"),
    ],
)
def test_values_out_of_bounds_are_refused(options: dict[str, object], sentence: str) -> None:
    """A bad value is refused in a sentence that names the field and what was expected."""
    assert refusal("mlp", **options) == sentence


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ({"horizons": ()}, "horizons: Tuple should have at least 1 item"),
        ({"horizons": tuple(range(1, 12))}, "horizons: Tuple should have at most 10 items"),
        ({"features": ()}, "features: Tuple should have at least 1 item"),
        ({"optimizer": "lion"}, "optimizer: Input should be 'sgd', 'momentum'"),
        ({"objective": "price"}, "objective: Input should be 'crps', 'logloss'"),
    ],
)
def test_choices_and_sizes_are_refused(options: dict[str, object], start: str) -> None:
    """An unknown choice or an empty list is refused, naming what there is."""
    assert refusal("mlp", **options).startswith(start)


@pytest.mark.parametrize("horizons", [(5, 1), (1, 1), (1, 5, 5)])
def test_horizons_ascend(horizons: tuple[int, ...]) -> None:
    """Horizons are ascending and different: the last one is the longest."""
    assert refusal("lstm", horizons=horizons).endswith("horizons must be ascending and different")


def test_logistic_regression_has_no_return() -> None:
    """Logistic regression forecasts a direction and nothing else."""
    sentence = refusal("logistic", objective="crps")
    assert sentence.endswith("logistic regression is trained on the log loss of the direction")


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_has_its_own_sizes(network: NetworkName) -> None:
    """Those of its kind, by default or as given; any other is refused."""
    for size in ("units", "filters", "layers"):
        if size in DEFAULT_SIZES[network]:
            assert getattr(model_config(network), size) == DEFAULT_SIZES[network][size]
            assert getattr(model_config(network, **{size: 5}), size) == 5
        else:
            assert getattr(model_config(network), size) is None
            assert refusal(network, **{size: 5}).endswith(f"{network} has no {size}")


def test_nothing_is_dropped_where_nothing_is_hidden() -> None:
    """Dropout belongs to networks with a hidden layer."""
    assert model_config("lstm", dropout=0.2).dropout == 0.2
    assert refusal("linear", dropout=0.2).endswith("linear has no hidden layer to drop from")


def test_costs_belong_to_the_objective_that_trades() -> None:
    """By default those of a backtest; for all others there are none."""
    assert model_config("mlp", objective="sharpe").cost_bps == 5
    assert model_config("mlp").cost_bps is None
    assert "cost_bps belongs to the objective sharpe" in refusal("mlp", cost_bps=5.0)


def test_unknown_field_is_refused() -> None:
    """A misspelt option is an error, not silently ignored."""
    assert refusal("mlp", lookbak=3) == "lookbak: Extra inputs are not permitted"


def test_unknown_network_is_refused() -> None:
    """A network that does not exist is named in the refusal, with those that do."""
    sentence = refusal("transformer")  # type: ignore[arg-type]
    assert sentence.startswith("network: Input should be one of 'linear', 'logistic'")


def test_every_fault_is_told_at_once() -> None:
    """Two faults are two sentences in one error."""
    sentence = refusal("mlp", epochs=-1, patience=0)
    assert sentence == (
        "epochs: Input should be greater than or equal to 0;"
        " patience: Input should be greater than or equal to 1"
    )


def test_a_configuration_cannot_change() -> None:
    """What a model was trained with stays what it was trained with."""
    made = model_config("mlp")
    with pytest.raises(ValidationError, match="frozen"):
        made.lookback = 3


def test_json_round_trip() -> None:
    """A manifest gives back the configuration that was written into it."""
    made = model_config("rnn", horizons=(1, 20), learning_rate=0.03)
    assert ModelConfig.model_validate_json(made.model_dump_json()) == made


def test_examples_in_the_docstrings() -> None:
    """The examples that a reader sees are true."""
    results = doctest.testmod(config)
    assert results.attempted > 0
    assert results.failed == 0
