"""The four commands, as a user or a crontab meets them."""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from conftest import SAMPLE_DATA, Run

from forecast_cli.data.store import BarStore
from forecast_cli.workflows.entries import NETWORK_NAMES

Forecast = Callable[..., Run]

FORECAST_KEYS = [
    "symbol", "interval", "cutoff", "horizon", "target_date", "last_close", "point_return",
    "point_price", "quantiles", "price_quantiles", "p_up", "model", "model_version", "position",
]  # fmt: skip
LEVELS = ["0.025", "0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95", "0.975"]


def _state(home: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of a store: content and time of the last change."""
    files = (path for path in home.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample store with a small linear model of the two indices."""
    from forecast_cli.config import model_config  # noqa: PLC0415
    from forecast_cli.workflows.train import train  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("cli") / "home"
    shutil.copytree(sample_home, folder)
    until = date(2018, 6, 29)
    train(["^GSPC", "^IXIC"], config=model_config("linear"), home=folder, until=until)
    return folder


# fetch


def test_fetch_says_what_it_found_and_stores_it(forecast: Forecast, tmp_path: Path) -> None:
    """One row per symbol with layout and price basis; one Parquet file per symbol."""
    run = forecast("fetch", "--from", SAMPLE_DATA, "--home", tmp_path)
    assert run.code == 0
    assert "3-line yfinance header" in run.out
    assert "split adjusted" in run.out
    symbols = ["AAPL", "GOOG", "IBM", "MSFT", "^GSPC", "^IXIC"]
    assert [line.split()[0] for line in run.out.splitlines()[3:9]] == symbols
    assert BarStore(tmp_path).symbols("1d") == symbols


def test_a_second_fetch_of_the_same_files_changes_no_file(
    forecast: Forecast, tmp_path: Path
) -> None:
    """Not even a time stamp."""
    forecast("fetch", "--from", SAMPLE_DATA, "--home", tmp_path)
    before = _state(tmp_path)
    run = forecast("fetch", "--from", SAMPLE_DATA, "--home", tmp_path)
    assert run.code == 0
    assert run.out.count("no change") == 6
    assert _state(tmp_path) == before


def test_the_store_is_one_table_for_pandas_duckdb_and_polars(sample_home: Path) -> None:
    """A hive layout: `interval` and `symbol` are columns, and `^GSPC` is spelt so."""
    counts = {"AAPL": 3270, "GOOG": 2148, "IBM": 3270, "MSFT": 3270, "^GSPC": 5031, "^IXIC": 5031}
    bars = sample_home / "bars"
    frame = pd.read_parquet(bars)
    assert frame.groupby("symbol", observed=True).size().to_dict() == counts
    assert set(frame["interval"]) == {"1d"}
    query = f"select symbol, count(*) from '{bars}/**/*.parquet' group by symbol"  # noqa: S608
    relation = duckdb.sql(query)
    assert relation is not None
    assert dict(relation.fetchall()) == counts
    lengths = pl.scan_parquet(bars).group_by("symbol").len().collect()
    assert dict(lengths.iter_rows()) == counts


def test_fetch_says_what_became_of_stored_bars(forecast: Forecast, tmp_path: Path) -> None:
    """A column that is there only when history changed: by a dividend, or otherwise."""
    source, home = tmp_path / "A.csv", tmp_path / "home"
    table = "Date,Open,High,Low,Close,Adj Close,Volume\n" + "".join(
        f"2024-03-{day:02},10,11,9,10.5,{{}},1000\n" for day in (4, 5, 6, 7)
    )
    shown = []
    for adjusted in ([10, 10, 10, 10], [9, 9, 9, 9.5], [9, 9, 9, 9.5]):
        source.write_text(table.format(*adjusted))
        run = forecast("fetch", "--from", source, "--home", home)
        assert run.code == 0
        shown.append(run.out)
    assert "re-adjusted by 0.9000, 1 revised" in shown[1]
    assert "history" not in shown[0]
    assert "history" not in shown[2]


def test_fetch_reports_in_json_too(forecast: Forecast, tmp_path: Path) -> None:
    """One object on stdout, and nothing else there."""
    run = forecast(
        "fetch", "--from", SAMPLE_DATA / "AAPL.csv", "--home", tmp_path, "--format", "json"
    )
    form = json.loads(run.out)
    assert form["schema_version"] == 1
    (series,) = form["series"]
    assert (series["symbol"], series["n_bars"], series["changed"]) == ("AAPL", 3270, True)
    assert form["failed"] == []


def test_one_bad_file_costs_the_others_nothing(forecast: Forecast, tmp_path: Path) -> None:
    """Exit code 3, the bad one named on stderr, the good one stored."""
    folder = tmp_path / "prices"
    folder.mkdir()
    shutil.copy(SAMPLE_DATA / "AAPL.csv", folder)
    (folder / "BAD.csv").write_text("<html>Too Many Requests</html>\n")
    run = forecast("fetch", "--from", folder, "--home", tmp_path / "home", "-q")
    assert run.code == 3
    assert run.out == ""
    assert "BAD.csv" in run.err
    assert "HTML" in run.err
    assert BarStore(tmp_path / "home").symbols("1d") == ["AAPL"]


def test_a_refused_file_leaves_the_store_as_it_was(forecast: Forecast, tmp_path: Path) -> None:
    """Bad input never changes stored state, and the message names file, line and column."""
    forecast("fetch", "--from", SAMPLE_DATA / "AAPL.csv", "--home", tmp_path)
    before = _state(tmp_path)
    lines = (SAMPLE_DATA / "AAPL.csv").read_text().splitlines()
    lines[5] = re.sub(r",[^,]+,", ",$100,", lines[5], count=1)
    bad = tmp_path / "AAPL.csv"
    bad.write_text("\n".join(lines) + "\n")
    run = forecast("fetch", "--from", bad, "--home", tmp_path)
    bad.unlink()
    assert run.code == 65
    assert "AAPL.csv" in run.err
    assert "6" in run.err
    assert "$100" in run.err
    assert _state(tmp_path) == before


# train


def test_train_says_what_was_learnt_and_where_it_lies(
    forecast: Forecast, home: Path, tmp_path: Path
) -> None:
    """Loss beside the untrained loss, a verdict, the folder; three files in it."""
    shutil.copytree(home, tmp_path / "home")
    run = forecast(
        "train", "^GSPC", "--model", "logistic", "--optimizer", "sgd", "--horizon", "1",
        "--epochs", "2", "--name", "up-or-down", "--home", tmp_path / "home", "--format", "json",
    )  # fmt: skip
    assert run.code == 0
    assert run.err == ""
    form = json.loads(run.out)
    assert form["config"]["objective"] == "logloss"
    assert form["config"]["optimizer"] == "sgd"
    assert form["model"] == "up-or-down"
    assert {path.name for path in Path(form["folder"]).iterdir()} == {
        "manifest.json", "weights.safetensors", "model.onnx",
    }  # fmt: skip
    table = forecast(
        "train", "^GSPC", "--model", "mlp", "--epochs", "1", "--home", tmp_path / "home"
    )
    for word in ("model", "learnt from", "loss", "verdict", "90 % range", "saved in"):
        assert word in table.out


# predict


def test_predict_in_json(forecast: Forecast, home: Path) -> None:
    """The documented object: all fields, all levels, quantiles ascending, prices that follow."""
    run = forecast("predict", "^GSPC", "--home", home, "--format", "json")
    assert (run.code, run.err) == (0, "")
    form = json.loads(run.out)
    assert list(form) == [
        *("schema_version", "forecasts", "failed", "stale", "stale_reason", "pinned"),
    ]
    assert form["stale"] is False
    assert form["schema_version"] == 1
    assert form["failed"] == []
    assert [forecast["horizon"] for forecast in form["forecasts"]] == [1, 5]
    first = form["forecasts"][0]
    assert list(first) == FORECAST_KEYS
    assert (first["symbol"], first["interval"]) == ("^GSPC", "1d")
    assert first["cutoff"] == "2018-12-31"
    assert first["target_date"] == "2019-01-02"  # New Year's Day is no session
    assert list(first["quantiles"]) == list(first["price_quantiles"]) == LEVELS
    returns = list(first["quantiles"].values())
    assert returns == sorted(returns)
    np.testing.assert_allclose(
        list(first["price_quantiles"].values()), first["last_close"] * np.exp(returns)
    )
    assert first["point_return"] == first["quantiles"]["0.5"]
    assert 0.01 <= first["p_up"] <= 0.99
    assert first["model"] == "linear"


def test_predict_as_of_knows_nothing_later(forecast: Forecast, home: Path) -> None:
    """The cutoff is the last bar up to that date, and the target the sessions after it."""
    run = forecast("predict", "^IXIC", "--home", home, "--as-of", "2018-07-08", "--format", "json")
    cutoffs = {(f["cutoff"], f["target_date"]) for f in json.loads(run.out)["forecasts"]}
    assert cutoffs == {("2018-07-06", "2018-07-09"), ("2018-07-06", "2018-07-13")}


def test_predict_in_every_form_says_the_same(
    forecast: Forecast, home: Path, tmp_path: Path
) -> None:
    """JSON, JSON lines, CSV and Parquet hold the same numbers."""
    arguments = ("predict", "^GSPC", "^IXIC", "--home", home)
    whole = json.loads(forecast(*arguments, "--format", "json").out)["forecasts"]
    assert len(whole) == 4
    lines = forecast(*arguments, "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == whole
    rows = list(csv.DictReader(io.StringIO(forecast(*arguments, "--format", "csv").out)))
    parquet = tmp_path / "forecasts.parquet"
    assert forecast(*arguments, "--output", parquet).code == 0
    stored = pq.read_table(parquet).to_pylist()
    for one, row, cell in zip(whole, rows, stored, strict=True):
        assert (row["symbol"], row["cutoff"]) == (one["symbol"], one["cutoff"])
        assert float(row["q0.05"]) == cell["q0.05"] == one["quantiles"]["0.05"]
        assert float(row["price_q0.95"]) == cell["price_q0.95"] == one["price_quantiles"]["0.95"]
        assert str(cell["target_date"]) == one["target_date"]


def test_predict_shows_a_range_and_what_to_think_of_it(forecast: Forecast, home: Path) -> None:
    """A row per horizon, and how often the range has held."""
    run = forecast("predict", "^GSPC", "--home", home)
    assert run.code == 0
    assert "2019-01-02" in run.out
    assert "P(up)" in run.out
    assert re.search(r"90 % range: held \d\d\.\d % \(1 bar\), .* of [\d,]+ later windows", run.out)


def test_a_symbol_without_bars_costs_the_others_nothing(forecast: Forecast, home: Path) -> None:
    """Exit code 3, the others' forecasts on stdout, the reason on stderr and in JSON."""
    run = forecast("predict", "^GSPC", "NONESUCH", "--home", home, "--format", "json")
    assert run.code == 3
    form = json.loads(run.out)
    assert {forecast["symbol"] for forecast in form["forecasts"]} == {"^GSPC"}
    assert [failure["symbol"] for failure in form["failed"]] == ["NONESUCH"]
    assert "NONESUCH: no 1d bars are stored" in run.err


def test_old_bars_are_named(forecast: Forecast, home: Path) -> None:
    """A forecast from bars that ended years before the others' is not passed over in silence."""
    run = forecast("predict", "AAPL", "^GSPC", "--home", home)
    assert run.code == 0
    assert run.err == "warning: AAPL: its last bar is of 2013-03-01, others have 2018-12-31\n"


# backtest


def test_backtest_in_json(forecast: Forecast, home: Path) -> None:
    """The documented object: folds, scores beside the naive rows, trading."""
    run = forecast(
        "backtest", "^GSPC", "^IXIC", "--home", home, "--model", "linear", "--folds", "3",
        "--test-start", "2016-01-01", "--epochs", "3", "--format", "json",
        "--strategy", "vol-target", "--strategy", "top-bottom", "--execute", "close",
        "--half-spread-bps", "2", "--borrow-rate", "0.01", "--max-turnover", "1.5",
    )  # fmt: skip
    assert (run.code, run.err) == (0, "")
    form = json.loads(run.out)
    assert form["schema_version"] == 1
    assert form["data"]["symbols"] == ["^GSPC", "^IXIC"]
    assert len(form["folds"]) == 3
    for fold in form["folds"]:
        assert {"train_start", "train_end", "test_start", "test_end", "n_train", "n_test"} <= set(
            fold
        )
        assert fold["calibration_known"] <= fold["test_start"]
    names = ["linear", "random_walk", "drift", "ewma_history", "always_up"]
    assert [(s["horizon"], s["forecaster"]) for s in form["scores"]] == [
        (horizon, name) for horizon in (1, 5) for name in names
    ]
    assert {
        "forecaster", "horizon", "n", "crps", "coverage_90", "mae", "rmse", "direction_accuracy",
        "mcc", "skill_crps", "dm_p",
    } <= set(form["scores"][0])  # fmt: skip
    assert sum(fold["n_test"] for fold in form["folds"]) == form["scores"][0]["n"]
    assert [row["strategy"] for row in form["trading"]] == [
        "linear vol-target", "linear top-bottom", "buy and hold",
    ]  # fmt: skip
    assert set(form["trading"][0]) == {
        "strategy", "cagr", "volatility", "sharpe", "max_drawdown", "turnover", "costs",
        "exposure", "hit_rate", "probabilistic_sharpe", "deflated_sharpe", "break_even_bps",
        "by_symbol",
    }  # fmt: skip
    assert form["plan"]["cost_bps"] == 7
    assert form["trading_plan"]["terms"]["execute"] == "close"
    assert form["trading_plan"]["terms"]["max_turnover"] == 1.5
    assert [(row["horizon"], row["level"]) for row in form["risk"]] == [
        (horizon, level) for horizon in (1, 5) for level in (0.95, 0.99)
    ]
    assert all(0 <= row["kupiec_p"] <= 1 and row["breaches"] <= row["n"] for row in form["risk"])


def test_backtest_does_not_depend_on_jobs(forecast: Forecast, home: Path) -> None:
    """One process or two: the same bytes."""
    arguments = (
        "backtest", "^GSPC", "--home", home, "--model", "mlp", "--folds", "2", "--epochs", "2",
        "--format", "json", "--no-cache",
    )  # fmt: skip
    assert forecast(*arguments, "--jobs", "1").out == forecast(*arguments, "--jobs", "2").out != ""


def test_costs_cost(forecast: Forecast, home: Path) -> None:
    """Higher costs, lower return, same turnover."""

    def trading(bps: str) -> dict[str, float]:
        run = forecast(
            "backtest", "^GSPC", "--home", home, "--model", "linear", "--folds", "1",
            "--horizon", "1", "--epochs", "2", "--cost-bps", bps, "--format", "json",
        )  # fmt: skip
        row: dict[str, float] = json.loads(run.out)["trading"][0]
        return row

    free, dear = trading("0"), trading("50")
    assert free["costs"] == 0
    assert dear["costs"] > 0
    assert dear["cagr"] < free["cagr"]
    assert dear["turnover"] == pytest.approx(free["turnover"], rel=0.02)


def test_positions_are_trained_printed_and_traded(
    forecast: Forecast, home: Path, tmp_path: Path
) -> None:
    """--objective sharpe: a position beside a range from predict, a strategy in backtest."""
    shutil.copytree(home / "bars", tmp_path / "bars")
    shutil.copytree(home / "calendars", tmp_path / "calendars")
    objective = ("--objective", "sharpe", "--horizon", "1", "--epochs", "2", "--seeds", "2")
    run = forecast(
        "train", "^GSPC", "--model", "mlp", "--name", "trader", "--home", tmp_path, *objective,
        "--cost-bps", "2", "--units", "4", "--optimizer", "adamw", "--weight-decay", "0.01",
        "--format", "json",
    )  # fmt: skip
    assert run.code == 0, run.err
    config = json.loads(run.out)["config"]
    assert (config["objective"], config["cost_bps"], config["seeds"]) == ("sharpe", 2, 2)
    assert (config["units"], config["weight_decay"]) == (4, 0.01)
    arguments = ("predict", "^GSPC", "--model", "trader", "--home", tmp_path)
    (made,) = json.loads(forecast(*arguments, "--format", "json").out)["forecasts"]
    assert -1 <= made["position"] <= 1
    assert made["quantiles"]["0.05"] < 0 < made["quantiles"]["0.95"]
    (row,) = csv.DictReader(io.StringIO(forecast(*arguments, "--format", "csv").out))
    assert float(row["position"]) == made["position"]
    assert f"{made['position']:+.2f}" in forecast(*arguments).out
    run = forecast(
        "backtest", "^GSPC", "--model", "mlp", "--home", tmp_path, *objective, "--folds", "1",
        "--units", "4", "--format", "json",
    )  # fmt: skip
    assert run.code == 0, run.err
    form = json.loads(run.out)
    assert form["config"]["cost_bps"] == 5
    assert form["trading"][0]["strategy"] == "mlp position"
    assert form["verdict"].startswith("mlp position: ")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--learning-rate", "nan"], "'--learning-rate': Input should be"),
        (["--weight-decay", "-1"], "'--weight-decay': Input should be greater than or equal to 0"),
        (["--dropout", "nan"], "'--dropout': Input should be"),
        (["--dropout", "0.95"], "'--dropout': Input should be less than or equal to 0.9"),
        (["--filters", "8"], "mlp has no filters"),
        (["--units", "0"], "--units"),
        (["--seeds", "33"], "--seeds"),
        (["--time-budget", "nan"], "'nan' is not a number of seconds above 0"),
        (["--cost-bps", "5"], "cost_bps belongs to the objective sharpe"),
        (["--objective", "profit"], "--objective"),
    ],
)
def test_a_setting_out_of_range_is_a_usage_error(
    forecast: Forecast, tmp_path: Path, options: list[str], says: str
) -> None:
    """Exit code 2 before anything is read, and what was expected."""
    run = forecast("train", "--model", "mlp", "--home", tmp_path, *options)
    assert run.code == 2
    assert says in run.err


