"""A training that was interrupted goes on as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from synthetic import autoregressive_bars

from forecast_cli.config import ModelConfig, model_config
from forecast_cli.data.store import BarStore
from forecast_cli.models.artifact import ModelStore
from forecast_cli.models.checkpoint import Checkpoint, Progress
from forecast_cli.models.keras_forecaster import Member
from forecast_cli.models.manifest import WEIGHTS
from forecast_cli.models.supervision import EpochReport
from forecast_cli.models.trainer import Fit, Training
from forecast_cli.workflows.train import train

# every kind of state there is: two networks, dropout, an optimizer with moments, drawn batches
CONFIG = model_config(
    "mlp", horizons=(1,), epochs=4, patience=4, dropout=0.3, seeds=2, units=4, seed=3
)
UNTIL = date(2002, 8, 1)


class KilledError(Exception):
    """Stands for a kill, in this process."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store with one series."""
    BarStore(tmp_path).write(autoregressive_bars("AAA", 500, seed=1))
    return tmp_path


def _weights(home: Path, name: str) -> str:
    return ModelStore(home).open(name).manifest.files[WEIGHTS].sha256


def _interrupt(home: Path, name: str, network: int, epoch: int, config: ModelConfig) -> None:
    def kill(report: EpochReport) -> None:
        if (report.network, report.epoch) == (network, epoch):
            raise KilledError

    with pytest.raises(KilledError):
        train([], config=config, home=home, name=name, on_epoch=kill)


def test_a_resumed_training_has_the_weights_of_an_unbroken_one(home: Path) -> None:
    """Bit by bit, whichever epoch of whichever network was the last one saved."""
    train([], config=CONFIG, home=home, name="unbroken")
    assert not list(home.glob("checkpoints/unbroken*"))
    for network, epoch in ((1, 4), (2, 3)):
        name = f"broken-{network}-{epoch}"
        _interrupt(home, name, network, epoch, CONFIG)
        assert len(list(home.glob(f"checkpoints/{name}/*.safetensors"))) == 1
        seen: list[tuple[int, int]] = []
        result = train(
            [],
            config=CONFIG,
            home=home,
            name=name,
            resume=True,
            on_epoch=lambda report, seen=seen: seen.append((report.network, report.epoch)),  # type: ignore[misc]  # bound on purpose
        )
        assert result.notes == (f"went on after epoch {epoch} of network {network}",)
        assert not seen or seen[0] > (network, epoch)
        assert _weights(home, name) == _weights(home, "unbroken")
        assert not list(home.glob(f"checkpoints/{name}*"))


def test_a_killed_training_goes_on(home: Path) -> None:
    """A real process, a real SIGKILL as soon as there is a checkpoint, and the command line."""
    options = ["--model", "linear", "--horizon", "1", "--epochs", "400", "--home", str(home)]
    program = [sys.executable, "-m", "forecast_cli", "train", *options, "--name"]
    killed = subprocess.Popen([*program, "killed"])
    while not list(home.glob("checkpoints/killed/*.safetensors")):
        assert killed.poll() is None
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert "killed" not in ModelStore(home).names()
    done = subprocess.run(
        [*program, "killed", "--resume"], capture_output=True, text=True, check=True
    )
    assert done.stderr.startswith("note: went on after epoch ")
    config = model_config("linear", horizons=(1,), epochs=400)
    train([], config=config, home=home, name="unbroken")
    assert _weights(home, "killed") == _weights(home, "unbroken")
    assert not list(home.glob("checkpoints/killed*"))


def test_a_checkpoint_of_other_bars_or_settings_does_not_fit(home: Path) -> None:
    """It is ignored, with a sentence, and the training starts afresh."""
    config = model_config("linear", horizons=(1,), epochs=2)
    _interrupt(home, "small", 1, 1, config)
    other = model_config("linear", horizons=(1,), epochs=3)
    sentence = "nothing to resume: the checkpoint there is does not fit; trained from the start"
    assert train([], config=other, home=home, name="small", resume=True).notes == (sentence,)
    _interrupt(home, "small", 1, 1, config)
    result = train([], config=config, home=home, name="small", resume=True, until=UNTIL)
    assert result.notes == (sentence,)
    result = train([], config=config, home=home, name="small", resume=True)
    assert result.notes == ("nothing to resume: there is no checkpoint; trained from the start",)


