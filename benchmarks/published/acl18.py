"""Up or down tomorrow, 87 American stocks, 2014 to 2015: the task known as ACL18 or stocknet.

Files: acl18/raw/*.csv and acl18/trading_dates.csv (repository fulifeng/Adv-ALSTM).

Eleven features of the last T days (Feng et al. 2019); moves between -0.5 % and +0.55 % are left
out; trained from 2014-01-02, validated from 2015-08-03, tested from 2015-10-01 to 2015-12-31. T is
chosen on validation among 5, 10 and 15 by the first three seeds, the epoch by validation accuracy,
as the authors do. Stocks move together: intervals come from resampling whole test days.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from benchmarks.published.tables import Column, mean_and_sd, print_json, print_table
from forecast_cli.arrays import BoolArray1D, DateArray1D, FloatArray1D, FloatArray2D
from forecast_cli.config import NetworkName, model_config
from forecast_cli.data.bars import Bars
from forecast_cli.data.reader import read_file
from forecast_cli.models.backend import keras
from forecast_cli.models.networks import Standardize, build_body

VALIDATION: Final = np.datetime64("2015-08-03")
TEST: Final = np.datetime64("2015-10-01")
FIRST: Final = np.datetime64("2014-01-02")
LOOKBACKS: Final = (5, 10, 15)
MEANS: Final = (5, 10, 15, 20, 25, 30)
UP, DOWN = 0.0055, -0.005
NETWORKS_TESTED: Final[tuple[NetworkName, ...]] = ("logistic", "mlp", "cnn", "lstm")
COLUMNS: Final = (
    Column("T", "lookback", 0),
    Column("accuracy", "accuracy", 2),
    Column("sd", "accuracy_sd", 2),
    Column("se days", "accuracy_se", 2),
    Column("MCC", "mcc", 4),
    Column("sd", "mcc_sd", 4),
    Column("se days", "mcc_se", 4),
    Column("valid.", "validation", 2),
)
PUBLISHED: Final = (
    "published (accuracy, MCC): LSTM 53.18 +- 0.5, 0.0674 +- 0.005; ALSTM 54.90 +- 0.7, 0.1043",
    "+- 0.007; ALSTM in the authors' log 53.71, 0.0938; StockNet 54.96, 0.0165;",
    "Adv-ALSTM 57.20, 0.1483",
)
_BATCH: Final = 1024
_EPOCHS: Final = 25
_LEARNING_RATE: Final = 0.003
_RESAMPLES: Final = 2000
_ROUNDING: Final = 1e-9
_TRIED: Final = 3
"""Seeds by which the look-back is chosen."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Ticker-days with a target that counts.

    inputs: shape (n, lookback, 11), per cent. up: shape (n,). days: shape (n,), the target's date.
    """

    inputs: FloatArray2D
    up: BoolArray1D
    days: DateArray1D

    def take(self, which: BoolArray1D) -> "Samples":
        """Some of them."""
        return Samples(self.inputs[which], self.up[which], self.days[which])

    def parts(self) -> tuple["Samples", "Samples", "Samples"]:
        """Train, validation and test, by the target's date."""
        days = self.days
        return (
            self.take((days >= FIRST) & (days < VALIDATION)),
            self.take((days >= VALIDATION) & (days < TEST)),
            self.take(days >= TEST),
        )


def features(bars: Bars) -> FloatArray2D:
    """The eleven features on a ticker's own rows, shape (n_bars, 11); NaN where not yet known."""
    close, adjusted = bars.close, bars.adj_close
    columns = [price / close - 1 for price in (bars.open, bars.high, bars.low)]
    columns += [np.append(np.nan, price[1:] / price[:-1] - 1) for price in (close, adjusted)]
    for length in MEANS:
        means = np.full(len(bars), np.nan)
        means[length - 1 :] = np.lib.stride_tricks.sliding_window_view(adjusted, length).mean(
            axis=1
        )
        columns.append(means / adjusted - 1)
    table: FloatArray2D = 100 * np.column_stack(columns)
    return table


