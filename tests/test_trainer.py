"""Fits are deterministic and independent, and gradient descent is the textbook's."""

import sys

import numpy as np
import pytest
from synthetic import autoregressive_bars, random_walk_bars

from forecast_cli.arrays import FloatArray2D
from forecast_cli.config import NetworkName, OptimizerName, model_config
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows
from forecast_cli.models.backend import keras
from forecast_cli.models.export import to_safetensors
from forecast_cli.models.trainer import OPTIMIZERS, Trainer
from forecast_cli.workflows.entries import NETWORK_NAMES

FEATURES = model_config("linear").features


def _windows(seed: int, *, edge: bool = True) -> Windows:
    make = autoregressive_bars if edge else random_walk_bars
    return build_windows(
        [make("AAA", 420, seed=seed)], horizons=(1,), lookback=4, features=FEATURES
    ).known()


def _parts(windows: Windows) -> tuple[Windows, Windows]:
    return windows.take(slice(0, 200)), windows.take(slice(200, None))


@pytest.mark.parametrize("network", NETWORK_NAMES)
def test_the_same_data_and_seed_give_the_same_bytes(network: NetworkName) -> None:
    """A second program, and a second fit after another one in between, change no byte."""
    config = model_config(network, horizons=(1,), lookback=4, epochs=3, seed=7)
    first = Trainer(config, len(FEATURES))
    first.fit(*_parts(_windows(1)))
    weights = to_safetensors(first.network)
    first.fit(*_parts(_windows(2)))
    assert to_safetensors(first.network) != weights
    first.fit(*_parts(_windows(1)))
    assert to_safetensors(first.network) == weights
    second = Trainer(config, len(FEATURES))
    second.fit(*_parts(_windows(1)))
    assert to_safetensors(second.network) == weights


def test_another_seed_gives_other_weights() -> None:
    """The seed reaches the initial weights and the order of the batches."""
    contents = set()
    for seed in (0, 1):
        trainer = Trainer(
            model_config("mlp", horizons=(1,), lookback=4, epochs=2, seed=seed), len(FEATURES)
        )
        trainer.fit(*_parts(_windows(1)))
        contents.add(to_safetensors(trainer.network))
    assert len(contents) == 2


def test_sgd_is_plain_gradient_descent() -> None:
    """theta <- theta - alpha grad J: three full-batch steps of logistic regression, by hand."""
    alpha = 0.5
    train, _ = _parts(_windows(3))
    config = model_config(
        "logistic",
        horizons=(1,),
        lookback=4,
        optimizer="sgd",
        learning_rate=alpha,
        batch_size=len(train),
        epochs=3,
        patience=10,
    )
    trainer = Trainer(config, len(FEATURES))
    # validated on what it learns from, so that the last epoch is the best
    assert trainer.fit(train, train).best_epoch == 3
    x = _design(train)
    y = (train.targets[:, :1] > 0).astype(np.float64)
    rate = (y.sum() + 1) / (len(y) + 2)
    theta = np.zeros((x.shape[1], 1))
    theta[-1] = np.log(rate / (1 - rate))
    for _step in range(3):
        theta -= alpha * x.T @ (1 / (1 + np.exp(-x @ theta)) - y) / len(y)
    kernel, bias = (weight.numpy() for weight in trainer.head.dense.weights)
    np.testing.assert_allclose(np.append(kernel, bias), theta[:, 0], atol=2e-6)


