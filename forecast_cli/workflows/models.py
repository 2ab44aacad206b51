"""What is known of trained models: list them, and prove that one can be trained again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from forecast_cli.data.bars import Bars
from forecast_cli.data.fingerprint import is_revised
from forecast_cli.data.store import BarStore, data_hash
from forecast_cli.errors import BadDataError, ForecastError, InternalCheckError
from forecast_cli.models.artifact import ModelStore, record
from forecast_cli.models.manifest import WEIGHTS, Manifest
from forecast_cli.workflows.market import read_market, revised_covariates
from forecast_cli.workflows.reading import read_series


@dataclass(frozen=True, kw_only=True)
class ListedModel:
    """A model of the store. manifest: None where it cannot be opened; fault then says why."""

    name: str
    manifest: Manifest | None
    fault: str | None = None


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
        try:
            listed.append(ListedModel(name=name, manifest=store.open(name).manifest))
        except ForecastError as error:
            listed.append(ListedModel(name=name, manifest=None, fault=error.message))
    return listed


def verify(
    name: str, *, home: Path, on_epoch: Callable[[int, int], None] = lambda *_: None
) -> Verification:
    """Train a model again from the stored bars and its manifest, and compare the weights.

    on_epoch: told the number of the network and of its epoch. Raises MissingInputError for a model
    or a symbol that is not stored, BadDataError when the bars are no longer those it learnt from,
    InternalCheckError when the weights differ.
    """
    manifest = ModelStore(home).open(name).manifest
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
