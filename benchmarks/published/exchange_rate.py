"""Eight exchange rates, 96 to 720 days ahead, every window scored.

File: exchange_rate/exchange_rate.txt.gz (repository laiguokun/multivariate-time-series-data).

The protocol of the published tables: 70 % of the rows train, the last 20 % test, z-scores by the
training rows, look-back 96, stride 1; mean squared and absolute errors over windows, days and
columns.

The networks are this program's own bodies, one for all columns. They read the day-to-day changes of
a window over their root mean square, and answer with the difference to its last value, in the same
unit; their last layer starts at zero, so that an untrained network repeats the last value. As in
the program's trainer, epoch 0 ships unless the best epoch is better on validation by more than a
standard error. The columns with a star show the best epoch, whether it was earned or not.
"""

import argparse
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from benchmarks.published.tables import Column, mean_and_sd, print_json, print_table
from forecast_cli.arrays import FloatArray1D, FloatArray2D, IntArray1D
from forecast_cli.config import NetworkName, model_config
from forecast_cli.models.backend import keras, tf
from forecast_cli.models.networks import build_body

LOOKBACK: Final = 96
HORIZONS: Final = (96, 192, 336, 720)
NETWORKS_TESTED: Final[tuple[NetworkName, ...]] = ("linear", "mlp", "cnn", "rnn", "lstm")
COLUMNS: Final = (
    Column("MSE", "mse", 4),
    Column("sd", "mse_sd", 4),
    Column("MAE", "mae", 4),
    Column("sd", "mae_sd", 4),
    Column("earned", "earned", 1),
    Column("MSE*", "best_mse", 4),
    Column("sd*", "best_mse_sd", 4),
    Column("MAE*", "best_mae", 4),
    Column("sd*", "best_mae_sd", 4),
    Column("epoch*", "epoch", 1),
)
PUBLISHED: Final[dict[int, tuple[str, ...]]] = {
    96: (
        "published (MSE / MAE): Repeat 0.081 / 0.196, DLinear (L=336) 0.081 / 0.203,",
        "iTransformer 0.086 / 0.206, PatchTST 0.088 / 0.205, DLinear (L=96) 0.088 / 0.218",
    ),
    192: (
        "published (MSE / MAE): Repeat 0.167 / 0.289, DLinear (L=336) 0.157 / 0.293,",
        "iTransformer 0.177 / 0.299, PatchTST 0.176 / 0.299, DLinear (L=96) 0.176 / 0.315",
    ),
    336: (
        "published (MSE / MAE): Repeat 0.305 / 0.396, DLinear (L=336) 0.305 / 0.414,",
        "iTransformer 0.331 / 0.417, PatchTST 0.301 / 0.397, DLinear (L=96) 0.313 / 0.427",
    ),
    720: (
        "published (MSE / MAE): Repeat 0.823 / 0.681, DLinear (L=336) 0.643 / 0.601,",
        "iTransformer 0.847 / 0.691, PatchTST 0.901 / 0.714, DLinear (L=96) 0.839 / 0.695",
    ),
}

_BATCH: Final = 512
_STEPS: Final = 20
"""Batches in an epoch: overlapping windows say much the same, a sample of them will do."""

_EPOCHS: Final = 40
_PATIENCE: Final = 5
_LEARNING_RATE: Final = 3e-4
_SMALLEST_CHANGE: Final = 1e-4

Tensor = Any  # Keras and TensorFlow tensors: both ship without types


@dataclass(frozen=True, eq=False)
class Rates:
    """z-scores, shape (n_rows, n_columns), and the last input rows of each part's windows."""

    values: FloatArray2D
    train: IntArray1D
    validation: IntArray1D
    test: IntArray1D


def read(data: Path) -> FloatArray2D:
    """The rates, z-scored by the mean and deviation of the training rows."""
    with gzip.open(data / "exchange_rate" / "exchange_rate.txt.gz", "rt") as file:
        rates: FloatArray2D = np.loadtxt(file, delimiter=",")
    seen = rates[: int(0.7 * len(rates))]
    scores: FloatArray2D = (rates - seen.mean(axis=0)) / seen.std(axis=0)
    return scores


