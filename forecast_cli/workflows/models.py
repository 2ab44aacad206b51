"""What is known of trained models: list them, show and compare them, and prove one again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from forecast_cli.data.bars import Bars
from forecast_cli.data.fingerprint import is_revised
from forecast_cli.data.store import BarStore, data_hash
from forecast_cli.errors import BadDataError, ForecastError, InternalCheckError
from forecast_cli.models.artifact import Artifact, ModelStore, record
from forecast_cli.models.manifest import WEIGHTS, Manifest
from forecast_cli.models.weights import read_weights
from forecast_cli.workflows.market import read_market, revised_covariates
from forecast_cli.workflows.reading import read_series


@dataclass(frozen=True, kw_only=True)
class ListedModel:
    """A model of the store. manifest: None where it cannot be opened; fault then says why.

    n_versions, n_bytes: of all its versions.
    """

    name: str
    manifest: Manifest | None
    fault: str | None = None
    pinned: bool = False
    n_versions: int
    n_bytes: int


@dataclass(frozen=True, kw_only=True)
class ShownModel:
    """A version of a model, and the others there are, oldest first."""

    manifest: Manifest
    folder: Path
    in_use: str
    pinned: str | None
    versions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Something that two models do not share; None where one has no such thing."""

    part: str
    field: str
    first: object
    second: object


@dataclass(frozen=True, kw_only=True)
class ModelDiff:
    """What differs between two models.

    weight_difference: the largest one, absolute, between their weights; None where these have other
    shapes, and cannot be compared.
    """

    first: Manifest
    second: Manifest
    differences: tuple[Difference, ...]
    weight_difference: float | None


@dataclass(frozen=True, kw_only=True)
class Verification:
    """A model that was trained again, to the same weights."""

    manifest: Manifest
    weights_sha256: str


def list_models(home: Path) -> list[ListedModel]:
    """Every trained model, by name; a damaged one does not cost the others."""
    store = ModelStore(home)
    listed = []
    for name in store.names():
        artifact, fault = None, None
        try:
            artifact = store.open(name)
        except ForecastError as error:
            fault = error.message
        listed.append(
            ListedModel(
                name=name,
                manifest=artifact.manifest if artifact else None,
                fault=fault,
                pinned=artifact is not None and artifact.pinned,
                n_versions=len(store.versions(name)),
                n_bytes=sum(path.lstat().st_size for path in (store.root / name).glob("*/*")),
            )
        )
    return listed


def show_model(reference: str, *, home: Path) -> ShownModel:
    """All that is known of a model, NAME or NAME@VERSION. Raises as `ModelStore.open` does."""
    store = ModelStore(home)
    manifest = store.open(reference).manifest
    name = manifest.name
    return ShownModel(
        manifest=manifest,
        folder=store.root / name / manifest.version,
        in_use=store.in_use(name),
        pinned=store.pinned(name),
        versions=tuple(store.versions(name)),
    )


_COMPARED: Final[dict[str, set[str]]] = {
    "config": {"config"},
    "data": {
        *("interval", "symbols", "price_basis", "data_sha256"),
        *("train_start", "train_end", "known_until", "time_budget"),
    },
    "measured": {"measured", "stretch", "p_up"},
    "libraries": {"libraries"},
}


def diff_models(first: str, second: str, *, home: Path) -> ModelDiff:
    """What differs between two models, each NAME or NAME@VERSION."""
    store = ModelStore(home)
    artifacts = store.open(first), store.open(second)
    one, other = (artifact.manifest for artifact in artifacts)
    differences = []
    for part, names in _COMPARED.items():
        left, right = (
            dict(_flat(of.model_dump(mode="json", include=names))) for of in (one, other)
        )
        differences += [
            Difference(part=part, field=field, first=left.get(field), second=right.get(field))
            for field in dict.fromkeys([*left, *right])
            if left.get(field) != right.get(field)
        ]
    return ModelDiff(
        first=one,
        second=other,
        differences=tuple(differences),
        weight_difference=_weight_difference(*artifacts),
    )


def _flat(fields: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Fields and those of the objects among them."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from value.items()
        else:
            yield name, value


def _weight_difference(first: Artifact, second: Artifact) -> float | None:
    one, other = read_weights(first.weights), read_weights(second.weights)
    if {name: w.shape for name, w in one.items()} != {name: w.shape for name, w in other.items()}:
        return None
    return max(float(np.abs(one[name] - other[name]).max(initial=0.0)) for name in one)


def verify(
    reference: str, *, home: Path, on_epoch: Callable[[int, int], None] = lambda *_: None
) -> Verification:
    """Train a model again from the stored bars and its manifest, and compare the weights.

    reference: NAME or NAME@VERSION. on_epoch: told the number of the network and of its epoch.
    Raises MissingInputError for a model or a symbol that is not stored, BadDataError when the bars
    are no longer those it learnt from, InternalCheckError when the weights differ.
    """
    manifest = ModelStore(home).open(reference).manifest
    name = manifest.name
    until = date.fromisoformat(manifest.known_until)
    store = BarStore(home)
    series = read_series(store, manifest.symbols, manifest.interval, until=until)
    market = read_market(store, manifest.config, series, peers=series)
    _check_bars(series, manifest, revised_covariates(market, manifest.learnt))
    # Keras takes seconds to import, and listing models needs none of it
    from forecast_cli.models.export import to_safetensors  # noqa: PLC0415
    from forecast_cli.models.replay import Replay  # noqa: PLC0415
    from forecast_cli.workflows.train import learn, libraries  # noqa: PLC0415

    course = Replay(manifest.measured.epochs_run, on_epoch)
    learnt = learn(series, manifest.config, course, market)
    weights = record(to_safetensors(learnt.forecaster.network()))
    if weights != manifest.files[WEIGHTS]:
        here = libraries()
        others = [
            f"{library} {version}, here {here.get(library)}"
            for library, version in manifest.libraries.items()
            if here.get(library) != version
        ]
        made_with = f" (it was trained with {', '.join(others)})" if others else ""
        raise InternalCheckError(
            f"model {name}: trained again, it has other weights{made_with}",
            fix=f"forecast train --model {manifest.config.network} --name {name}",
        )
    return Verification(manifest=manifest, weights_sha256=weights.sha256)


def _check_bars(series: list[Bars], manifest: Manifest, covariates: Sequence[str]) -> None:
    """Raise BadDataError when the bars are not, in every bit, those that were learnt from.

    covariates: the ones that have been revised.
    """
    if data_hash(series) == manifest.data_sha256 and not covariates:
        return
    revised = [
        *covariates,
        *(
            bars.symbol
            for bars in series
            if bars.symbol not in manifest.learnt or is_revised(bars, manifest.learnt[bars.symbol])
        ),
    ]
    what = (
        f"bars of {', '.join(revised)} have been revised"
        if revised
        else "the bars have been re-adjusted, or older ones were added"
    )
    raise BadDataError(
        f"model {manifest.name} cannot be verified: {what} since it was trained",
        fix=f"forecast train --model {manifest.config.network} --name {manifest.name}",
    )
