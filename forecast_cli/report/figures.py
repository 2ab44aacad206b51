"""The figures of a backtest. Each says in its text what it shows, for who cannot see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from forecast_cli.arrays import DateArray1D, FloatArray1D, FloatArray2D
from forecast_cli.evaluation.folds import FoldAudit
from forecast_cli.evaluation.losses import RANGE_LEVELS
from forecast_cli.evaluation.metrics import inside
from forecast_cli.forecasts import quantiles_at
from forecast_cli.report import measures
from forecast_cli.report.measures import Fan, Reliability
from forecast_cli.report.svg import colour, draw
from forecast_cli.report.words import bars, percent
from forecast_cli.workflows.backtest_result import BacktestResult
from forecast_cli.workflows.strategies import StrategyRun

_WIDE, _NARROW, _SMALL = 10.2, 4.1, 4.3
"""Inches: across the page, across a telephone, and half a page or a telephone."""

_BANDS = {0.95: 0.14, 0.8: 0.2, 0.5: 0.3}
"""Opacity by level of the central range; they lie on one another."""

_STRATEGY_LINES = (("model", 1.1), ("variant", 1.7), ("miss", 1.1), ("ink", 1.1), ("muted", 1.1))
_HOLD_LINE = ("naive", 2.5)
"""Colour and width. Drawn thinnest last, so that equal strategies hide none of them."""

_DECADE = 10
_MOST_LABELLED = 8
_HISTOGRAM_BINS = 20
_LEAST_REACH = 0.5
"""Percentage points of P(up) to either side: finer differences are not worth a look."""


@dataclass(frozen=True)
class Key:
    """A line of a legend: colour of the palette, form (line, dot, bar or band) and name."""

    colour: str
    form: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure as `data:` addresses. narrow: another drawing of it, for telephones."""

    title: str
    alt: str
    wide: str
    narrow: str = ""
    legend: tuple[Key, ...] = ()


def fan_chart(result: BacktestResult) -> Picture | None:
    """Ranges forecast against what came; None where the model gives no ranges."""
    fan = measures.fan(result)
    if fan is None:
        return None
    n_outside = int((inside(fan.returns, fan.quantiles, 0.95) == 0).sum())
    return _both_widths(
        partial(_paint_fan, fan),
        height=3.3,
        title=f"{fan.symbol}, {bars(fan.horizon)} ahead, the last {len(fan.returns)} forecasts",
        alt=f"Forecast ranges and returns by cutoff, {fan.cutoffs[0]} to {fan.cutoffs[-1]}:"
        f" {n_outside} of {len(fan.returns)} returns lie outside the 95 % range.",
        legend=(
            Key("model", "band", "50, 80 and 95 % range"),
            Key("model", "line", "median"),
            Key("ink", "dot", "what came"),
            Key("miss", "dot", "what came, outside the 95 % range"),
        ),
    )


def equity_chart(runs: Sequence[StrategyRun]) -> Picture:
    """Equity of the first five strategies and of holding, on a log scale; drawdown below."""
    ends = ", ".join(f"{run.performance.strategy} {run.account.equity[-1]:.2f}" for run in runs)
    return _both_widths(
        partial(_paint_equity, runs),
        height=4.6,
        title="Equity, starting at 1, and drawdown",
        alt=f"Equity from {runs[0].days[0]} to {runs[0].days[-1]}, starting at 1, ends at: {ends}.",
        legend=tuple(
            Key(tint, "line", run.performance.strategy) for (tint, _), run in _styled(runs)
        ),
    )


def coverage_chart(result: BacktestResult, column: int) -> Picture:
    """Nominal against observed coverage of one horizon, the naive row beside the model."""
    shares = {
        name: measures.coverage(name, result, column) for name in (result.model, measures.NAIVE)
    }
    told = "; ".join(
        f"{name} " + ", ".join(percent(share, 1) for share in held) for name, held in shares.items()
    )
    levels = ", ".join(percent(level, 0) for level in RANGE_LEVELS)
    return Picture(
        title=f"Coverage, {bars(result.windows.horizons[column])} ahead",
        alt=f"Share of returns held by the {levels} ranges: {told}.",
        wide=draw(
            partial(_paint_coverage, shares[result.model], shares[measures.NAIVE]),
            width=_SMALL,
            height=3.4,
        ),
        legend=(Key("model", "dot", result.model), Key("naive", "ring", measures.NAIVE)),
    )


