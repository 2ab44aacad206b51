"""What a user would write instead of `forecast train`: materialise windows, `model.fit`.

Usage: keras_fit.py lstm|cnn|linear EPOCHS N_WINDOWS. The networks are those of this program.
"""

import sys

import keras
import numpy as np

LOOKBACK, N_FEATURES = 40, 10

network, epochs, n_windows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
series = np.random.default_rng(0).normal(size=(n_windows + LOOKBACK, N_FEATURES)).astype("float32")
windows = np.stack([series[row : row + LOOKBACK] for row in range(n_windows)])
targets = series[LOOKBACK:, :2]
layers = {
    "lstm": [keras.layers.LSTM(24)],
    "cnn": [
        *(
            keras.layers.Conv1D(16, 3, padding="causal", dilation_rate=d, activation="relu")
            for d in (1, 2, 4)
        ),
        keras.layers.GlobalAveragePooling1D(),
    ],
    "linear": [keras.layers.Flatten()],
}
model = keras.Sequential(
    [keras.Input((LOOKBACK, N_FEATURES)), *layers[network], keras.layers.Dense(6)]
)
model.add(keras.layers.Dense(2))
model.compile("adam", "mae")
model.fit(windows, targets, batch_size=128, epochs=epochs, verbose=0)
