"""The future is not reachable: for every network, nothing after t changes what is said at t."""

from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from synthetic import autoregressive_bars, calendar_of, random_walk_bars

from forecast_cli.arrays import DateArray1D
from forecast_cli.config import NetworkName, model_config
from forecast_cli.data.bars import Bars
from forecast_cli.data.covariates import covariate
from forecast_cli.data.sessions import calendar_between
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError
from forecast_cli.evaluation.folds import Fold, FoldPlan, audit, cut_folds
from forecast_cli.evaluation.forecaster import Forecaster
from forecast_cli.evaluation.walk_forward import Candidate, walk_forward
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.indicators import covariate_features
from forecast_cli.features.market import Market
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.keras_forecaster import KerasForecaster
from forecast_cli.schema import PRICE_COLUMNS
from forecast_cli.workflows.backtest import backtest
from forecast_cli.workflows.entries import NETWORK_NAMES
from forecast_cli.workflows.predict import REPORTED_LEVELS, SymbolForecast, predict
from forecast_cli.workflows.train import train

HORIZONS = (1, 3)
PLAN = FoldPlan(folds=2, test_start=np.datetime64("2003-09-10"))
# not aligned to weeks, months or folds: an aligned date may miss a leak
ODD_DATES = [
    np.datetime64(day)
    for day in ("2003-09-12", "2003-10-09", "2003-11-18", "2004-01-06", "2004-02-20")
]

every_network = pytest.mark.parametrize("network", NETWORK_NAMES)


@lru_cache(maxsize=1)
def _forecaster(network: NetworkName) -> Forecaster:
    """Compiled once per network; a fit starts afresh, which test_trainer.py shows."""
    return KerasForecaster(model_config(network, horizons=HORIZONS, lookback=8, epochs=4))


def _series() -> list[Bars]:
    # an edge to learn: a network that stays at the naive forecast would hide a leak
    return [autoregressive_bars(f"S{i}", 840, seed=i, coefficient=0.5) for i in range(3)]


def _windows(series: list[Bars]) -> Windows:
    config = model_config("linear", horizons=HORIZONS, lookback=8)
    return build_windows(series, horizons=HORIZONS, lookback=8, features=config.features)


def _walk(network: NetworkName, series: list[Bars]) -> tuple[list[Fold], Forecasts]:
    folds = list(cut_folds(_windows(series), PLAN))
    candidate = Candidate(name=network, make=lambda: _forecaster(network), calibration="adaptive")
    return folds, walk_forward(candidate, folds)


def _garbage_after(bars: Bars, last: np.datetime64) -> Bars:
    """The same dates, with everything after `last` reversed, multiplied by 7 and shaken."""
    known = bars.timestamp <= last
    factor = np.where(np.arange(len(bars)) % 3 == 0, 7.0, 70.0)
    columns = {
        name: np.where(known, getattr(bars, name), getattr(bars, name)[::-1] * factor)
        for name in (*PRICE_COLUMNS, "volume")
    }
    return replace(bars, **columns)


@every_network
def test_garbage_after_t_leaves_forecasts_up_to_t_bit_identical(network: NetworkName) -> None:
    """Refits, calibration and all: at five odd dates, on every symbol and horizon."""
    folds, clean = _walk(network, _series())
    assert len(folds) == 2
    for last in ODD_DATES:
        _, poisoned = _walk(network, [_garbage_after(bars, last) for bars in _series()])
        before = clean.cutoffs <= last
        assert before.sum() > 0
        np.testing.assert_array_equal(clean.cutoffs, poisoned.cutoffs)
        np.testing.assert_array_equal(clean.quantiles[before], poisoned.quantiles[before])
        np.testing.assert_array_equal(clean.p_up[before], poisoned.p_up[before])
        assert not np.array_equal(clean.quantiles[~before], poisoned.quantiles[~before])


@every_network
def test_the_network_has_left_the_naive_forecast(network: NetworkName) -> None:
    """The test above would prove nothing about a network that learnt nothing."""
    forecaster = _forecaster(network)
    assert isinstance(forecaster, KerasForecaster)
    for fold in cut_folds(_windows(_series()), PLAN):
        forecaster.fit(fold.history.train, fold.history.validation)
        assert forecaster.trainings[0].beats_untrained