def test_a_trained_model_is_tested_as_it_stands(
    forecast: Forecast, home: Path, tmp_path: Path
) -> None:
    """On what came after its training data, with one fold and no refit; a page comes with it."""
    shutil.copytree(home / "bars", tmp_path / "bars")
    shutil.copytree(home / "models" / "linear", tmp_path / "models" / "linear")
    version = (tmp_path / "models" / "linear" / "LATEST").read_text().strip()
    # a network's name always means the network: the trained model gets a name of its own
    shutil.move(tmp_path / "models" / "linear", tmp_path / "models" / "mine")
    manifest = tmp_path / "models" / "mine" / version / "manifest.json"
    form = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(form | {"name": "mine"}))
    page = tmp_path / "page.html"
    run = forecast(
        "backtest", "^GSPC", "^IXIC", "--home", tmp_path, "--model", "mine", "--format", "json",
        "--report", page,
    )  # fmt: skip
    assert run.code == 0
    result = json.loads(run.out)
    (fold,) = result["folds"]
    assert fold["test_start"] == "2018-06-29"
    assert result["model"] == "mine"
    assert (
        f"forecast backtest &#39;^GSPC&#39; &#39;^IXIC&#39; --home {tmp_path}" in page.read_text()
    )
    (found,) = result["data"]["findings"]["^IXIC"]
    assert found["code"] == "zero_volume"
    refused = forecast("backtest", "--home", tmp_path, "--model", "mine", "--folds", "3")
    assert refused.code == 2
    assert "tested as it stands" in refused.err