def test_a_time_budget_ends_training_after_the_epoch_that_crosses_it(home: Path) -> None:
    """The result says so, the manifest knows the limit, and each network had its epoch."""
    config = model_config("linear", horizons=(1,), epochs=50, patience=50, seeds=2)
    result = train([], config=config, home=home, name="short", time_budget=1e-6)
    assert result.notes == ("the time budget of 1e-06 s ended training after epoch 1, 1",)
    assert result.manifest.time_budget == 1e-6
    assert result.manifest.measured.epochs_run == (1, 1)
    long = train([], config=config, home=home, name="long", time_budget=1e6)
    assert long.notes == ()
    assert long.manifest.measured.epochs_run == (50, 50)


def test_progress_counts_networks_and_epochs_and_the_time_left(home: Path) -> None:
    """In order, with the loss; nothing is left after the last epoch of the last network."""
    reports: list[EpochReport] = []
    config = model_config("linear", horizons=(1,), epochs=2, patience=5, seeds=2)
    train([], config=config, home=home, on_epoch=reports.append)
    assert [(each.network, each.epoch) for each in reports] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert {(each.n_networks, each.n_epochs) for each in reports} == {(2, 2)}
    assert all(np.isfinite(each.loss) for each in reports)
    assert reports[0].seconds_left > 0
    assert reports[-1].seconds_left == 0


def _progress() -> Progress:
    rng = np.random.default_rng(5)
    rng.normal(size=3)
    fit = Fit(
        losses=[0.3, 0.1 + 0.2],
        best=1,
        best_weights=[rng.normal(size=(2, 3)).astype(np.float32)],
        variables=[rng.normal(size=4), np.arange(2, dtype=np.uint32), np.array(3.0)],
        shuffle=rng,
    )
    training = Training(validation_losses=(0.5, 0.4), best_epoch=1)
    return Progress(
        members=[Member(weights=[rng.normal(size=(1, 2))], training=training)],
        fit=fit,
        seconds=1.5,
    )


def test_a_checkpoint_gives_back_what_was_written(tmp_path: Path) -> None:
    """Every bit: arrays and their types, losses, and the next random numbers."""
    written, checkpoint = _progress(), Checkpoint(tmp_path, "name", "a", "b")
    checkpoint.write(written)
    read = checkpoint.read()
    assert read is not None
    assert (read.fit.losses, read.fit.best, read.seconds) == ([0.3, 0.1 + 0.2], 1, 1.5)
    assert read.members[0].training == written.members[0].training
    pairs = [
        (read.fit.best_weights, written.fit.best_weights),
        (read.fit.variables, written.fit.variables),
        (read.members[0].weights, written.members[0].weights),
    ]
    for ours, theirs in pairs:
        for one, other in zip(ours, theirs, strict=True):
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        read.fit.shuffle.permutation(99), written.fit.shuffle.permutation(99)
    )
    assert Checkpoint(tmp_path, "name", "ab", "").read() is None
    assert Checkpoint(tmp_path, "name", "a", "c").exists()


def test_a_damaged_checkpoint_is_none(tmp_path: Path) -> None:
    """Cut anywhere, or with a bit flipped anywhere, it is not read; it never raises."""
    checkpoint = Checkpoint(tmp_path, "name", "a")
    checkpoint.write(_progress())
    content = checkpoint.path.read_bytes()
    for position in range(0, len(content), 7):
        checkpoint.path.write_bytes(content[:position])
        assert checkpoint.read() is None
        flipped = bytearray(content)
        flipped[position] ^= 4
        checkpoint.path.write_bytes(flipped)
        assert checkpoint.read() is None, position