def test_every_label_is_known_before_the_first_cutoff_that_follows() -> None:
    """In every fold and at every edge: train, validation, calibration, test."""
    folds = list(cut_folds(_windows(_series()), PLAN))
    assert len(folds) == 2
    for dates in map(audit, folds):
        assert dates.train_known <= dates.validation_start
        assert dates.validation_known <= dates.calibration_start
        assert dates.calibration_known <= dates.test_start


ABROAD = "^N225"
NAMES = (
    *("return", "volatility", "momentum_5", "rank_1", "volume_surprise", "weekday_cos"),
    *covariate_features(ABROAD),
    *covariate_features("mood"),
    *covariate_features("tomorrow"),
)


def _world(series: list[Bars], last: np.datetime64 | None = None) -> Market:
    """Peers, another exchange, news, and a copy of the future that is honest about its date.

    last: everything that is not known at the close of this date is garbage. `tomorrow` holds each
    next day's return of S0, dated by the close at which it is known.
    """
    abroad = random_walk_bars(ABROAD, 840, seed=8)
    news = _stamps(series[0].timestamp)
    moods = np.random.default_rng(9).normal(size=len(news))
    tomorrow = np.diff(np.log(series[0].adj_close))
    if last is not None:
        abroad = _garbage_after(abroad, last)
        moods = np.where(news <= last.astype("datetime64[us]") + CLOSE, moods, -7 * moods[::-1])
    return Market(
        peers=tuple(series),
        covariates={
            ABROAD: abroad,
            "mood": {None: covariate("mood", None, news, moods)},
            "tomorrow": {None: covariate("tomorrow", None, series[0].timestamp[1:], tomorrow)},
        },
        calendars={
            "XNYS": calendar_of(series[0].timestamp),
            "XTKS": calendar_of(abroad.timestamp, name="XTKS", hour=6),
        },
        carry=5,
    )


CLOSE = np.timedelta64(21, "h")


def _moments(days: DateArray1D, hour: int) -> DateArray1D:
    return np.array([day.astype("datetime64[us]") + np.timedelta64(hour, "h") for day in days])


def _stamps(days: DateArray1D) -> DateArray1D:
    """News at odd hours: in the night, in the session, a second after the close."""
    hours = np.array([3, 17, 21])[np.arange(len(days)) % 3]
    return np.array(
        [
            day.astype("datetime64[us]") + np.timedelta64(3600 * hour + 1, "s")
            for day, hour in zip(days, hours, strict=True)
        ]
    )


def _walk_in(world: Market, series: list[Bars]) -> Forecasts:
    windows = build_windows(series, horizons=HORIZONS, lookback=8, features=NAMES, market=world)
    config = model_config("linear", horizons=HORIZONS, lookback=8, epochs=3, features=NAMES)
    candidate = Candidate(
        name="linear", make=lambda: KerasForecaster(config), calibration="adaptive"
    )
    return walk_forward(candidate, list(cut_folds(windows, PLAN)))


def test_no_feature_and_no_covariate_reaches_the_future() -> None:
    """Garbage in all bars, peers, other exchanges and news after t: nothing said by t changes."""
    clean = _walk_in(_world(_series()), _series())
    for last in ODD_DATES[1::2]:
        garbage = [_garbage_after(bars, last) for bars in _series()]
        poisoned = _walk_in(_world(garbage, last), garbage)
        before = clean.cutoffs <= last
        np.testing.assert_array_equal(clean.cutoffs, poisoned.cutoffs)
        np.testing.assert_array_equal(clean.quantiles[before], poisoned.quantiles[before])
        assert not np.array_equal(clean.quantiles[~before], poisoned.quantiles[~before])


@pytest.mark.parametrize("dated_at", ["when it is known", "when it happens"])
def test_a_copy_of_the_future_gains_nothing_when_honestly_dated(dated_at: str) -> None:
    """The next return as a covariate: worthless from its own close on, all-knowing a day before."""
    bars = random_walk_bars("S0", 840, seed=4)
    dates = bars.timestamp[1:] if dated_at == "when it is known" else bars.timestamp[:-1]
    tomorrow = covariate("tomorrow", None, dates, np.diff(np.log(bars.adj_close)))
    windows = build_windows(
        [bars],
        horizons=(1,),
        lookback=1,
        features=("tomorrow:value",),
        market=Market(covariates={"tomorrow": {None: tomorrow}}, carry=5),
    ).known()
    correlation = np.corrcoef(windows.inputs()[:, 0, 0], windows.targets[:, 0])[0, 1]
    if dated_at == "when it is known":
        assert abs(correlation) < 0.12
    else:
        assert correlation > 0.8


