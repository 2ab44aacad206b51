"""What the commands under `forecast models` show of their results."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from forecast_cli.cli import console, forms
from forecast_cli.cli.options import ResultFormat

if TYPE_CHECKING:
    from forecast_cli.workflows.model_versions import RemovedVersions
    from forecast_cli.workflows.models import ModelDiff, ShownModel


def shown(model: "ShownModel", form: ResultFormat) -> None:
    """Show a model; as JSON with its whole manifest."""
    if form is ResultFormat.json:
        manifest = model.manifest
        console.emit(
            forms.to_json(
                {
                    "schema_version": forms.SCHEMA_VERSION,
                    "model": manifest.name,
                    "model_version": manifest.version,
                    "folder": str(model.folder),
                    "in_use": model.in_use,
                    "pinned": model.pinned,
                    "versions": list(model.versions),
                    "manifest": manifest.model_dump(mode="json"),
                }
            )
            + "\n"
        )
        return
    from forecast_cli.cli.model_tables import show_tables

    console.show(*show_tables(model))


def compared(found: "ModelDiff", form: ResultFormat) -> None:
    """Show what differs between two models."""
    if form is ResultFormat.json:
        console.emit(
            forms.to_json(
                {
                    "schema_version": forms.SCHEMA_VERSION,
                    "models": [
                        {"model": each.name, "model_version": each.version}
                        for each in (found.first, found.second)
                    ],
                    "differences": [asdict(each) for each in found.differences],
                    "weight_difference": found.weight_difference,
                }
            )
            + "\n"
        )
        return
    from forecast_cli.cli.model_tables import diff_note, diff_table

    tables = [diff_table(found)] if found.differences else []
    console.show(*tables, diff_note(found))


def removed(gone: "RemovedVersions", form: ResultFormat, *, dry_run: bool, quiet: bool) -> None:
    """Say what is gone, or would be."""
    if quiet:
        return
    if form is ResultFormat.json:
        fields = {"schema_version": forms.SCHEMA_VERSION, "dry_run": dry_run, **asdict(gone)}
        console.emit(forms.to_json(fields) + "\n")
        return
    verb = "would be removed" if dry_run else "removed"
    what = f"model {gone.name} with " if gone.whole_model else f"{gone.name}: "
    n_versions = len(gone.versions)
    count = f"{n_versions} version{'s' * (n_versions != 1)} {verb}"
    console.show(what + count, *(f"  {version}" for version in gone.versions))


def exported(name: str, form: str, path: Path, *, quiet: bool) -> None:
    """Say what was written, where, and what has been checked."""
    told(f"{name} written to {path} as {form}; it gives the canary's output", quiet=quiet)


def told(sentence: str, *, quiet: bool) -> None:
    """Say what was done."""
    if not quiet:
        console.show(sentence)
