"""The options that commands share, each written once."""

import os
import stat
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, cast

import typer

from forecast_cli.cli import completion
from forecast_cli.errors import ConfigError, UsageError
from forecast_cli.folders import user_folder
from forecast_cli.plugins import plugin_names

if TYPE_CHECKING:
    from forecast_cli import schema
    from forecast_cli.evaluation.folds import CombinatorialPlan, FoldPlan
    from forecast_cli.findings import Policies
    from forecast_cli.settings import Settings

INPUT = "Input"
MODEL = "Model"
SEARCH = "Search"
TEST = "Test"
OUTPUT = "Output"


@cache
def networks() -> str:
    """The networks that can be trained here, plug-ins included."""
    return ", ".join(("linear", "logistic", "mlp", "cnn", "rnn", "lstm", *plugin_names()))


class Objective(StrEnum):
    """What is trained for, and so what is forecast."""

    crps = "crps"
    logloss = "logloss"
    mse = "mse"
    mae = "mae"
    huber = "huber"
    sharpe = "sharpe"


class Optimizer(StrEnum):
    """How weights are fitted; sgd is plain gradient descent."""

    sgd = "sgd"
    momentum = "momentum"
    rmsprop = "rmsprop"
    adam = "adam"
    adamw = "adamw"


class Baseline(StrEnum):
    """Rows beside a model; the first four always stand."""

    random_walk = "random_walk"
    drift = "drift"
    ewma_history = "ewma_history"
    always_up = "always_up"
    history_250 = "history_250"
    ar = "ar"
    garch_t = "garch_t"
    gjr_garch_t = "gjr_garch_t"


class Calibration(StrEnum):
    """How forecasts are corrected by what became known."""

    none = "none"
    fixed = "fixed"
    adaptive = "adaptive"


class PriceBasis(StrEnum):
    """What close means; auto leaves it to the columns."""

    auto = "auto"
    raw = "raw"
    split_adjusted = "split-adjusted"
    adjusted = "adjusted"


class ResultFormat(StrEnum):
    """Forms of a result on stdout."""

    table = "table"
    json = "json"


class ForecastFormat(StrEnum):
    """Forms of forecasts."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


class RowsFormat(StrEnum):
    """Forms of a result that is made of rows."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


class Window(StrEnum):
    """Which history a fold learns from."""

    expanding = "expanding"
    rolling = "rolling"


class CrossValidation(StrEnum):
    """Cross-validations that estimate overfitting, beside the walk-forward."""

    cpcv = "cpcv"