def reliability_chart(result: BacktestResult, column: int) -> Picture:
    """P(up) of one horizon against how often it rose, with counts."""
    p_up = result.forecasts[result.model].p_up[:, column]
    found = measures.reliability(p_up, result.windows.returns[:, column])
    points = zip(found.p_up, found.rose, found.count, strict=True)
    told = "; ".join(f"{percent(p, 0)}: {percent(rose, 0)} of {n}" for p, rose, n in points)
    return Picture(
        title=f"P(up), {bars(result.windows.horizons[column])} ahead",
        alt=f"How often the price rose, by P(up): {told}.",
        wide=draw(partial(_paint_reliability, found, p_up), width=_SMALL, height=3.4),
        legend=(
            Key("model", "dot", f"{_counts(found)} forecasts of {result.model}"),
            Key("muted", "bar", "how often P(up) was said"),
        ),
    )


def skill_chart(result: BacktestResult) -> Picture | None:
    """Skill against the naive row, fold by fold, one panel per horizon; None where undefined."""
    skill = measures.fold_skill(result)
    if np.isnan(skill).any():
        return None
    horizons, measure = result.windows.horizons, measures.skill_measure(result)
    told = "; ".join(
        f"{bars(horizon)} ahead: {np.sum(of > 0)} of {len(of)} folds above 0"
        for horizon, of in zip(horizons, skill.T, strict=True)
    )
    return _both_widths(
        partial(_paint_skill, skill, result.folds, horizons),
        height=0.7 + 1.4 * len(horizons),
        title=f"{measure} skill against {measures.NAIVE}, per cent",
        alt=f"{measure} skill by fold. {told}.",
        legend=(Key("model", "bar", "better"), Key("miss", "bar", "worse")),
    )


def _counts(found: Reliability) -> str:
    """Forecasts per bin: "250", or "249 to 251"."""
    fewest, most = f"{found.count.min():,}", f"{found.count.max():,}"
    return fewest if fewest == most else f"{fewest} to {most}"


def _both_widths(
    paint: Callable[[Figure], None], *, height: float, title: str, alt: str, legend: tuple[Key, ...]
) -> Picture:
    return Picture(
        title=title,
        alt=alt,
        wide=draw(paint, width=_WIDE, height=height),
        narrow=draw(paint, width=_NARROW, height=height),
        legend=legend,
    )


def _styled(runs: Sequence[StrategyRun]) -> list[tuple[tuple[str, float], StrategyRun]]:
    """The last one is holding, the yardstick."""
    chosen = zip(_STRATEGY_LINES, runs[:-1], strict=False)
    return [*chosen, (_HOLD_LINE, runs[-1])]


def _paint_fan(fan: Fan, figure: Figure) -> None:
    axes = figure.subplots()
    curves, returns = 100 * fan.quantiles, 100 * fan.returns
    for level, opacity in _BANDS.items():
        lower, upper = (quantiles_at(curves, 0.5 + side * level / 2) for side in (-1, 1))
        axes.fill_between(
            fan.cutoffs, lower, upper, color=colour("model"), alpha=opacity, linewidth=0
        )
    axes.plot(fan.cutoffs, quantiles_at(curves, 0.5), color=colour("model"))
    held = inside(returns, curves, 0.95) == 1
    for chosen, tint, size in ((held, "ink", 2.5), (~held, "miss", 4.5)):
        axes.plot(
            fan.cutoffs[chosen],
            returns[chosen],
            linestyle="none",
            marker="o",
            markersize=size,
            markeredgewidth=0,
            color=colour(tint),
        )
    axes.set_ylabel("log return, %")
    _date_axis(axes)


def _paint_equity(runs: Sequence[StrategyRun], figure: Figure) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(5, 2))
    for (tint, width), run in reversed(_styled(runs)):
        equity = run.account.equity
        drawdown = 100 * (equity / np.maximum.accumulate(equity) - 1)
        # a ruined account has no logarithm: its line ends
        above_ruin = np.where(equity > 0, equity, np.nan)
        upper.plot(run.days, above_ruin, color=colour(tint), linewidth=width)
        lower.plot(run.days, drawdown, color=colour(tint), linewidth=0.8 * width)
    upper.set_yscale("log")
    _plain_log_axis(upper)
    upper.set_ylabel("equity (log scale)")
    lower.set_ylabel("drawdown, %")
    lower.set_ylim(top=0)
    _date_axis(lower)


