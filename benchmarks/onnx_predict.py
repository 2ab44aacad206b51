"""The least that a forecast takes: read bars, make features, run an ONNX network.

Usage: onnx_predict.py MODEL.onnx BARS.parquet
"""

import sys

import numpy as np
import onnxruntime
import pyarrow.parquet as pq

LOOKBACK, N_BARS = 40, 149

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
network = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
with pq.ParquetFile(sys.argv[2]) as file:
    table = file.read(columns=["open", "high", "low", "close", "volume"])
# `to_numpy()` would import pandas
close = np.from_dlpack(table.column("close").combine_chunks())[-N_BARS:]
returns = np.diff(np.log(close))
inputs = network.get_inputs()[0]
features = [
    np.convolve(returns, np.ones(span) / span)[: len(returns)]
    for span in range(1, inputs.shape[-1] + 1)
]
window = np.column_stack(features)[None, -LOOKBACK:].astype(np.float32)
sys.stdout.write(f"{network.run(None, {inputs.name: window})[0].shape}\n")