def samples(data: Path, lookback: int) -> Samples:
    """All samples of all tickers, ticker after ticker."""
    folder = data / "acl18"
    lines = (folder / "trading_dates.csv").read_text().split()
    dates: DateArray1D = np.array(lines, dtype="datetime64[D]")
    inputs, up, days = [], [], []
    for path in sorted((folder / "raw").glob("*.csv")):
        (read,) = read_file(path, today=date.today())  # noqa: DTZ011 - the reader's own day
        table = features(read.bars)
        aligned = np.full((len(dates), table.shape[1]), np.nan)
        _, there, here = np.intersect1d(dates, read.bars.timestamp, return_indices=True)
        aligned[there] = table[here]
        move = aligned[:, 4] / 100
        known = np.isfinite(aligned).all(axis=1)
        run = np.convolve(known, np.ones(lookback), "valid")[:-1] == lookback
        targets = lookback + np.flatnonzero(run)
        targets = targets[(move[targets] >= UP) | (move[targets] <= DOWN)]
        inputs.append(aligned[targets[:, None] + np.arange(-lookback, 0)])
        up.append(move[targets] >= UP)
        days.append(dates[targets])
    return Samples(np.concatenate(inputs), np.concatenate(up), np.concatenate(days))


def rules(train: Samples, test: Samples) -> dict[str, BoolArray1D]:
    """What one line of thought says about each test sample."""
    newest = test.inputs[:, -1]
    changes = np.log1p(test.inputs[:, -10:, 4] / 100).sum(axis=1)
    above_mean = newest[:, -1] < 0
    return {
        "majority of train": np.full(len(test.up), train.up.mean() > 0.5),  # noqa: PLR2004 - half
        "10-day trend goes on": changes > -_ROUNDING,
        "10-day trend turns": changes <= -_ROUNDING,
        "above 30-day mean: up": above_mean,
        "below 30-day mean: up": ~above_mean,
        "yesterday turned": newest[:, 4] <= 0,
    }


class Direction:
    """A network body under a sigmoid that starts at even odds."""

    def __init__(self, network: NetworkName, seed: int) -> None:
        self.network, self.seed = network, seed

    def fit(self, train: Samples, validation: Samples) -> float:
        """Train, and keep the epoch of the best validation accuracy, which is returned."""
        keras.utils.set_random_seed(self.seed)
        standardize = Standardize()
        inputs = keras.Input(train.inputs.shape[1:])
        body = build_body(standardize(inputs), model_config(self.network))
        p_up = keras.layers.Dense(1, activation="sigmoid", kernel_initializer="zeros")(body)
        seen = train.inputs.reshape(-1, train.inputs.shape[-1])
        standardize.mean.assign(seen.mean(axis=0))
        standardize.deviation.assign(seen.std(axis=0))
        self.model = keras.Model(inputs, p_up)
        self.model.compile(keras.optimizers.Adam(_LEARNING_RATE), "binary_crossentropy")
        best, kept = 0.0, self.model.get_weights()
        for _ in range(_EPOCHS):
            self.model.fit(train.inputs, train.up[:, None], batch_size=_BATCH, verbose=0)
            accuracy = float((self.says_up(validation) == validation.up).mean())
            if accuracy > best:
                best, kept = accuracy, self.model.get_weights()
        self.model.set_weights(kept)
        return best

    def says_up(self, of: Samples) -> BoolArray1D:
        """Whether P(up) is above one half."""
        said: BoolArray1D = self.model.predict(of.inputs, batch_size=4096, verbose=0)[:, 0] > 0.5  # noqa: PLR2004 - even odds
        return said


