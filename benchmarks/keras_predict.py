"""What a user would write instead of `forecast predict`: load a Keras LSTM, read bars, predict.

Usage: keras_predict.py MODEL.keras BARS.parquet
"""

import sys

import keras
import numpy as np
import pandas as pd

LOOKBACK, N_FEATURES = 40, 10

model_path, bars_path = sys.argv[1:]
model = keras.models.load_model(model_path)
close = pd.read_parquet(bars_path)["adj_close"]
returns = np.log(close).diff()
features = pd.concat(
    [returns.rolling(span).mean() / returns.rolling(span).std() for span in range(5, 15)], axis=1
)
window = features.to_numpy()[-LOOKBACK:].reshape(1, LOOKBACK, N_FEATURES)
sys.stdout.write(f"{float(model.predict(window, verbose=0)[0, 0])}\n")
