"""Several networks, seed after seed, are one forecaster and one file."""

from functools import lru_cache

import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load
from synthetic import autoregressive_bars

from forecast_cli.config import Objective, model_config
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows
from forecast_cli.models.export import to_onnx, to_safetensors
from forecast_cli.models.keras_forecaster import KerasForecaster

OPTIONS = {"horizons": (1,), "epochs": 2, "units": 4, "dropout": 0.2}


@lru_cache
def _windows() -> Windows:
    config = model_config("mlp")
    series = [autoregressive_bars("AAA", 420, seed=1)]
    return build_windows(series, horizons=(1,), lookback=1, features=config.features).known()


def _fitted(seed: int, seeds: int, objective: Objective) -> KerasForecaster:
    config = model_config("mlp", **OPTIONS, seed=seed, seeds=seeds, objective=objective)
    forecaster = KerasForecaster(config)
    # validated on what it learns from, so that every network leaves its start
    forecaster.fit(_windows(), _windows())
    return forecaster


@pytest.fixture(params=["crps", "logloss", "sharpe"])
def pair(request: pytest.FixtureRequest) -> tuple[KerasForecaster, Objective]:
    """An ensemble of two networks."""
    return _fitted(5, 2, request.param), request.param


def test_an_ensemble_is_the_mean_of_its_seeds(pair: tuple[KerasForecaster, Objective]) -> None:
    """Quantiles (Vincentization), P(up) and positions: the plain mean of the single networks."""
    both, objective = pair
    singles = [_fitted(seed, 1, objective).outputs(_windows()) for seed in (5, 6)]
    assert np.abs(singles[0] - singles[1]).max() > 1e-4
    np.testing.assert_allclose(both.outputs(_windows()), np.mean(singles, axis=0), atol=1e-7)


def test_an_ensemble_is_one_graph_and_one_file(pair: tuple[KerasForecaster, Objective]) -> None:
    """The graph says the mean; the weights of both networks stand in one file, in order."""
    both, _ = pair
    samples = _windows().take(slice(0, 20)).inputs()
    graph = to_onnx(both.network(), samples)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {"inputs": samples})
    np.testing.assert_allclose(outputs, both.outputs(_windows())[:20], atol=1e-5)
    weights = load(to_safetensors(both.network()))
    expected = [weight for member in both.members for weight in member.weights]
    for name, weight in zip(sorted(weights), expected, strict=True):
        np.testing.assert_array_equal(weights[name], weight)


def test_an_ensemble_is_deterministic() -> None:
    """The same bytes again, from another forecaster or from a second fit of the same."""
    one, other = _fitted(5, 2, "crps"), _fitted(5, 2, "crps")
    content = to_safetensors(one.network())
    assert to_safetensors(other.network()) == content
    one.fit(_windows(), _windows())
    assert to_safetensors(one.network()) == content