def judged(said: Sequence[BoolArray1D], test: Samples) -> dict[str, Any]:
    """Accuracy and MCC over runs, with deviations over runs and errors over days."""
    days, of_day = np.unique(test.days, return_inverse=True)
    # per run and day: hits up, hits down, false ups, false downs
    kinds = [(one & test.up, ~one & ~test.up, one & ~test.up, ~one & test.up) for one in said]
    counts = np.array([[np.bincount(of_day, kind, len(days)) for kind in run] for run in kinds])
    totals = counts.sum(axis=2)
    weights = np.random.default_rng(0).multinomial(
        len(days), np.full(len(days), 1 / len(days)), _RESAMPLES
    )
    resampled = np.einsum("rkd,sd->srk", counts, weights)
    accuracy, accuracy_sd = mean_and_sd(list(100 * _accuracy(totals)))
    mcc, mcc_sd = mean_and_sd(list(_mcc(totals)))
    return {
        "seeds": len(said),
        "accuracy": accuracy,
        "accuracy_sd": accuracy_sd,
        "accuracy_se": float(100 * _accuracy(resampled).mean(axis=1).std()),
        "mcc": mcc,
        "mcc_sd": mcc_sd,
        "mcc_se": float(_mcc(resampled).mean(axis=1).std()),
    }


def _accuracy(counts: FloatArray2D) -> FloatArray1D:
    right: FloatArray1D = counts[..., :2].sum(axis=-1) / counts.sum(axis=-1)
    return right


def _mcc(counts: FloatArray2D) -> FloatArray1D:
    up, down, false_up, false_down = np.moveaxis(counts.astype(np.float64), -1, 0)
    product = (up + false_up) * (up + false_down) * (down + false_up) * (down + false_down)
    correlation = np.zeros_like(product)
    np.divide(
        up * down - false_up * false_down, np.sqrt(product), out=correlation, where=product > 0
    )
    return correlation


def main() -> None:
    """Fit, choose, score and print."""
    parser = argparse.ArgumentParser(description="The table acl18.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--network", action="append", help="repeat for several", default=None)
    chosen = parser.parse_args()
    parts = {lookback: samples(chosen.data, lookback).parts() for lookback in LOOKBACKS}
    train, _, test = parts[10]
    rows: list[dict[str, Any]] = [
        {"row": name, **judged([said], test)} for name, said in rules(train, test).items()
    ]
    rows += [
        {"row": network, **run(network, parts, chosen.seeds)}
        for network in cast("Sequence[NetworkName]", chosen.network or NETWORKS_TESTED)
    ]
    sizes = ", ".join(
        f"T {lookback}: {'/'.join(str(len(part.up)) for part in of)}"
        for lookback, of in parts.items()
    )
    title = f"acl18: {len(np.unique(test.days))} test days; train/validation/test {sizes}"
    print_table(title, rows, COLUMNS, published=PUBLISHED)
    print_json({"study": "acl18", "title": title, "rows": rows})


def run(
    network: NetworkName,
    parts: Mapping[int, tuple[Samples, Samples, Samples]],
    n_seeds: int,
) -> dict[str, Any]:
    """Choose the look-back on validation, then score all seeds with it."""
    tried = {
        lookback: [fitted(network, seed, of) for seed in range(min(_TRIED, n_seeds))]
        for lookback, of in parts.items()
    }
    best = max(tried, key=lambda lookback: np.mean([found for _, found in tried[lookback]]))
    fits = [*tried[best], *(fitted(network, seed, parts[best]) for seed in range(_TRIED, n_seeds))]
    return {
        "lookback": best,
        "validation": float(100 * np.mean([found for _, found in fits])),
        **judged([said for said, _ in fits], parts[best][2]),
    }


def fitted(
    network: NetworkName, seed: int, parts: tuple[Samples, Samples, Samples]
) -> tuple[BoolArray1D, float]:
    """What one fit says about the test samples, and its validation accuracy."""
    train, validation, test = parts
    forecaster = Direction(network, seed)
    accuracy = forecaster.fit(train, validation)
    return forecaster.says_up(test), accuracy


if __name__ == "__main__":
    main()
