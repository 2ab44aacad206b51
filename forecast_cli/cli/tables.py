"""Results as tables for people."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from forecast_cli.cli.narrow import KEYS, NarrowTable
from forecast_cli.report.words import bars, p_value, percent
from forecast_cli.schema import DAILY

if TYPE_CHECKING:
    from forecast_cli.cli.setting_list import Setting
    from forecast_cli.features.indicators import Listed
    from forecast_cli.models.manifest import Manifest
    from forecast_cli.workflows.covariates import StoredCovariate
    from forecast_cli.workflows.doctor import Examination
    from forecast_cli.workflows.fetch import FetchedSeries, FetchResult
    from forecast_cli.workflows.models import ListedModel
    from forecast_cli.workflows.predict import PredictResult
    from forecast_cli.workflows.train import TrainResult
    from forecast_cli.workflows.tune import TuneResult


_BEST_TRIALS: Final = 10


def fetch_table(result: "FetchResult") -> Table:
    """One row per series stored; what became of stored bars, where they changed."""
    table = plain_table("symbol", "bars", "new", "first", "last", "layout", "price basis")
    histories = [_history(series) for series in result.series]
    kept = [", ".join(series.covariates) for series in result.series]
    for column, cells in (("history", histories), ("covariates", kept)):
        if any(cells):
            table.add_column(column)
    for series, history, names in zip(result.series, histories, kept, strict=True):
        table.add_row(
            series.symbol,
            f"{series.n_bars:,}" + ("" if series.interval == DAILY else f" of {series.interval}"),
            f"{series.n_new:,}" if series.changed else "no change",
            _moment(series.first),
            _moment(series.last),
            Text(series.layout),
            series.price_basis.replace("_", " "),
            *([history] if any(histories) else []),
            *([names] if any(kept) else []),
        )
    return right(table, "bars", "new")


def covariates_table(result: "Sequence[StoredCovariate]") -> Table:
    """One row per name and symbol."""
    table = plain_table("covariate", "symbol", "values", "known from", "to", "stored")
    for stored in result:
        table.add_row(
            stored.name,
            stored.symbol or "every one",
            f"{stored.n_values:,}",
            stored.first,
            stored.last,
            "yes" if stored.changed else "no change",
        )
    return right(table, "values")


def _moment(moment: date) -> str:
    """A session date, or an instant in UTC to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}Z" if isinstance(moment, datetime) else str(moment)


def _history(series: "FetchedSeries") -> str:
    """What a fetch changed of the bars that were stored already."""
    parts = []
    if series.readjusted is not None:
        parts.append(f"re-adjusted by {series.readjusted:.4f}")
    if series.n_revised:
        parts.append(f"{series.n_revised:,} revised")
    return ", ".join(parts)


def train_table(result: "TrainResult") -> Table:
    """A trained model, one fact per row."""
    manifest, measured = result.manifest, result.manifest.measured
    horizons = manifest.config.horizons
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("model", f"{manifest.name} {manifest.version}")
    table.add_row("learnt from", _learnt_from(result))
    table.add_row(
        "loss",
        f"{measured.validation_loss:.5f} in epoch {measured.best_epoch}"
        f"{_of_networks(manifest)},"
        f" untrained {measured.untrained_loss:.5f}"
        f" ({measured.n_validation:,} validation windows)",
    )
    edges = [
        f"{bars(horizon)}: {'no difference' if p is None else 'p ' + p_value(p)}"
        for horizon, p in zip(horizons, measured.edge_p, strict=True)
    ]
    found = "edge found" if measured.edge_found else "no edge found"
    table.add_row(
        "verdict",
        f"{found} over {rival(manifest)} ({', '.join(edges)};"
        f" {measured.n_calibration:,} later windows)",
    )
    table.add_row("90 % range", held_and_stretched(manifest))
    table.add_row("saved in", Text(str(result.folder)))
    return table


def _of_networks(manifest: "Manifest") -> str:
    n_networks = manifest.config.seeds
    return "" if n_networks == 1 else f" at the latest, mean of {n_networks} networks"


def _learnt_from(result: "TrainResult") -> str:
    manifest = result.manifest
    symbols = ", ".join(manifest.symbols[:6]) + (" ..." if len(manifest.symbols) > 6 else "")  # noqa: PLR2004 - a line's worth
    return (
        f"{symbols}: {manifest.measured.n_train:,} windows, {manifest.train_start} to"
        f" {manifest.train_end}"
    )


def models_table(models: "Iterable[ListedModel]") -> Table:
    """One row per model that can be opened: what it forecasts, and from what."""
    table = plain_table(
        "model", "version", "network", "objective", "bars ahead", "symbols", "known until", "edge",
        "versions", "size", gap=0,
    )  # fmt: skip
    for model in models:
        known = model.manifest
        if known is None:
            continue
        config = known.config
        table.add_row(
            known.name,
            known.version + (" pinned" if model.pinned else ""),
            config.network if config.seeds == 1 else f"{config.seeds} x {config.network}",
            config.objective,
            ", ".join(map(str, config.horizons)),
            f"{len(known.symbols):,}",
            known.known_until,
            "found" if known.measured.edge_found else "none",
            f"{model.n_versions:,}",
            f"{model.n_bytes / 1e6:,.1f} MB",
        )
    return right(table, "symbols", "versions", "size")


