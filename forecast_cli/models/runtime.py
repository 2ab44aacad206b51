"""Inference without TensorFlow: a checked artifact as a Forecaster, through ONNX Runtime."""

from typing import Final

import numpy as np
import onnxruntime

from forecast_cli.arrays import Float32Array3D, FloatArray
from forecast_cli.errors import BadDataError, InternalCheckError
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.artifact import Artifact
from forecast_cli.models.outputs import from_outputs

_BATCH: Final = 4096
_CANARY_TOLERANCE: Final = 1e-4


class OnnxForecaster:
    """Forecasts with a trained model. It cannot be fitted.

    Raises BadDataError when ONNX Runtime refuses the graph, InternalCheckError when the stored
    canary input does not give the stored output: then something between the training machine and
    this one computes differently, and no forecast should be believed.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.manifest = artifact.manifest
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                artifact.graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own exceptions share no other base
            raise BadDataError(
                f"model {self.manifest.name}: ONNX Runtime refuses its graph",
                fix="train the model again",
            ) from error
        self._replay_canary()

    def fit(self, train: Windows, validation: Windows) -> None:
        """Nothing: the model was fitted when it was trained."""

    def predict(self, windows: Windows) -> Forecasts:
        """Forecast at every window's cutoff; not calibrated."""
        starts = range(0, len(windows), _BATCH)
        parts = [self._run(windows.take(slice(s, s + _BATCH)).inputs()) for s in starts]
        return from_outputs(
            windows,
            np.concatenate(parts),
            objective=self.manifest.config.objective,
            history=np.asarray(self.manifest.history),
        )

    def _run(self, inputs: Float32Array3D) -> FloatArray:
        (outputs,) = self._session.run(None, {"inputs": inputs})
        result: FloatArray = outputs
        return result

    def _replay_canary(self) -> None:
        canary = self.manifest.canary
        try:
            outputs = self._run(np.asarray([canary.inputs], dtype=np.float32)).ravel()
            difference = np.abs(outputs - np.asarray(canary.outputs)).max()
        except Exception as error:  # as above; a ValueError where the shapes differ
            raise BadDataError(
                f"model {self.manifest.name}: its graph does not fit its manifest",
                fix="train the model again",
            ) from error
        if not difference <= _CANARY_TOLERANCE:
            raise InternalCheckError(
                f"model {self.manifest.name}: the stored canary gives another output here"
                f" (off by {difference:.1e})",
                fix="train the model again on this machine",
            )
