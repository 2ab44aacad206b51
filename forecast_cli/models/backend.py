"""TensorFlow and Keras, set up once: quiet, deterministic and on one thread.

One thread per process makes weights independent of the number of cores, and costs little: small
networks spend their time in many small steps. More cores are used by more processes. Every module
that needs Keras imports it from here.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator

from forecast_cli.errors import InputOutputError

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


@contextlib.contextmanager
def _native_stderr_closed() -> Iterator[None]:
    """Drop what TensorFlow's C++ side writes before its log level takes effect.

    It writes to file descriptor 2 directly. Python exceptions pass as usual.
    """
    saved = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(sink)
        os.close(saved)


with contextlib.suppress(ImportError):
    # TensorFlow exports the symbols of its own libcurl. Where the extra `yahoo` is installed, the
    # one that fetching needs must be bound first, or a fetch after a training fails.
    import curl_cffi  # noqa: F401

with _native_stderr_closed():
    import keras
    import tensorflow as tf
    import tf2onnx

    # A program that already started TensorFlow keeps its own threads.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    tf.zeros(1)  # starts the runtime, which greets


def check_temporary_folder() -> None:
    """Raise InputOutputError unless temporary files can be written.

    TensorFlow writes the functions it compiles into some, and where it cannot it says that these
    functions are wrong.
    """
    try:
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(_LARGEST_SOURCE))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputOutputError(
            f"no temporary file can be written, which TensorFlow needs ({reason})",
            fix="free some space in the temporary folder, or set TMPDIR to another one",
        ) from error


_LARGEST_SOURCE = 65_536
"""Bytes; more than any of our functions has."""
PACKAGE = "forecast_cli"
"""Under which Keras knows our layers in files that are exported."""

__all__ = ["PACKAGE", "check_temporary_folder", "keras", "tf", "tf2onnx"]
