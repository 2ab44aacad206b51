"""A model with covariates and ranks, from the command line: it is trained, tested and asked."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from synthetic import autoregressive_bars, random_walk_bars
from typer.testing import CliRunner

from forecast_cli.cli.app import app
from forecast_cli.config import model_config
from forecast_cli.data.covariates import CovariateStore, covariate
from forecast_cli.data.fingerprint import fingerprint, is_revised
from forecast_cli.data.sessions import calendar_between
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError, MissingInputError
from forecast_cli.features.market import Market
from forecast_cli.models.artifact import ModelStore
from forecast_cli.workflows.backtest import backtest
from forecast_cli.workflows.market import late_covariates, read_market
from forecast_cli.workflows.models import verify
from forecast_cli.workflows.predict import predict
from forecast_cli.workflows.reading import windows_of

UNTIL = "2003-09-10"
OPTIONS = (
    *("--features", "return,volatility,rank_21", "--features", "volume_surprise"),
    *("--covariate", "^VIX,^N225", "--covariate", "mood", "--carry", "3"),
    *("--horizon", "1", "--lookback", "5"),
)
VIX = random_walk_bars("^VIX", 840, seed=11, clustering=True)


def _fill(home: Path) -> None:
    store = BarStore(home)
    series = [autoregressive_bars(f"S{i}", 840, seed=i, coefficient=0.4) for i in range(3)]
    for bars in (*series, VIX, random_walk_bars("^N225", 840, seed=12)):
        store.write(bars)
    for calendar in ("XNYS", "XTKS"):
        store.write_calendar(calendar_between(calendar, date(2000, 12, 1), date(2006, 1, 1)))
    news = VIX.timestamp[40::2].astype("datetime64[us]")
    moods = np.random.default_rng(3).normal(size=len(news))
    CovariateStore(home).write(covariate("mood", None, news, moods))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three symbols, two other series, news, and a model that knows all of them."""
    folder = tmp_path_factory.mktemp("market")
    _fill(folder)
    return folder


@pytest.fixture(scope="module")
def _trained(home: Path) -> None:
    arguments = ["train", "S0", "S1", "S2", "--model", "linear", "--epochs", "2", *OPTIONS]
    done = CliRunner().invoke(
        app, [*arguments, "--name", "seeing", "--until", UNTIL, "--home", str(home)]
    )
    assert done.exit_code == 0, done.output


@pytest.mark.usefixtures("_trained")
def test_the_manifest_names_features_and_covariates(home: Path) -> None:
    """What predict and backtest build is what the model was trained on."""
    manifest = ModelStore(home).open("seeing").manifest
    assert manifest.config.features == (
        *("return", "volatility", "rank_21", "volume_surprise"),
        *("^VIX:return", "^VIX:level", "^VIX:volatility"),
        *("^N225:return", "^N225:level", "^N225:volatility"),
        *("mood:value", "mood:change"),
    )
    assert manifest.config.carry == 3
    assert {"S0", "^VIX", "^N225", "mood of every symbol"} <= manifest.learnt.keys()


@pytest.mark.usefixtures("_trained")
def test_predict_says_as_of_t_what_a_backtest_says_at_t(home: Path) -> None:
    """Ranks and covariates included, although predict builds one window and asks for one symbol."""
    tested = backtest(["S0", "S1", "S2"], model="seeing", home=home).forecasts["seeing"]
    for moment in ("2003-09-17", "2003-10-09", "2004-01-06"):
        (made,) = predict(
            ["S1"], home=home, model="seeing", as_of=date.fromisoformat(moment)
        ).forecasts
        row = (tested.cutoffs == np.datetime64(moment)) & (tested.symbols == "S1")
        assert made.p_up == pytest.approx(tested.p_up[row, 0].item(), abs=2e-5)
        assert made.point_return == pytest.approx(tested.point[row, 0].item(), abs=2e-7)


@pytest.mark.usefixtures("_trained")
def test_predict_and_backtest_from_the_command_line(
    home: Path, forecast: Callable[..., Run]
) -> None:
    """A trained model needs no options; a network takes the same ones as train."""
    made = forecast("predict", "S0", "--model", "seeing", "--home", home)
    assert (made.code, made.err) == (0, "")
    tested = forecast(
        *("backtest", "S0", "S1", "--model", "linear", "--epochs", "1", "--folds", "1"),
        *(*OPTIONS, "--format", "json", "--home", home),
    )
    assert (tested.code, tested.err) == (0, "")
    assert json.loads(tested.out)["config"]["features"][-1] == "mood:change"


@pytest.mark.usefixtures("_trained")
def test_a_revised_covariate_makes_the_model_stale(home: Path, tmp_path: Path) -> None:
    """As revised bars do: it is named, and how to train again."""
    _fill(tmp_path)
    (tmp_path / "models").symlink_to(home / "models")
    assert predict(["S0"], home=tmp_path, model="seeing").stale_reason is None
    wrong = VIX.adj_close.copy()
    wrong[300] *= 1.05
    BarStore(tmp_path).write(replace(VIX, adj_close=wrong))
    moods = covariate("mood", None, VIX.timestamp[40:41].astype("datetime64[us]"), np.ones(1))
    CovariateStore(tmp_path).write(moods)
    result = predict(["S0"], home=tmp_path, model="seeing")
    assert result.revised == ("^VIX", "mood of every symbol")
    assert "bars of ^VIX, mood of every symbol" in str(result.stale_reason)
    with pytest.raises(BadDataError, match=r"mood of every symbol have been revised"):
        verify("seeing", home=tmp_path)