class _Peeking:
    """A planted leak: forecasts the very return that is to be forecast."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """Nothing to learn when one can look."""

    def predict(self, windows: Windows) -> Forecasts:
        """The targets themselves."""
        honest = _forecaster("linear").predict(windows)
        return replace(honest, point=windows.returns)


def test_a_planted_leak_is_caught_by_the_garbage() -> None:
    """A forecaster that reads targets changes its forecasts at t when the future changes."""
    last = ODD_DATES[2]
    _walk("linear", _series())

    def points(series: list[Bars]) -> Forecasts:
        folds = list(cut_folds(_windows(series), PLAN))
        return walk_forward(Candidate(name="peeking", make=_Peeking), folds)

    clean = points(_series())
    poisoned = points([_garbage_after(bars, last) for bars in _series()])
    before = clean.cutoffs <= last
    assert not np.array_equal(clean.point[before], poisoned.point[before])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the synthetic series, and their exchange's sessions."""
    folder = tmp_path_factory.mktemp("future")
    _store_all(folder, _series())
    return folder


def _store_all(folder: Path, series: list[Bars]) -> None:
    store = BarStore(folder)
    for bars in series:
        store.write(bars)
    store.write_calendar(calendar_between("XNYS", date(2001, 1, 1), date(2006, 1, 1)))


UNTIL = date(2003, 9, 10)


@every_network
def test_predict_as_of_t_equals_the_backtest_at_t(network: NetworkName, home: Path) -> None:
    """A trained model says as of t what its own backtest, and a refitting one, say at t."""
    config = model_config(network, horizons=HORIZONS, lookback=8, epochs=4)
    name = f"{network}-parity"
    train([], config=config, home=home, name=name, until=UNTIL)
    trained = backtest([], model=name, home=home)
    refitted = backtest(
        [], model=network, home=home, plan=PLAN, horizons=HORIZONS, lookback=8, epochs=4
    )
    for moment in ("2003-09-10", "2003-09-17", "2003-10-09"):
        made = predict([], home=home, model=name, as_of=date.fromisoformat(moment)).forecasts
        assert len(made) == 6
        for tested, model in ((trained, name), (refitted, network)):
            _assert_same(made, tested.forecasts[model], np.datetime64(moment))


def _assert_same(
    made: tuple[SymbolForecast, ...], tested: Forecasts, moment: np.datetime64
) -> None:
    for forecast in made:
        row = np.flatnonzero((tested.cutoffs == moment) & (tested.symbols == forecast.symbol))
        assert len(row) == 1
        column = tested.horizons.index(forecast.horizon)
        # single precision: a batch of one rounds differently from a batch of thousands
        assert forecast.point_return == pytest.approx(float(tested.point[row[0], column]), abs=2e-7)
        assert forecast.p_up == pytest.approx(float(tested.p_up[row[0], column]), abs=2e-5)


@every_network
def test_the_price_level_means_nothing(network: NetworkName, home: Path, tmp_path: Path) -> None:
    """All prices of a symbol times 7: the same forecast returns, prices times 7."""
    name = f"{network}-parity"
    if not (home / "models" / name).exists():
        pytest.skip("needs the models that the parity test trains")
    _store_all(tmp_path, [_times_seven(bars) for bars in _series()])
    (tmp_path / "models").symlink_to(home / "models")
    before = predict([], home=home, model=name).forecasts
    after = predict([], home=tmp_path, model=name).forecasts
    assert len(before) == len(after) == 6
    for old, new in zip(before, after, strict=True):
        for level in REPORTED_LEVELS:
            assert new.quantiles[level] == pytest.approx(old.quantiles[level], abs=1e-8, rel=1e-5)
            assert new.price_quantiles[level] == pytest.approx(
                7 * old.price_quantiles[level], rel=1e-6
            )


def _times_seven(bars: Bars) -> Bars:
    return replace(bars, **{name: getattr(bars, name) * 7 for name in PRICE_COLUMNS})


def test_a_forecast_for_a_known_past_is_refused(home: Path) -> None:
    """A model is never asked about a cutoff that lies before the end of its training data."""
    with pytest.raises(BadDataError, match="would know its own future"):
        predict([], home=home, model="linear-parity", as_of=date(2003, 9, 9))
