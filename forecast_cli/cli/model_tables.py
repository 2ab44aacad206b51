"""Trained models as tables for people."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from forecast_cli.cli.data_tables import facts_table
from forecast_cli.cli.tables import held_and_stretched, plain_table, rival
from forecast_cli.report.words import bars, p_value

if TYPE_CHECKING:
    from forecast_cli.models.manifest import Manifest
    from forecast_cli.workflows.models import ModelDiff, ShownModel

_ALL_SYMBOLS: Final = 12


def show_tables(shown: "ShownModel") -> list[RenderableType]:
    """Everything known of a model: one fact per row, then its files."""
    manifest = shown.manifest
    facts = facts_table(
        ("model", f"{manifest.name} {manifest.version}{_state(shown)}"),
        ("versions", ", ".join(shown.versions)),
        ("trained at", manifest.created_at),
        ("network", ", ".join(_configured(manifest))),
        ("features", ", ".join(manifest.config.features)),
        *_data(manifest),
        *_measured(manifest),
        ("calibration", _calibration(manifest)),
        ("libraries", ", ".join(f"{name} {v}" for name, v in manifest.libraries.items())),
        ("folder", str(shown.folder)),
    )
    files = plain_table("file", "bytes", "SHA-256", gap=0)
    for name, of in manifest.files.items():
        files.add_row(name, f"{of.size:,}", of.sha256)
    return [facts, files]


def _state(shown: "ShownModel") -> str:
    version = shown.manifest.version
    if version == shown.pinned:
        return " (pinned)"
    return " (in use)" if version == shown.in_use else f" (in use: {shown.in_use})"


def _configured(manifest: "Manifest") -> Iterator[str]:
    config = manifest.config.model_dump(mode="json", exclude={"features", "network"})
    yield manifest.config.network
    for name, value in config.items():
        if value is not None:
            yield f"{name} {_short(value)}"


def _data(manifest: "Manifest") -> Iterator[tuple[str, str]]:
    symbols = manifest.symbols
    more = f" and {len(symbols) - _ALL_SYMBOLS:,} more" if len(symbols) > _ALL_SYMBOLS else ""
    basis = ", ".join(sorted(set(manifest.price_basis.values()))).replace("_", " ")
    yield "symbols", f"{', '.join(symbols[:_ALL_SYMBOLS])}{more}; {manifest.interval}, {basis}"
    yield "learnt from", f"{manifest.train_start} to {manifest.train_end}"
    yield "known until", manifest.known_until
    yield "data", f"SHA-256 {manifest.data_sha256}"


def _measured(manifest: "Manifest") -> Iterator[tuple[str, str]]:
    measured = manifest.measured
    counts = (measured.n_train, measured.n_validation, measured.n_calibration)
    yield "windows", "{:,} to train, {:,} to validate, {:,} to calibrate".format(*counts)
    loss = f"{measured.validation_loss:.5f} in epoch {measured.best_epoch}"
    yield "loss", f"{loss}, untrained {measured.untrained_loss:.5f}"
    edges = [
        f"{bars(horizon)}: {'no difference' if p is None else 'p ' + p_value(p)}"
        for horizon, p in zip(manifest.config.horizons, measured.edge_p, strict=True)
    ]
    found = "edge found" if measured.edge_found else "no edge found"
    yield "verdict", f"{found} over {rival(manifest)} ({', '.join(edges)})"
    yield "90 % range", held_and_stretched(manifest)


def _calibration(manifest: "Manifest") -> str:
    moved = ", ".join(f"{offset:+.3f} and {slope:.3f}" for offset, slope in manifest.p_up)
    return f"P(up) moved by offset and slope {moved}" if moved else "P(up) as it came"


def diff_table(found: "ModelDiff") -> Table:
    """One row per field that differs."""
    first, second = (f"{each.name} {each.version}" for each in (found.first, found.second))
    if found.first.name == found.second.name:
        first, second = found.first.version, found.second.version
    table = plain_table("part", "field", first, second, gap=0)
    for each in found.differences:
        values = (Text(_short(value)) for value in (each.first, each.second))
        table.add_row(each.part, each.field, *values)
    return table


def diff_note(found: "ModelDiff") -> str:
    """How far the weights lie apart."""
    if found.weight_difference is None:
        return "weights: of other shapes, not comparable"
    if found.weight_difference == 0:
        return "weights: the same"
    return f"weights: differ by at most {found.weight_difference:.3g}"


def _short(value: Any) -> str:  # noqa: ANN401 - whatever a manifest holds
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return str(value)