def test_several_models_meet_the_same_windows(forecast: Forecast, home: Path) -> None:
    """A lookback of 40 bars beside one of 1: the same folds, windows and naive rows for both."""
    run = forecast(
        "backtest", "^GSPC", "--home", home, "--model", "linear", "--model", "cnn", "--folds", "2",
        "--test-start", "2017-01-03", "--epochs", "2", "--format", "json",
    )  # fmt: skip
    assert (run.code, run.err) == (0, "")
    form = json.loads(run.out)
    assert {entry["model"]: entry["config"]["lookback"] for entry in form["models"]} == {
        "linear": 1, "cnn": 40,
    }  # fmt: skip
    names = ["linear", "cnn", "random_walk", "drift", "ewma_history", "always_up"]
    assert [score["forecaster"] for score in form["scores"]] == names * 2
    n_tested = sum(fold["n_test"] for fold in form["folds"])
    assert {score["n"] for score in form["scores"]} == {n_tested}
    # the first 39 windows of the shorter lookback are left out, in training, too
    assert form["folds"][0]["train_start"] > "1999-07-01"

    scores = {(score["forecaster"], score["horizon"]): score for score in form["scores"]}
    for places in form["leaderboard"]:
        first, second = (scores[place["forecaster"], places["horizon"]]
                         for place in places["models"])  # fmt: skip
        assert first["crps"] <= second["crps"]
    assert form["model"] in {"linear", "cnn"}
    assert form["trading"][0]["strategy"] == f"{form['model']} sign"
    for contest in form["contests"]:
        assert contest["measure"] == "crps"
        assert set(contest["mcs_p"]) == set(names) - {"always_up"}
        assert 0 <= contest["spa_p"] <= 1
    assert form["verdict"].count(", the best of 2,") == 2


