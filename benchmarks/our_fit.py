"""The same work with this program's trainer.

Usage: our_fit.py lstm|cnn|linear EPOCHS N_WINDOWS
"""

import sys
from typing import cast

import numpy as np

from forecast_cli.config import NetworkName, model_config
from forecast_cli.features.windows import Windows
from forecast_cli.models.trainer import Trainer

LOOKBACK, N_FEATURES = 40, 10

network, epochs, n_windows = cast("NetworkName", sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(0)
n_rows = n_windows + LOOKBACK
windows = Windows(
    features=rng.normal(size=(n_rows, N_FEATURES)).astype(np.float32),
    bar_returns=np.full(n_rows, np.nan),
    lookback=LOOKBACK,
    horizons=(1, 5),
    symbols=("A",),
    rows=np.arange(LOOKBACK, n_rows),
    cutoffs=np.datetime64("1900-01-01") + np.arange(n_windows),
    known_from=np.datetime64("1900-01-06") + np.arange(n_windows),
    symbol_index=np.zeros(n_windows, dtype=np.int64),
    scale=np.full((n_windows, 2), 0.01),
    targets=rng.normal(size=(n_windows, 2)),
)
config = model_config(
    network, lookback=LOOKBACK, epochs=epochs, patience=epochs, features=("return",) * N_FEATURES
)
Trainer(config, N_FEATURES).fit(windows, windows.take(slice(0, 100)))