@pytest.mark.usefixtures("_trained")
def test_a_model_with_covariates_can_be_verified(home: Path) -> None:
    """Trained again on the same bars and covariates it has the same weights."""
    manifest = ModelStore(home).open("seeing").manifest
    assert (
        verify("seeing", home=home).weights_sha256 == manifest.files["weights.safetensors"].sha256
    )


@pytest.mark.usefixtures("_trained")
def test_what_predict_lacks_is_named(home: Path, tmp_path: Path) -> None:
    """A peer, a covariate, closing times: what is missing, and how to get it."""
    _fill(tmp_path)
    (tmp_path / "models").symlink_to(home / "models")
    store = BarStore(tmp_path)
    (tmp_path / "calendars" / "XTKS.parquet").unlink()
    with pytest.raises(MissingInputError, match="the closing times of XTKS, which are not stored"):
        predict(["S0"], home=tmp_path, model="seeing")
    CovariateStore(tmp_path).path("mood", None).unlink()
    with pytest.raises(MissingInputError, match="covariate mood: no values are stored"):
        predict(["S0"], home=tmp_path, model="seeing")
    store.path("^VIX", "1d").unlink()
    with pytest.raises(MissingInputError, match="covariate \\^VIX: no bars are stored"):
        predict(["S0"], home=tmp_path, model="seeing")
    store.write(VIX)
    store.path("S2", "1d").unlink()
    CovariateStore(tmp_path).write(covariate("mood", None, VIX.timestamp, np.ones(840)))
    with pytest.raises(MissingInputError, match="and no bars of S2 are stored"):
        predict(["S0"], home=tmp_path, model="seeing")


@pytest.mark.usefixtures("_trained")
def test_a_covariate_that_ended_is_neutral_and_said(home: Path, tmp_path: Path) -> None:
    """Carried over three sessions, then it counts for nothing, and predict says so."""
    _fill(tmp_path)
    (tmp_path / "models").symlink_to(home / "models")
    BarStore(tmp_path).write(VIX.take(slice(0, 836)))
    result = predict(["S0", "S1"], home=tmp_path, model="seeing")
    (said,) = result.unheard
    assert said == (
        "covariate ^VIX: its last value is more than 3 sessions old and counts for nothing (S0, S1)"
    )
    BarStore(tmp_path).write(VIX.take(slice(0, 837)))
    assert predict(["S0"], home=tmp_path, model="seeing").unheard == ()


@pytest.mark.usefixtures("_trained")
def test_a_symbol_whose_covariate_is_not_known_yet_fails_alone(home: Path, tmp_path: Path) -> None:
    """The others are forecast; where none can be, its error is raised."""
    _fill(tmp_path)
    (tmp_path / "models").symlink_to(home / "models")
    own = covariate("mood", "S0", VIX.timestamp.astype("datetime64[us]"), np.ones(840))
    CovariateStore(tmp_path).write(own)
    CovariateStore(tmp_path).path("mood", None).unlink()
    result = predict(["S1", "S0"], home=tmp_path, model="seeing")
    assert [made.symbol for made in result.forecasts] == ["S0"]
    assert [failure.symbol for failure in result.failed] == ["S1"]
    with pytest.raises(BadDataError, match="S1: covariates of model seeing have no value"):
        predict(["S1"], home=tmp_path, model="seeing")


def test_a_covariate_that_starts_late_is_said(home: Path) -> None:
    """It leaves fewer windows; from when on there are any is told."""
    store = BarStore(home)
    series = [store.read("S0", "1d")]
    config = model_config("linear", features=("return", "^VIX:return"))
    early = read_market(store, config, series, peers=series)
    assert late_covariates(early, series, config) == ()
    late = replace(early, covariates={"^VIX": VIX.take(slice(200, None))})
    (said,) = late_covariates(late, series, config)
    assert said == f"covariate ^VIX is known from {VIX.timestamp[300]} on: no window ends earlier"
    without = replace(early, covariates={"mood": {}})
    assert late_covariates(without, series, config) == ("covariate mood has no value for S0",)


def test_a_covariate_that_leaves_no_window_is_blamed(home: Path) -> None:
    """Not the bars, of which there are enough."""
    series = [BarStore(home).read("S0", "1d")]
    config = model_config("linear", features=("return", "^VIX:return"))
    short = Market(covariates={"^VIX": VIX.take(slice(100))})
    with pytest.raises(BadDataError, match=r"\^VIX: no value is known where a window"):
        windows_of(series, config, short)


def test_fingerprints_of_values_tell_a_revision_from_news() -> None:
    """Later values are news; another value, or one more before, is a revision."""
    days, values = VIX.timestamp[:50], np.arange(50.0)
    learnt = fingerprint(covariate("mood", None, days[:40], values[:40]))
    assert not is_revised(covariate("mood", None, days, values), learnt)
    assert is_revised(covariate("mood", None, days, np.where(values == 7, 9.0, values)), learnt)
    assert is_revised(covariate("mood", None, np.delete(days, 7), np.delete(values, 7)), learnt)


def test_features_are_listed(forecast: Callable[..., Run]) -> None:
    """By name, with the default ones marked, as table and as JSON."""
    table = forecast("features")
    assert (table.code, table.err) == (0, "")
    assert "momentum_252" in table.out
    listed = json.loads(forecast("features", "--format", "json").out)["features"]
    assert sum(feature["default"] for feature in listed) == 10
    assert {"name": "rank_21", "default": False, "warm_up": 21}.items() <= listed[23].items()


def test_a_feature_that_does_not_exist_is_refused_at_once(
    forecast: Callable[..., Run], tmp_path: Path
) -> None:
    """Before anything is read."""
    done = forecast("train", "--model", "mlp", "--features", "return,moon", "--home", tmp_path)
    assert done.code == 65
    assert "unknown feature moon" in done.err