def test_the_form_of_a_score_says_how_sure_it_is(forecast: Forecast, home: Path) -> None:
    """Intervals, each naive row, ranges by regime: all under names of their own, nothing NaN."""
    run = forecast(
        "backtest", "^GSPC", "--home", home, "--model", "linear", "--folds", "1", "--horizon", "1",
        "--test-start", "2018-01-03", "--epochs", "1", "--format", "json",
    )  # fmt: skip
    score, *_ = json.loads(run.out)["scores"]
    low, high = score["intervals"]["crps"]
    assert low < score["crps"] < high
    assert [row["row"] for row in score["against"]] == [
        "random_walk", "drift", "ewma_history", "always_up",
    ]  # fmt: skip
    assert [held["level"] for held in score["ranges"]] == [0.5, 0.8, 0.9, 0.95]
    assert [of["regime"] for of in score["ranges"][0]["regimes"]] == ["calm", "middle", "wild"]
    assert set(score["pinball"]) == {"0.01", "0.05", "0.95", "0.99"}
    assert sum(score["pit_histogram"]) == pytest.approx(1)
    assert score["mase"] > 0
    assert score["theil_u"] > 0
    assert score["detectable_skill"] is None or score["detectable_skill"] > 0


def test_a_leaderboard_fits_eighty_columns(
    forecast: Forecast, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Best first, under the scores; the verdict names the best. A model named twice is one."""
    monkeypatch.setenv("COLUMNS", "80")
    run = forecast(
        "backtest", "^GSPC", "--home", home, "--model", "mlp", "--model", "linear",
        "--model", "mlp", "--folds", "1", "--test-start", "2017-01-03", "--epochs", "2",
        "--horizon", "1",
    )  # fmt: skip
    assert run.code == 0
    assert max(map(len, run.out.splitlines())) <= 80
    scores, leaderboard = run.out.split("95 % interval")
    assert scores.count(" linear ") == scores.count(" mlp ") == 1
    assert leaderboard.index("SPA, whether") < leaderboard.index("buy and hold")
    assert ", the best of 2," in leaderboard.replace("\n", " ")


def test_networks_and_trained_models_do_not_mix(forecast: Forecast, home: Path) -> None:
    """One is refitted, the other is not: no common windows, and a sentence that says so."""
    renamed = home.parent / "mixed"
    shutil.copytree(home / "bars", renamed / "bars")
    for name in ("mine", "yours"):
        shutil.copytree(home / "models" / "linear", renamed / "models" / name)
        for manifest in (renamed / "models" / name).glob("*/manifest.json"):
            form = json.loads(manifest.read_text()) | {"name": name}
            manifest.write_text(json.dumps(form))
    run = forecast("backtest", "--home", renamed, "--model", "mine", "--model", "mlp")
    assert run.code == 2
    assert "cannot be compared" in run.err
    both = forecast(
        "backtest", "^GSPC", "--home", renamed, "--model", "mine", "--model", "yours",
        "--format", "json",
    )  # fmt: skip
    assert both.code == 0
    first, second, *_ = json.loads(both.out)["scores"]
    assert (first["forecaster"], second["forecaster"]) == ("mine", "yours")
    assert first["crps"] == second["crps"]


# the main job


@pytest.mark.parametrize("network", NETWORK_NAMES)
def test_every_network_goes_through_train_predict_and_backtest(
    forecast: Forecast, sample_home: Path, tmp_path: Path, network: str
) -> None:
    """On the sample data, from the command line."""
    shutil.copytree(sample_home, tmp_path / "home")
    options = ("--model", network, "--lookback", "5", "--epochs", "2", "--home", tmp_path / "home")
    trained = forecast("train", "^GSPC", "AAPL", *options, "--format", "json")
    assert trained.code == 0
    assert json.loads(trained.out)["config"]["network"] == network
    made = forecast("predict", "^GSPC", "--home", tmp_path / "home", "--format", "json")
    assert made.code == 0
    assert {each["model"] for each in json.loads(made.out)["forecasts"]} == {network}
    tested = forecast("backtest", "^GSPC", "AAPL", *options, "--folds", "1", "--format", "json")
    assert tested.code == 0
    scores = {s["forecaster"]: s for s in json.loads(tested.out)["scores"] if s["horizon"] == 1}
    assert scores[network]["n"] == scores["ewma_history"]["n"] > 3000
    assert 0.85 < scores[network]["coverage_90"] < 0.95


def test_linear_beats_history_on_the_two_indices(forecast: Forecast, sample_home: Path) -> None:
    """The README's claim: S&P 500 and Nasdaq, tested 2014-2018, CRPS at 1 and 5 days."""
    run = forecast(
        "backtest", "^GSPC", "^IXIC", "--model", "linear", "--test-start", "2014-01-01",
        "--home", sample_home, "--format", "json",
    )  # fmt: skip
    scores = {(s["forecaster"], s["horizon"]): s for s in json.loads(run.out)["scores"]}
    for horizon in (1, 5):
        ours, history = scores["linear", horizon], scores["ewma_history", horizon]
        assert ours["crps"] < history["crps"]
        assert ours["dm_p"] < 0.05
        assert 0.88 < ours["coverage_90"] < 0.92


# wrong uses: one clear sentence and the right exit code


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["predict", "--as-of", "2018-06-28"], 65, "would know its own future"),
        (["predict", "--format", "parquet"], 2, "Parquet cannot be printed"),
        (["train", "--model", "logistic", "--objective", "mse"], 2, "logistic regression"),
        (["train", "NONESUCH", "--model", "mlp"], 66, "NONESUCH: no 1d bars are stored"),
        (["train", "^GSPC", "--model", "mlp", "--until", "1999-03-01"], 65, "long enough"),
        (["train", "^GSPC", "--model", "mlp", "--until", "1999-09-01"], 65, "at least 100"),
        (["train", "--model", "mlp", "--name", "../x"], 2, "is not a model name"),
        (["train", "--model", "mlp", "--learning-rate", "nan"], 2, "--learning-rate"),
        (["backtest", "--model", "mlp", "--test-start", "2030-01-01"], 2, "folds do not fit"),
        (["backtest", "--model", "mlp", "--folds", "900", "--refit-every", "90"], 2, "do not fit"),
        (["backtest", "^GSPC", "--model", "mlp", "--strategy", "top-bottom"], 2, "only ^GSPC"),
        (["backtest", "--model", "mlp", "--cost-bps", "nan"], 2, "less than or equal to 1000"),
        (["fetch", "--from", "/none/such.csv"], 66, "/none/such.csv"),
    ],
)  # fmt: skip
def test_a_wrong_use_gets_one_sentence(
    forecast: Forecast, home: Path, arguments: list[str], code: int, says: str
) -> None:
    """What is wrong on stderr, in at most five lines; nothing on stdout; the documented code."""
    run = forecast(*arguments, "--home", home)
    assert (run.code, run.out) == (code, "")
    assert says in run.err
    assert len(run.err.splitlines()) <= 5
    assert "Traceback" not in run.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fetsh"], "fetch"),
        (["predict", "--as-of", "01/02/2024"], "write it as 2024-12-31"),
        (["fetch"], "Usage"),
        (["backtest"], "--model"),
        (["fetch", "--from", "x", "--interval", "1h"], "daily bars only"),
    ],
)
def test_a_usage_error_is_two(forecast: Forecast, arguments: list[str], says: str) -> None:
    """Misspelt commands and options, values out of range, missing options."""
    run = forecast(*arguments)
    assert run.code == 2
    assert says in run.err + run.out


