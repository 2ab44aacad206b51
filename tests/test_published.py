"""The published tables stand on the protocols they name: naive rows and sample counts agree."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.published import acl18, daily, exchange_rate, indices
from forecast_cli.config import NetworkName, model_config
from forecast_cli.features.windows import concatenate
from forecast_cli.models.baselines import History250

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA}: the data sets are not there")


@needs_data
@pytest.mark.parametrize(
    ("horizon", "n_windows", "mse", "mae"),
    [
        (96, 1422, "0.0811", "0.1964"),
        (192, 1326, "0.1671", "0.2887"),
        (336, 1182, "0.3057", "0.3978"),
        (720, 798, "0.8101", "0.6764"),
    ],
)
def test_repeating_the_last_exchange_rate(horizon: int, n_windows: int, mse: str, mae: str) -> None:
    """Every window of the test part, errors over windows, days and columns."""
    rates = exchange_rate.cut(exchange_rate.read(DATA), horizon)
    assert len(rates.test) == n_windows
    assert rates.train.max() + horizon == 5310
    assert rates.validation.max() + horizon == 7588 - 1517 - 1
    found = exchange_rate.errors(rates, horizon, None)
    assert (f"{found['mse']:.4f}", f"{found['mae']:.4f}") == (mse, mae)


@pytest.mark.parametrize("network", ["linear", "cnn"])
def test_an_untrained_network_repeats_the_last_value(network: NetworkName) -> None:
    """Exactly, whatever the rates."""
    values = np.random.default_rng(0).normal(size=(200, 2)).cumsum(axis=0)
    made = exchange_rate.Repeater(network, 7).answers(values, np.array([150, 160]))
    np.testing.assert_array_equal(made, np.zeros((2, 7, 2)))


@needs_data
def test_samples_of_stock_movements() -> None:
    """Samples and ups per part, and the rules' accuracies, as published_results has them."""
    train, validation, test = acl18.samples(DATA, 10).parts()
    counts = [(len(part.up), int(part.up.sum())) for part in (train, validation, test)]
    assert counts == [(20309, 10297), (2555, 1139), (3720, 1908)]
    rows = {name: acl18.judged([said], test) for name, said in acl18.rules(train, test).items()}
    assert round(rows["majority of train"]["accuracy"], 2) == 51.29
    assert round(rows["above 30-day mean: up"]["accuracy"], 2) == 47.07
    assert round(rows["above 30-day mean: up"]["mcc"], 3) == -0.064
    assert rows["majority of train"]["mcc"] == 0


@needs_data
def test_windows_of_the_indices() -> None:
    """Every cutoff of both whose targets lie in 2014 to 2018; historical 250 scores 1.0715."""
    study = indices.STUDY
    folds = daily.folds_of(study, daily.read(study, DATA), model_config("linear"))
    windows = concatenate([fold.test for fold in folds])
    assert (len(windows), str(windows.cutoffs.min())) == (2508, "2013-12-31")
    _, five_days = daily.score(History250().predict(windows), windows)
    assert f"{five_days.crps.mean():.4f}" == "1.0715"
    assert f"{100 * five_days.held.mean():.2f}" == "87.32"