def _paint_coverage(model: FloatArray1D, naive: FloatArray1D, figure: Figure) -> None:
    axes = figure.subplots()
    nominal = 100 * np.array(RANGE_LEVELS)
    _diagonal(axes, through=nominal[0])
    axes.plot(
        nominal, 100 * naive, "o", color=colour("naive"), markersize=9, markerfacecolor="none"
    )
    axes.plot(nominal, 100 * model, "o", color=colour("model"), markersize=5)
    lowest = np.nanmin([45.0, *(100 * model - 5), *(100 * naive - 5)])
    axes.set(xlim=(45, 100), ylim=(lowest, 101), xticks=nominal)
    axes.set(xlabel="range forecast, %", ylabel="returns in it, %")


def _paint_reliability(found: Reliability, p_up: FloatArray1D, figure: Figure) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    rose = 100 * found.rose
    _diagonal(upper, through=100 * p_up.mean())
    upper.plot(100 * found.p_up, rose, "o", color=colour("model"), markersize=5)
    upper.set_ylim(max(rose.min() - 8, -3), min(rose.max() + 8, 103))
    upper.set_ylabel("rose, %")
    middle = 50 * (p_up.max() + p_up.min())
    # a little more than half the range, so that rounding leaves no forecast out
    reach = max(51 * np.ptp(p_up), _LEAST_REACH)
    lower.hist(
        100 * p_up,
        bins=np.linspace(middle - reach, middle + reach, _HISTOGRAM_BINS + 1),
        color=colour("muted"),
        rwidth=0.8,
        linewidth=0,
    )
    lower.xaxis.set_major_locator(MaxNLocator(nbins=6))
    lower.yaxis.set_major_locator(MaxNLocator(nbins=2, integer=True))
    lower.set(xlabel="P(up), %", ylabel="count")


def _paint_skill(
    skill: FloatArray2D, folds: Sequence[FoldAudit], horizons: Sequence[int], figure: Figure
) -> None:
    after = folds[-1].test_end + np.timedelta64(1, "D")
    edges = np.array([*(fold.test_start for fold in folds), after])
    panels = figure.subplots(len(horizons), 1, sharex=True, squeeze=False)[:, 0]
    for axes, horizon, of in zip(panels, horizons, 100 * skill.T, strict=True):
        # two outlines, not a bar per fold: there may be a thousand
        axes.stairs(np.maximum(of, 0), edges, fill=True, color=colour("model"), linewidth=0)
        axes.stairs(np.minimum(of, 0), edges, fill=True, color=colour("miss"), linewidth=0)
        axes.axhline(0, color=colour("muted"), linewidth=0.8)
        axes.set_ylabel(bars(horizon))
        axes.margins(y=0.25)
        axes.grid(visible=False, axis="x")
        if len(folds) <= _MOST_LABELLED:
            _label_steps(axes, edges, of)
    _date_axis(panels[-1])


def _label_steps(axes: Axes, edges: DateArray1D, values: FloatArray1D) -> None:
    centred: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "center"}
    for start, end, value in zip(edges[:-1], edges[1:], values, strict=True):
        axes.vlines(end, min(value, 0), max(value, 0), color=colour("paper"))
        at, above = (start + (end - start) / 2, value), (0, 7 if value > 0 else -7)
        axes.annotate(f"{value:.1f}", at, xytext=above, **centred)


def _diagonal(axes: Axes, *, through: float) -> None:
    """Where forecasts come true as often as they say. through: a point of it that is shown."""
    dashes = (0, (4, 3))
    axes.axline((through, through), slope=1, color=colour("muted"), linewidth=0.8, linestyle=dashes)


def _date_axis(axes: Axes) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _plain_log_axis(axes: Axes) -> None:
    """Ticks such as 0.8, 1 and 1.5: powers of ten alone would leave most axes empty."""
    low, high = axes.get_ylim()
    few_decades = LogLocator(subs=(1, 2, 5))
    axes.yaxis.set_major_locator(MaxNLocator(5) if high < _DECADE * low else few_decades)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
