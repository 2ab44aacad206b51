"""Inference without TensorFlow: a checked artifact as a Forecaster, through ONNX Runtime."""

from functools import cache
from threading import Timer
from typing import Final

import numpy as np
import onnxruntime

from forecast_cli.arrays import Float32Array3D, FloatArray
from forecast_cli.config import ModelConfig
from forecast_cli.errors import BadDataError, InternalCheckError
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.artifact import Artifact
from forecast_cli.models.outputs import from_outputs, output_shape

_BATCH: Final = 4096
_LARGEST_LAYER: Final = 2**24
"""Values of one layer that a batch may take, 64 MiB."""
_MOST_MEMORY: Final = 768 * 2**20
"""That all tensors of the process's graphs may take together: a graph can ask for any size."""
_LARGEST_OUTPUT: Final = 1000.0
"""Scales, that is standard deviations over the horizon; not a number is beyond it, too."""
_CANARY_SECONDS: Final = 20.0
CANARY_TOLERANCE: Final = 1e-4


class OnnxForecaster:
    """Forecasts with a trained model. It cannot be fitted.

    Raises BadDataError when ONNX Runtime refuses the graph, InternalCheckError when the stored
    canary input does not give the stored output: then something between the training machine and
    this one computes differently, and no forecast should be believed.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.manifest = artifact.manifest
        self._shape = output_shape(self.manifest.config)
        options = _session_options()
        try:
            # what is computed beforehand would have no limit of time
            self._session = onnxruntime.InferenceSession(
                artifact.graph,
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=["ConstantFolding"],
                enable_fallback=0,  # which prints
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
        size = _batch(self.manifest.config)
        starts = range(0, len(windows), size)
        parts = [self._run(windows.take(slice(s, s + size)).inputs()) for s in starts]
        return from_outputs(
            windows,
            np.concatenate(parts),
            objective=self.manifest.config.objective,
            history=np.asarray(self.manifest.history),
        )

    def _run(
        self, inputs: Float32Array3D, options: onnxruntime.RunOptions | None = None
    ) -> FloatArray:
        (outputs,) = self._session.run(None, {"inputs": inputs}, options)
        result: FloatArray = outputs
        if (
            result.shape != (len(inputs), *self._shape)
            or not (np.abs(result) <= _LARGEST_OUTPUT).all()
        ):
            raise BadDataError(
                f"model {self.manifest.name}: its graph does not give {self._shape} numbers within"
                f" {_LARGEST_OUTPUT:,.0f} scales per window",
                fix="train the model again",
            )
        return result

    def _replay_canary(self) -> None:
        canary = self.manifest.canary
        options = onnxruntime.RunOptions()
        # a graph may hold a loop; ours answer in milliseconds
        limit = Timer(_CANARY_SECONDS, setattr, (options, "terminate", True))
        limit.daemon = True
        limit.start()
        try:
            outputs = self._run(np.asarray([canary.inputs], dtype=np.float32), options)
            difference = np.abs(outputs - np.reshape(canary.outputs, outputs.shape)).max()
        except BadDataError:
            raise
        except Exception as error:  # as above; a ValueError where the shapes differ
            late = (
                f" or does not answer within {_CANARY_SECONDS:.0f} s" if options.terminate else ""
            )
            raise BadDataError(
                f"model {self.manifest.name}: its graph does not fit its manifest{late}",
                fix="train the model again",
            ) from error
        finally:
            limit.cancel()
        if not difference <= CANARY_TOLERANCE:
            raise InternalCheckError(
                f"model {self.manifest.name}: the stored canary gives another output here"
                f" (off by {difference:.1e})",
                fix="train the model again on this machine",
            )


def _session_options() -> onnxruntime.SessionOptions:
    _bound_memory()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.use_env_allocators", "1")
    return options


@cache
def _bound_memory() -> None:
    """Give the graphs of this process one allocator with a limit."""
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    limits = onnxruntime.OrtArenaCfg({"max_mem": _MOST_MEMORY})
    onnxruntime.create_and_register_allocator(memory, limits)


def _batch(config: ModelConfig) -> int:
    """Windows that are computed at once: as many as the memory of a graph has room for."""
    widest = max(config.units or 1, config.filters or 1, len(config.features))
    return min(max(_LARGEST_LAYER // (config.lookback * widest), 1), _BATCH)
