"""Results as Arrow and pandas tables: flat rows, one type per column."""

from pathlib import Path

import pyarrow as pa
import pytest

from forecast_cli.config import model_config
from forecast_cli.evaluation.folds import FoldPlan
from forecast_cli.workflows.backtest import backtest
from forecast_cli.workflows.backtest_result import BacktestResult
from forecast_cli.workflows.predict import PredictResult, predict
from forecast_cli.workflows.tables import to_arrow, to_csv
from forecast_cli.workflows.train import train


@pytest.fixture(scope="module")
def predicted(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> PredictResult:
    """Forecasts of two symbols at two horizons."""
    home = tmp_path_factory.mktemp("tables")
    for name in ("bars", "calendars"):
        (home / name).symlink_to(sample_home / name)
    train(["AAPL", "IBM"], config=model_config("linear", epochs=1), home=home)
    return predict(["AAPL", "IBM"], home=home)


@pytest.fixture(scope="module")
def tested(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    """One fold of one symbol at one horizon."""
    home = tmp_path_factory.mktemp("tables")
    for name in ("bars", "calendars"):
        (home / name).symlink_to(sample_home / name)
    plan = FoldPlan(folds=1)
    return backtest(
        ["AAPL"], model="linear", home=home, plan=plan, canaries=False, horizons=(1,), epochs=1
    )


def test_forecasts_are_a_row_per_symbol_and_horizon(predicted: PredictResult) -> None:
    """With dates as dates, quantiles in columns, and nulls where no position is taken."""
    frame = predicted.to_pandas()
    assert len(frame) == len(predicted.forecasts) == 4
    assert frame["symbol"].tolist() == ["AAPL", "AAPL", "IBM", "IBM"]
    assert frame["horizon"].tolist() == [1, 5, 1, 5]
    assert frame["cutoff"].dtype.kind == frame["target_date"].dtype.kind == "M"
    first = predicted.forecasts[0]
    assert frame["q0.05"][0] == first.quantiles[0.05]
    assert frame["price_q0.95"][0] == first.price_quantiles[0.95]
    assert frame["position"].isna().all()
    assert predicted.to_arrow().schema.field("symbol").type == pa.string()


def test_scores_are_a_row_per_horizon_and_forecaster(tested: BacktestResult) -> None:
    """Numbers as they stand in the result, null where undefined; tables in it are left out."""
    frame = tested.to_pandas()
    names = [score.forecaster for score in tested.scores]
    assert frame["forecaster"].tolist() == names
    assert frame["crps"][0] == tested.scores[0].crps
    assert frame["crps"].isna().tolist() == [score.crps is None for score in tested.scores]
    assert frame["naive"].tolist() == [score.naive for score in tested.scores]
    assert not {"ranges", "against", "reliability"} & set(frame.columns)


def test_no_rows_are_no_table() -> None:
    """Without a row nothing says which columns there are."""
    assert not to_csv([])
    with pytest.raises(IndexError):
        to_arrow([])