def cut(values: FloatArray2D, horizon: int) -> Rates:
    """Windows by their last input row; an input may reach back over a border, a target may not."""
    n = len(values)
    n_train, n_test = int(0.7 * n), int(0.2 * n)
    return Rates(
        values=values,
        train=np.arange(LOOKBACK, n_train - horizon),
        validation=np.arange(n_train - 1, n - n_test - horizon),
        test=np.arange(n - n_test - 1, n - horizon),
    )


def differences(values: FloatArray2D, rows: IntArray1D, horizon: int) -> FloatArray2D:
    """The next values less the last one known, shape (n_rows, horizon, n_columns)."""
    ahead = rows[:, None] + np.arange(1, horizon + 1)
    moved: FloatArray2D = values[ahead] - values[rows][:, None]
    return moved


class Repeater:
    """A network for all columns that starts as "repeat the last value"."""

    def __init__(self, network: NetworkName, horizon: int) -> None:
        self.horizon = horizon
        changes = keras.Input((LOOKBACK, 1))
        size = keras.ops.sqrt(keras.ops.mean(changes**2, axis=1) + _SMALLEST_CHANGE**2)
        inputs = keras.ops.clip(changes / size[:, None], -6.0, 6.0)
        body = build_body(inputs, model_config(network))
        answer = keras.layers.Dense(horizon, kernel_initializer="zeros", use_bias=False)(body)
        self.network = keras.Model(changes, answer * size)
        self.optimizer = keras.optimizers.Adam(_LEARNING_RATE)
        self.optimizer.build(self.network.trainable_variables)
        self._epoch = tf.function(self._run_epoch)
        self._answer = tf.function(
            lambda inputs: self.network(inputs, training=False),
            (tf.TensorSpec((None, LOOKBACK, 1), tf.float32),),
        )

    def fit(self, rates: Rates, seed: int) -> tuple[int, bool]:
        """Train, and keep the best epoch on validation; whether it is better than none for sure."""
        series = tf.constant(rates.values.T, tf.float32)
        shuffle = np.random.default_rng(seed)
        untrained = self.losses(rates)
        best, kept, lowest = 0, self.network.get_weights(), untrained
        for epoch in range(1, _EPOCHS + 1):
            shape = (_STEPS, _BATCH)
            rows = shuffle.choice(rates.train, shape)
            columns = shuffle.integers(rates.values.shape[1], size=shape)
            self._epoch(series, tf.constant(rows), tf.constant(columns))
            losses = self.losses(rates)
            if losses.mean() < lowest.mean():
                best, kept, lowest = epoch, self.network.get_weights(), losses
            if epoch - best >= _PATIENCE:
                break
        self.network.set_weights(kept)
        gain = untrained - lowest
        error = gain.std() * np.sqrt(self.horizon / len(gain))
        return best, bool(gain.mean() > error)

    def losses(self, rates: Rates) -> FloatArray1D:
        """Squared error of each validation window, over days ahead and columns."""
        moved = differences(rates.values, rates.validation, self.horizon)
        answers = self.answers(rates.values, rates.validation)
        losses: FloatArray1D = ((moved - answers) ** 2).mean(axis=(1, 2))
        return losses

    def answers(self, values: FloatArray2D, rows: IntArray1D) -> FloatArray2D:
        """Differences to the last value, shape (n_rows, horizon, n_columns)."""
        changes = np.diff(values, axis=0, prepend=values[:1]).astype(np.float32)
        made = []
        for some in np.array_split(rows, max(1, len(rows) // 256)):
            inputs = changes[some[:, None] + np.arange(1 - LOOKBACK, 1)].transpose(0, 2, 1)
            answer = self._answer(tf.constant(inputs.reshape(-1, LOOKBACK, 1))).numpy()
            made.append(answer.reshape(len(some), -1, self.horizon).transpose(0, 2, 1))
        return np.concatenate(made)

    def _run_epoch(self, series: Tensor, rows: Tensor, columns: Tensor) -> None:
        for step in tf.range(tf.shape(rows)[0]):
            around = rows[step][:, None] + np.arange(-LOOKBACK, self.horizon + 1)
            values = tf.gather(series, columns[step])
            values = tf.gather(values, around, batch_dims=1)
            past, last = values[:, : LOOKBACK + 1], values[:, LOOKBACK : LOOKBACK + 1]
            with tf.GradientTape() as tape:
                answer = self.network((past[:, 1:] - past[:, :-1])[:, :, None], training=True)
                error = values[:, LOOKBACK + 1 :] - last - answer
                loss = tf.reduce_mean(error**2)
            variables = self.network.trainable_variables
            self.optimizer.apply(tape.gradient(loss, variables), variables)


def main() -> None:
    """Fit, forecast, score and print."""
    parser = argparse.ArgumentParser(description="The table exchange_rate.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--network", action="append", help="repeat for several", default=None)
    parser.add_argument("--horizon", action="append", type=int, default=None)
    chosen = parser.parse_args()
    values = read(chosen.data)
    networks = cast("Sequence[NetworkName]", chosen.network or NETWORKS_TESTED)
    tables = [
        (horizon, table(values, horizon, networks, n_seeds=chosen.seeds))
        for horizon in chosen.horizon or HORIZONS
    ]
    average = [
        {
            "row": rows[0]["row"],
            **{
                key: float(np.mean([row[key] for row in rows]))
                for key in ("mse", "mae", "best_mse", "best_mae")
                if key in rows[0]
            },
        }
        for rows in zip(*(rows for _, rows in tables), strict=True)
    ]
    print_table("exchange_rate, average over the horizons", average, COLUMNS)
    print_json({"study": "exchange_rate", "average": average})


def table(
    values: FloatArray2D, horizon: int, networks: Sequence[NetworkName], *, n_seeds: int
) -> list[dict[str, Any]]:
    """The rows of one horizon, printed as soon as they are known."""
    rates = cut(values, horizon)
    naive = errors(rates, horizon, None)
    rows: list[dict[str, Any]] = [{"row": "repeat last value", "seeds": 1, **naive}]
    for network in networks:
        runs = []
        for seed in range(n_seeds):
            keras.utils.set_random_seed(seed)
            repeater = Repeater(network, horizon)
            epoch, earned = repeater.fit(rates, seed)
            best = errors(rates, horizon, repeater)
            shipped = best if earned else naive
            runs.append(
                {"epoch": epoch, "earned": earned, **shipped}
                | {f"best_{name}": error for name, error in best.items()}
            )
        rows.append({"row": network, "seeds": n_seeds, **over_seeds(runs)})
    title = f"exchange_rate, {horizon} days ahead: {len(rates.test)} windows of 8 columns"
    print_table(title, rows, COLUMNS, published=PUBLISHED.get(horizon, ()))
    print_json({"study": "exchange_rate", "horizon": horizon, "rows": rows})
    return rows


def errors(rates: Rates, horizon: int, repeater: Repeater | None) -> dict[str, float]:
    """Test errors over every window."""
    error = differences(rates.values, rates.test, horizon)
    if repeater is not None:
        error = error - repeater.answers(rates.values, rates.test)
    return {"mse": float((error**2).mean()), "mae": float(np.abs(error).mean())}


def over_seeds(runs: Sequence[dict[str, float]]) -> dict[str, float | None]:
    """Means over runs, and deviations of the errors; earned: the share of runs."""
    found: dict[str, float | None] = {
        key: float(np.mean([run[key] for run in runs])) for key in ("epoch", "earned")
    }
    for key in ("mse", "mae", "best_mse", "best_mae"):
        found[key], found[f"{key}_sd"] = mean_and_sd([run[key] for run in runs])
    return found


if __name__ == "__main__":
    main()