def _design(train: Windows) -> FloatArray2D:
    seen = train.features[train.rows].astype(np.float64)
    inputs = (train.inputs() - seen.mean(axis=0)) / seen.std(axis=0)
    flat = np.clip(inputs, -6, 6).reshape(len(train), -1)
    return np.column_stack([flat, np.ones(len(train))])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_takes_the_steps_that_docs_forecasts_md_states(
    optimizer: OptimizerName,
) -> None:
    """Three steps on one weight, by hand."""
    alpha, decay, gradients = 0.01, 0.004, (0.5, -0.2, 0.3)
    found = keras.Variable(0.7, dtype="float32", name="kernel")
    rule = OPTIMIZERS[optimizer](alpha, weight_decay=decay)
    rule.build([found])
    weight, m, v = 0.7, 0.0, 0.0
    for n, gradient in enumerate(gradients, start=1):
        rule.apply([keras.ops.convert_to_tensor(gradient)], [found])
        weight -= alpha * decay * weight
        if optimizer == "sgd":
            weight -= alpha * gradient
        elif optimizer == "momentum":
            m = 0.9 * m - alpha * gradient
            weight += 0.9 * m - alpha * gradient
        elif optimizer == "rmsprop":
            v = 0.9 * v + 0.1 * gradient**2
            weight -= alpha * gradient / np.sqrt(v + 1e-7)
        else:
            m = 0.9 * m + 0.1 * gradient
            v = 0.999 * v + 0.001 * gradient**2
            c = np.sqrt(1 - 0.999**n) / (1 - 0.9**n)
            weight -= alpha * c * m / (np.sqrt(v) + 1e-7)
        np.testing.assert_allclose(found.numpy(), weight, rtol=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_lowers_the_loss(optimizer: OptimizerName) -> None:
    """With its default step size, on what it learns from."""
    train, _ = _parts(_windows(1))
    config = model_config("linear", horizons=(1,), lookback=4, optimizer=optimizer, epochs=20)
    losses = Trainer(config, len(FEATURES)).fit(train, train).validation_losses
    assert losses[-1] < losses[0]


def test_the_untrained_network_ships_when_no_epoch_earns_its_place() -> None:
    """On noise the best epoch is luck: epoch 0 competes, and wins."""
    train, validation = _parts(_windows(5, edge=False))
    trainer = Trainer(model_config("mlp", horizons=(1,), lookback=4, epochs=5), len(FEATURES))
    training = trainer.fit(train, validation)
    assert training.best_epoch == 0
    assert not training.beats_untrained
    kernel, bias = (weight.numpy() for weight in trainer.head.dense.weights)
    assert not kernel.any()
    assert not bias.any()


def test_a_start_is_where_the_first_epoch_begins() -> None:
    """It is neither epoch 0, which is untrained, nor what is measured on the training windows."""
    config = model_config("linear", horizons=(1,), epochs=6)
    windows = build_windows(
        [autoregressive_bars("AAA", 1200, seed=3, coefficient=0.8)],
        horizons=(1,),
        lookback=1,
        features=FEATURES,
    ).known()
    before, train = windows.take(slice(0, 400)), windows.take(slice(0, 600))
    validation = windows.take(slice(600, None))
    trainer = Trainer(config, len(FEATURES))
    assert trainer.fit(before, validation).beats_untrained
    weights = trainer.network.get_weights()
    cold = trainer.fit(train, validation)
    fresh = to_safetensors(trainer.network)
    warm = trainer.fit(train, validation, start=weights)
    assert warm.validation_losses[0] == cold.validation_losses[0]
    assert warm.validation_losses[1] < cold.validation_losses[1]
    seen = train.features[train.rows].mean(axis=0)
    np.testing.assert_allclose(trainer.standardize.mean.numpy(), seen, rtol=1e-5, atol=1e-6)
    trainer.fit(train, validation)
    assert to_safetensors(trainer.network) == fresh


def test_training_stops_when_validation_no_longer_improves() -> None:
    """At most `patience` epochs after the best one."""
    train, validation = _parts(_windows(5, edge=False))
    config = model_config("mlp", horizons=(1,), lookback=4, epochs=200, patience=3)
    losses = Trainer(config, len(FEATURES)).fit(train, validation).validation_losses
    assert len(losses) == int(np.argmin(losses)) + 1 + 3


def test_standardisation_is_measured_on_training_windows_only() -> None:
    """Changing features behind the training part changes neither mean nor deviation."""
    windows = _windows(1)
    train, validation = _parts(windows)
    trainer = Trainer(model_config("linear", horizons=(1,), lookback=4, epochs=1), len(FEATURES))
    trainer.fit(train, validation)
    seen = windows.features[train.rows]
    np.testing.assert_allclose(trainer.standardize.mean.numpy(), seen.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(trainer.standardize.deviation.numpy(), seen.std(axis=0), rtol=1e-5)


def test_training_does_not_break_fetching_from_yahoo() -> None:
    """TensorFlow's libcurl must not stand in for the one that Yahoo needs, in one process."""
    requests = pytest.importorskip("curl_cffi.requests", reason="the extra `yahoo` is missing")
    assert Trainer.__module__ in sys.modules
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get("http://127.0.0.1:9/", impersonate="chrome", timeout=5)