def test_an_empty_store_says_how_to_fill_it(forecast: Forecast, tmp_path: Path) -> None:
    """Exit code 66 and the command to run."""
    for command in (["train", "--model", "mlp"], ["backtest", "--model", "mlp"]):
        run = forecast(*command, "--home", tmp_path)
        assert run.code == 66
        assert "fix: forecast fetch --from" in run.err


@pytest.mark.parametrize("command", ["fetch", "train", "predict", "backtest"])
def test_help_leads_with_examples(forecast: Forecast, command: str) -> None:
    """Three runnable lines before the options, and the exit codes after them."""
    run = forecast(command, "--help")
    assert run.code == 0
    assert run.out.count(f"forecast {command} ") >= 3
    assert run.out.index(f"forecast {command} ") < run.out.index("Options")
    assert "Exit codes: 0 done" in run.out


def test_no_arguments_show_the_help(forecast: Forecast) -> None:
    """With exit code 2, as a usage error."""
    run = forecast()
    assert run.code == 2
    assert "forecast fetch --from prices/" in run.out + run.err


def test_version_names_what_it_stands_on(forecast: Forecast) -> None:
    """Its own version, TensorFlow's and Keras', and those of what it stores and prints."""
    run = forecast("--version")
    assert run.code == 0
    stands_on = r"TensorFlow [\d.]+, Keras [\d.]+; formats: bars \d+, models \d+, JSON \d+"
    assert re.fullmatch(rf"forecast \d+\.\d+\.\d+ \({stands_on}\)\n", run.out)