def tune_table(result: "TuneResult") -> Table:
    """The ten best trials, one per row."""
    finished = [trial for trial in result.trials if trial.loss is not None]
    names = list(finished[0].options)
    table = plain_table("trial", "loss", *(name.replace("_", " ") for name in names))
    for trial in finished[:_BEST_TRIALS]:
        values = [trial.options[name] for name in names]
        table.add_row(
            str(trial.number),
            f"{trial.loss:.5f}",
            *(f"{v:.4g}" if isinstance(v, float) else str(v) for v in values),
        )
    return right(table, "trial", "loss")


def tune_note(result: "TuneResult") -> str:
    """What was gained, how much luck may be in it, and the command that trains with it."""
    best = result.trials[0]
    gain = percent(1 - (best.loss or 0.0) / result.default_loss, 2)
    options = [f"--{name.replace('_', '-')} {v}" for name, v in result.given]
    options += [f"--{name.replace('_', '-')} {v}" for name, v in best.options.items()]
    command = ["forecast train", *result.symbols, "--model", result.config.network, *options]
    given_up = sum(trial.loss is None for trial in result.trials)
    return (
        f"{len(result.trials)} trials, {given_up} given up early. The best lost {gain} less than"
        f" the default\noptions on validation folds; of {result.n_tried_ever:,} trials on these"
        f" symbols one looks good by luck.\n"
        f"{' '.join(command)}"
    )


def features_table(features: "Sequence[Listed]") -> Table:
    """One row per feature."""
    table = plain_table("feature", "default", "warm-up", "source", gap=0)
    for feature in features:
        mark = "default" if feature.default else ""
        table.add_row(feature.name, mark, str(feature.warm_up), feature.source)
    return right(table, "warm-up")


def settings_table(settings: "Sequence[Setting]") -> Table:
    """One row per setting; a default is dimmed."""
    table = plain_table("setting", "value", "from")
    for setting in settings:
        several = setting.value if isinstance(setting.value, list) else [setting.value]
        words = (str(each).lower() if isinstance(each, bool) else str(each) for each in several)
        value = "" if setting.value is None else ", ".join(words)
        style = "dim" if setting.origin == "default" else ""
        table.add_row(setting.key, Text(value), Text(setting.origin), style=style)
    return table


def predict_table(result: "PredictResult") -> Table:
    """One row per symbol and horizon: the price's central 90 % range, its median and P(up)."""
    says_position = result.manifest.config.objective == "sharpe"
    table = plain_table(
        "symbol", "as of", "close", "for", "5 %", "median", "95 %", "P(up)",
        gap=0 if says_position else 1,
    )  # fmt: skip
    if says_position:
        table.add_column("position")
    for forecast in result.forecasts:
        prices = forecast.price_quantiles
        table.add_row(
            forecast.symbol,
            str(forecast.cutoff),
            f"{forecast.last_close:,.2f}",
            str(forecast.target_date),
            f"{prices[0.05]:,.2f}",
            f"{prices[0.5]:,.2f}",
            f"{prices[0.95]:,.2f}",
            f"{100 * forecast.p_up:.1f} %",
            *([] if forecast.position is None else [f"{forecast.position:+.2f}"]),
        )
    return right(table, "close", "5 %", "median", "95 %", "P(up)", "position")


def predict_note(result: "PredictResult") -> str:
    """What to think of these forecasts."""
    manifest = result.manifest
    measured = manifest.measured
    found = "edge found" if measured.edge_found else f"no edge found over {rival(manifest)}"
    version = f"{manifest.version} (pinned)" if result.pinned else manifest.version
    return f"{manifest.name} {version}: {found}\n90 % range: {held_and_stretched(manifest)}"


def rival(manifest: "Manifest") -> str:
    """What a model is measured against."""
    if manifest.config.objective == "sharpe":
        return "no position"
    return "the naive forecast"


def held_and_stretched(manifest: "Manifest") -> str:
    """How good the range was on windows that nothing was learnt from, and what followed."""
    measured, horizons = manifest.measured, manifest.config.horizons
    held = ", ".join(
        f"{percent(share, 1)} ({bars(horizon)})"
        for horizon, share in zip(horizons, measured.coverage_90, strict=True)
    )
    stretch = ", ".join(f"{factor:.2f}" for factor in manifest.stretch)
    return f"held {held} of {measured.n_calibration:,} later windows; since stretched by {stretch}"


def doctor_table(result: "Examination") -> Table:
    """One row per check: what was found, and under it what to do about it."""
    table = plain_table("check", "status", "found", gap=0)
    for one in result.diagnoses:
        table.add_row(one.check, one.status, one.found + (f"\nfix: {one.fix}" if one.fix else ""))
    return table


def plain_table(*columns: str, gap: int = 1) -> Table:
    """A table of our look. gap: spaces beside each column; 0 where 80 columns are tight."""
    table = NarrowTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, gap))
    for column in columns:
        table.add_column(column, no_wrap=column in KEYS, overflow="fold")
    return table


def right(table: Table, *columns: str) -> Table:
    """Align some columns to the right, unbroken."""
    for column in table.columns:
        if column.header in columns:
            column.justify = "right"
            column.no_wrap = True
    return table