Symbols: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        help="Symbols such as AAPL or ^GSPC; none means all that are stored.",
        autocompletion=completion.stored_symbols,
    ),
]
Home: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        envvar="FORECAST_HOME",
        help="Folder of the store; by default this user's data folder.",
        rich_help_panel=INPUT,
    ),
]
IntervalOption: TypeAlias = Annotated[
    str,
    typer.Option("--interval", help="Bar spacing; daily only for now.", rich_help_panel=INPUT),
]
Horizons: TypeAlias = Annotated[
    list[int] | None,
    typer.Option(
        "--horizon",
        min=1,
        max=250,
        help="Bars ahead; repeat for several. Default: 1 and 5.",
        rich_help_panel=MODEL,
    ),
]
Lookback: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=500,
        help="Bars in one input. Default: 1 for linear, logistic, mlp; 20 to 40 for the others.",
        rich_help_panel=MODEL,
    ),
]
Features: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--features",
        metavar="NAME[,NAME...]",
        help="What the network sees; repeat or separate by commas. `forecast features` lists all."
        " Default: the ten that it marks.",
        rich_help_panel=MODEL,
    ),
]
Covariates: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--covariate",
        metavar="NAME",
        help="Another stored symbol such as ^VIX, or stored values such as sentiment, beside each"
        " symbol's own bars, as of its close; repeat for several.",
        rich_help_panel=MODEL,
    ),
]
Carry: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=100,
        help="Sessions over which a covariate's value is carried on. Default: 5.",
        rich_help_panel=MODEL,
    ),
]
Epochs: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=10_000,
        help="At most so many; training stops when validation no longer improves. Default: 60.",
        rich_help_panel=MODEL,
    ),
]
BatchSize: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, max=65_536, help="Windows per step. Default: 128.", rich_help_panel=MODEL),
]
OptimizerOption: TypeAlias = Annotated[
    Optimizer | None,
    typer.Option("--optimizer", help="Default: adam.", rich_help_panel=MODEL),
]
LearningRate: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=0, max=10, help="Step size. Default: fits the optimizer.", rich_help_panel=MODEL
    ),
]
WeightDecay: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Share of each weight taken off per unit of step size. Default: 0; adamw: 0.004.",
        rich_help_panel=MODEL,
    ),
]
Dropout: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=0.9,
        help="Share of hidden values silenced in training. Default: 0.",
        rich_help_panel=MODEL,
    ),
]
Units: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1024,
        help="Width of mlp, rnn, lstm. Default: 32, 16, 24; mlp halves it layer by layer.",
        rich_help_panel=MODEL,
    ),
]
Filters: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, max=1024, help="Patterns of a cnn. Default: 16.", rich_help_panel=MODEL),
]
Layers: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=8,
        help="Hidden layers. Default: mlp 2, cnn 3, rnn and lstm 1.",
        rich_help_panel=MODEL,
    ),
]
Seeds: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=32,
        help="Networks trained, seed after seed, and averaged. Default: 1.",
        rich_help_panel=MODEL,
    ),
]
ObjectiveOption: TypeAlias = Annotated[
    Objective | None,
    typer.Option(
        "--objective",
        help="The whole distribution (crps), the direction (logloss), a point (mse, mae, huber), or"
        " a position that earns after costs (sharpe). Default: crps (logistic: logloss).",
        rich_help_panel=MODEL,
    ),
]
Seed: TypeAlias = Annotated[
    int, typer.Option(min=0, max=2**31 - 1, help="Of all random numbers.", rich_help_panel=MODEL)
]
MaxAgeSessions: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=10_000,
        help="Refuse a symbol whose last bar lies more closed sessions back. Default: none is"
        " refused.",
        rich_help_panel=INPUT,
    ),
]
OpenLock: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--open-lock",
        help="Use bars that `backtest --lock-test` has locked. Remembered, and shown in every later"
        " backtest of these symbols.",
        rich_help_panel=INPUT,
    ),
]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Write here instead of to stdout.", rich_help_panel=OUTPUT),
]
Force: TypeAlias = Annotated[
    bool, typer.Option("--force", help="Overwrite existing files.", rich_help_panel=OUTPUT)
]
Quiet: TypeAlias = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print nothing on success.", rich_help_panel=OUTPUT),
]
Format: TypeAlias = Annotated[
    ResultFormat, typer.Option("--format", help="Form of the result.", rich_help_panel=OUTPUT)
]
RowsOption: TypeAlias = Annotated[
    RowsFormat, typer.Option("--format", help="Form of the result.", rich_help_panel=OUTPUT)
]
Keep: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=10_000,
        help="Remove all but so many of the model's versions, never the one in use.",
        rich_help_panel=OUTPUT,
    ),
]
Yes: TypeAlias = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask.", rich_help_panel=INPUT)
]
DryRun: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be removed.", rich_help_panel=INPUT)
]
Strict: TypeAlias = Annotated[
    bool, typer.Option("--strict", help="Take warnings as errors.", rich_help_panel=INPUT)
]
CalendarOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Exchange to check against, such as XLON or 24/7. Default: by the symbol's suffix.",
        rich_help_panel=INPUT,
    ),
]


def policies(settings: "Settings", *, strict: bool = False) -> "Policies":
    """What follows from findings: as the settings have it, and the option."""
    from forecast_cli.findings import Policies

    return Policies(chosen=settings.checks, strict=strict)


def day(text: str) -> datetime:
    """Parse a date option."""
    try:
        return datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - a calendar date has no zone
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2024-12-31") from None


