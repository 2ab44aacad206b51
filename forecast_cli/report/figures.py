"""What the forecasts were and what came of them, over time; each figure told in its text, too."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from forecast_cli.arrays import DateArray1D, FloatArray1D, FloatArray2D
from forecast_cli.evaluation.folds import FoldAudit
from forecast_cli.evaluation.metrics import inside
from forecast_cli.forecasts import quantiles_at
from forecast_cli.report import measures
from forecast_cli.report.measures import Fan
from forecast_cli.report.palette import colour
from forecast_cli.report.picture import Key, Picture, across_page
from forecast_cli.report.words import bars
from forecast_cli.workflows.backtest_result import BacktestResult
from forecast_cli.workflows.strategies import StrategyRun

_BANDS: Final = {0.95: 0.14, 0.8: 0.2, 0.5: 0.3}
"""Opacity by level of the central range; they lie on one another."""

_STRATEGY_LINES: Final = (
    ("model", 1.3),
    ("variant", 1.5),
    ("miss", 1.1),
    ("ink", 1.1),
    ("muted", 1.1),
)
_HOLD_LINE: Final = ("naive", 1.9)
"""Colour and width. Drawn thinnest last, so that equal strategies hide none of them."""

_DECADE: Final = 10
_MOST_LABELLED: Final = 8


def fan_chart(result: BacktestResult) -> Picture | None:
    """Ranges forecast against what came; None where the model gives no ranges."""
    fan = measures.fan(result)
    if fan is None:
        return None
    n_outside = int((inside(fan.returns, fan.quantiles, 0.95) == 0).sum())
    return across_page(
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
    return across_page(
        partial(_paint_equity, runs),
        height=4.6,
        title="Equity, starting at 1, and drawdown",
        alt=f"Equity from {runs[0].days[0]} to {runs[0].days[-1]}, starting at 1, ends at: {ends}.",
        legend=tuple(
            Key(tint, "line", run.performance.strategy) for (tint, _), run in _styled(runs)
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
    return across_page(
        partial(_paint_skill, skill, result.folds, horizons),
        height=0.7 + 1.4 * len(horizons),
        title=f"{measure} skill against {measures.NAIVE}, per cent",
        alt=f"{measure} skill by fold. {told}.",
        legend=(Key("model", "bar", "better"), Key("miss", "bar", "worse")),
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
    for chosen, tint, size in ((held, "ink", 2.8), (~held, "miss", 4.8)):
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
    axes.margins(x=0.01)
    _date_axis(axes)


def _paint_equity(runs: Sequence[StrategyRun], figure: Figure) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(5, 2))
    for (tint, width), run in reversed(_styled(runs)):
        equity = run.account.equity
        drawdown = 100 * (equity / np.maximum.accumulate(equity) - 1)
        # a ruined account has no logarithm: its line ends
        above_ruin = np.where(equity > 0, equity, np.nan)
        upper.plot(run.days, above_ruin, color=colour(tint), linewidth=width)
        lower.plot(run.days, drawdown, color=colour(tint), linewidth=0.7 * width)
    upper.set_yscale("log")
    _plain_log_axis(upper)
    upper.axhline(1, color=colour("muted"), linewidth=0.8)
    upper.set_ylabel("equity (log scale)")
    upper.margins(x=0.01)
    lower.set_ylabel("drawdown, %")
    lower.set_ylim(top=0)
    lower.margins(x=0.01)
    _date_axis(lower)


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
        axes.margins(x=0.01, y=0.3)
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