def test_an_internal_error_is_one_line_without_debug(
    forecast: Forecast, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1; the traceback is in a file, which is named, and shown by --debug only."""
    state = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setattr("forecast_cli.workflows.predict.predict", broken)
    run = forecast("predict", "--home", home)
    assert run.code == 1
    kept = state / "forecast" / "last-error.txt"
    assert run.err == (
        "internal error: RuntimeError: the sky fell\n"
        f"fix: report {kept}, which says where it happened\n"
    )
    assert kept.read_text().startswith("Traceback (most recent call last):\n")
    state.joinpath("forecast").rename(tmp_path / "moved")
    state.rmdir()
    state.touch()  # nowhere to write
    run = forecast("predict", "--home", home)
    assert (run.code, run.err.count("\n")) == (1, 2)
    assert "forecast --debug" in run.err


def test_target_dates_skip_weekends(forecast: Forecast, home: Path) -> None:
    """Every target date of the daily indices is a weekday after the cutoff."""
    run = forecast("predict", "--home", home, "--format", "json")
    for made in json.loads(run.out)["forecasts"]:
        target, cutoff = map(date.fromisoformat, (made["target_date"], made["cutoff"]))
        assert target.weekday() < 5
        assert timedelta(0) < target - cutoff < timedelta(14)
