"""An interrupted training on disk: one safetensors file, with its facts as JSON in the header.

    HOME/checkpoints/NAME/KEY.safetensors

KEY is a hash of all that the outcome depends on, so that a checkpoint fits or has another name. One
file, since two could be of different epochs after a kill. Removed when the training is finished.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from forecast_cli.arrays import FloatArray
from forecast_cli.files import remove_stray, write_bytes
from forecast_cli.models.keras_forecaster import Member
from forecast_cli.models.trainer import Fit, Training

_FACTS: Final = "facts"
_SEAL: Final = "sha256"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a training is. seconds: spent on it so far, all its runs together."""

    members: list[Member]
    fit: Fit
    seconds: float


class Checkpoint:
    """The one checkpoint of one training."""

    def __init__(self, home: Path, name: str, *depends_on: str) -> None:
        key = hashlib.sha256("\0".join(depends_on).encode()).hexdigest()[:16]
        self.folder = home / "checkpoints" / name
        self.path = self.folder / f"{key}.safetensors"

    def write(self, progress: Progress) -> None:
        """Replace the checkpoint, atomically."""
        fit = progress.fit
        tensors = _named("best", fit.best_weights) | _named("variables", fit.variables)
        for number, member in enumerate(progress.members):
            tensors |= _named(f"member{number}", member.weights)
        facts = {
            "losses": fit.losses,
            "best": fit.best,
            "shuffle": fit.shuffle.bit_generator.state,
            "members": [asdict(member.training) for member in progress.members],
            "seconds": progress.seconds,
        }
        text = json.dumps(facts)
        metadata = {_FACTS: text, _SEAL: _seal(tensors, text)}
        write_bytes(self.path, save(tensors, metadata))

    def read(self) -> Progress | None:
        """The checkpoint, or None where there is none that fits. A damaged one is none."""
        try:
            content = self.path.read_bytes()
            tensors, metadata = load(content), _metadata(content)
            text = metadata[_FACTS]
            if metadata[_SEAL] != _seal(tensors, text):
                return None
        except (OSError, SafetensorError, ValueError, KeyError):
            return None
        facts = json.loads(text)
        shuffle = np.random.default_rng()
        shuffle.bit_generator.state = facts["shuffle"]
        members = [
            Member(weights=_numbered(tensors, f"member{number}"), training=_training(of))
            for number, of in enumerate(facts["members"])
        ]
        fit = Fit(
            losses=facts["losses"],
            best=facts["best"],
            best_weights=_numbered(tensors, "best"),
            variables=_numbered(tensors, "variables"),
            shuffle=shuffle,
        )
        return Progress(members=members, fit=fit, seconds=facts["seconds"])

    def exists(self) -> bool:
        """Whether the model has any checkpoint, be it of other bars or another configuration."""
        return any(self.folder.glob("*.safetensors"))

    def remove(self) -> None:
        """Remove it and all others of the same model: what is finished overtakes them."""
        if self.folder.is_dir():
            remove_stray(self.folder)


def _named(part: str, values: Sequence[FloatArray]) -> dict[str, FloatArray]:
    return {f"{part}.{n:04d}": np.asarray(value, order="C") for n, value in enumerate(values)}


def _numbered(tensors: Mapping[str, FloatArray], part: str) -> list[FloatArray]:
    return [tensors[name] for name in sorted(tensors) if name.startswith(f"{part}.")]


def _seal(tensors: Mapping[str, FloatArray], text: str) -> str:
    return hashlib.sha256(save(dict(tensors)) + text.encode()).hexdigest()


def _metadata(content: bytes) -> dict[str, str]:
    """The texts in a safetensors file's header: a length of 8 bytes, then JSON."""
    length = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    metadata: dict[str, str] = header["__metadata__"]
    return metadata


def _training(facts: Mapping[str, Any]) -> Training:
    return Training(
        validation_losses=tuple(facts["validation_losses"]), best_epoch=facts["best_epoch"]
    )
