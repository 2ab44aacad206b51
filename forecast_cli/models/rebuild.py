"""A network from its artifact, for other programs: from configuration and weights alone.

What is written here, `.keras` or a SavedModel, this program never reads.
"""

import tempfile
from pathlib import Path

import numpy as np

from forecast_cli.errors import BadDataError, InternalCheckError
from forecast_cli.models.artifact_reader import Artifact
from forecast_cli.models.backend import keras
from forecast_cli.models.export import named_weights
from forecast_cli.models.keras_forecaster import KerasForecaster
from forecast_cli.models.runtime import CANARY_TOLERANCE
from forecast_cli.models.weights import read_weights


def rebuild(artifact: Artifact) -> keras.Model:
    """The network that was trained, built from the allow-listed configuration.

    Raises BadDataError when the weights are not those of such a network, InternalCheckError when it
    gives another output than the stored canary.
    """
    manifest, weights = artifact.manifest, read_weights(artifact.weights)
    forecaster = KerasForecaster(manifest.config)
    # before an ensemble is built: one network tells whether there are enough weights for all
    n_expected = len(forecaster.trainer.network.weights) * manifest.config.seeds
    if len(weights) != n_expected:
        raise BadDataError(
            f"model {manifest.name}: has {len(weights)} weights, its network {n_expected}",
            fix="train the model again",
        )
    network = forecaster.assembled()
    for (found, weight), (name, expected) in zip(
        weights.items(), named_weights(network).items(), strict=True
    ):
        if (found, weight.shape) != (name, expected.shape):
            raise BadDataError(
                f"model {manifest.name}: its weight {found} has shape {weight.shape}, its network"
                f" has {name} with shape {expected.shape}",
                fix="train the model again",
            )
    network.set_weights(list(weights.values()))
    canary = manifest.canary
    outputs = network(np.asarray([canary.inputs], dtype=np.float32), training=False).numpy().ravel()
    if (
        len(outputs) != len(canary.outputs)
        or not np.abs(outputs - np.asarray(canary.outputs)).max() <= CANARY_TOLERANCE
    ):
        raise InternalCheckError(
            f"model {manifest.name}: rebuilt from its weights, it gives another output than when it"
            " was trained",
            fix="train the model again on this machine",
        )
    return network


def as_keras(network: keras.Model) -> bytes:
    """The content of a `.keras` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        network.save(path)
        return path.read_bytes()


def write_saved_model(network: keras.Model, folder: Path) -> None:
    """A TensorFlow SavedModel in a folder that does not exist yet."""
    network.export(folder, format="tf_saved_model", verbose=False)