def seconds(text: str) -> float:
    """Parse a length of time."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise typer.BadParameter(f"{text!r} is not a number of seconds above 0")
    return value


def said_basis(basis: PriceBasis) -> "schema.PriceBasis | None":
    """The price basis that a user has stated; None where the columns must tell."""
    if basis is PriceBasis.auto:
        return None
    return cast("schema.PriceBasis", basis.value.replace("-", "_"))


def ascending(horizons: list[int] | None) -> tuple[int, ...] | None:
    """Horizons as a configuration has them; None for the default."""
    return tuple(sorted(set(horizons))) if horizons else None


def chosen_features(
    features: list[str] | None, covariates: list[str] | None
) -> tuple[str, ...] | None:
    """Features as a configuration has them, those of the covariates last; None for the default."""
    if not features and not covariates:
        return None
    from forecast_cli.config import DEFAULT_FEATURES
    from forecast_cli.features.indicators import check_names, covariate_features

    named = _split(features) or DEFAULT_FEATURES
    check_names(named)
    columns = [column for name in _split(covariates) for column in covariate_features(name)]
    return tuple(dict.fromkeys([*named, *columns]))


def _split(texts: list[str] | None) -> list[str]:
    """The names in options that may be repeated or hold several, separated by commas."""
    names = [name.strip() for text in texts or [] for name in text.split(",")]
    return [name for name in names if name]


def fold_plan(
    *,
    folds: int | None,
    refit_every: int | None,
    test_size: int | None,
    test_start: datetime | None,
    window: Window | None,
    train_size: int | None,
    embargo: int | None,
) -> "FoldPlan | None":
    """The plan asked for; None when no option of it was given."""
    given = (folds, refit_every, test_size, test_start, window, train_size, embargo)
    if given == (None,) * len(given):
        return None
    import numpy as np

    from forecast_cli.evaluation.folds import FoldPlan

    return FoldPlan(
        folds=folds,
        refit_every=refit_every,
        test_size=test_size,
        test_start=None if test_start is None else np.datetime64(test_start, "D"),
        # a size is asked for only of a window that has one
        window=window.value if window else "rolling" if train_size else "expanding",
        train_size=train_size,
        embargo=embargo or 0,
    )


def combinatorial_plan(
    cv: CrossValidation | None,
    *,
    groups: int | None,
    test_groups: int | None,
    embargo: int | None,
) -> "CombinatorialPlan | None":
    """The cross-validation asked for; raises UsageError for groups of none."""
    if cv is None:
        if groups or test_groups:
            raise UsageError("groups are those of a cross-validation", fix="add --cv cpcv")
        return None
    from forecast_cli.evaluation.folds import CombinatorialPlan

    return CombinatorialPlan(groups=groups or 6, test_groups=test_groups or 2, embargo=embargo or 0)


def as_date(moment: datetime | None) -> date | None:
    """The calendar date of a date option."""
    return None if moment is None else moment.date()


def home_folder(home: Path | None) -> Path:
    """The store's folder: the one given, or this user's data folder; it need not exist.

    Raises ConfigError for one that is no folder, cannot be reached, or may be written by anybody:
    whoever writes there decides what is forecast.
    """
    folder = _own_folder() if home is None else Path(os.path.expanduser(home))  # noqa: PTH111 - never raises
    choose = "choose another with --home, FORECAST_HOME or home in forecast.toml"
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError as error:
        if folder.is_symlink():
            raise ConfigError(f"{folder}: is a link that leads nowhere", fix=choose) from error
        return folder
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ConfigError(f"{folder}: is no folder for a store ({reason})", fix=choose) from error
    if not stat.S_ISDIR(mode):
        raise ConfigError(f"{folder}: is no folder for a store (not a directory)", fix=choose)
    if mode & stat.S_IWOTH:
        raise ConfigError(f"{folder}: may be written by anybody", fix=f"chmod o-w {folder}")
    return folder


def _own_folder() -> Path:
    folder = user_folder("data")
    if folder is None:
        raise ConfigError("this user has no home folder", fix="add --home, or set FORECAST_HOME")
    return folder
