"""Whether forecasts mean what they say: ranges, whole distributions, P(up); a horizon at a time."""

from functools import partial
from typing import Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from forecast_cli.arrays import FloatArray1D
from forecast_cli.evaluation.losses import RANGE_LEVELS
from forecast_cli.evaluation.scores import Score
from forecast_cli.report import measures
from forecast_cli.report.measures import NAIVE, Reliability
from forecast_cli.report.palette import colour
from forecast_cli.report.picture import Key, Picture, small
from forecast_cli.report.words import bars, percent
from forecast_cli.workflows.backtest_result import BacktestResult

_MARKS: Final = {
    "calm": ("variant", "s", "square"),
    "wild": ("miss", "D", "diamond"),
}
"""Colour, marker and form by volatility regime; the middle third stands in the table."""

_HISTOGRAM_BINS: Final = 20
_LEAST_REACH: Final = 0.5
"""Percentage points of P(up) to either side: finer differences are not worth a look."""
_LEAST_EXCESS: Final = 2.0
"""Percentage points of coverage to either side: closer is as good as it gets."""


def calibration_charts(result: BacktestResult, column: int) -> list[Picture]:
    """Coverage, PIT and reliability of the model at one horizon; without ranges the last only."""
    own, naive = (measures.score_of(name, result, column) for name in (result.model, NAIVE))
    charts = [_coverage_chart(own, naive), _pit_chart(own, naive)]
    return [
        *(chart for chart in charts if chart is not None),
        _reliability_chart(result, own, column),
    ]


def _coverage_chart(own: Score, naive: Score) -> Picture | None:
    """How much more often than promised ranges held, overall and by regime."""
    if own.coverage_90 is None:
        return None
    told = "; ".join(
        f"{percent(of.level, 0)} range {percent(of.coverage, 1)}"
        + "".join(f", {part.regime} {percent(part.coverage, 1)}" for part in of.regimes)
        for of in own.ranges
    )
    return small(
        partial(_paint_coverage, own, naive),
        title=f"Coverage, {bars(own.horizon)} ahead",
        alt=f"Share of returns held by the ranges of {own.forecaster}: {told}.",
        legend=(
            Key("model", "dot", own.forecaster),
            *(Key(tint, form, f"{name} third") for name, (tint, _, form) in _MARKS.items()),
            Key("naive", "ring", NAIVE),
        ),
    )


def _pit_chart(own: Score, naive: Score) -> Picture | None:
    """Where returns fell in the distributions forecast: flat is right."""
    if own.pit_histogram is None:
        return None
    told = ", ".join(percent(share, 1) for share in own.pit_histogram)
    return small(
        partial(_paint_pit, own, naive),
        title=f"PIT, {bars(own.horizon)} ahead",
        alt=f"Share of returns in each tenth of the distribution forecast: {told}; 10 % is right.",
        legend=(Key("model", "bar", own.forecaster), Key("naive", "outline", NAIVE)),
    )


def _reliability_chart(result: BacktestResult, own: Score, column: int) -> Picture:
    """P(up) of one horizon against how often it rose, with counts."""
    p_up = result.forecasts[result.model].p_up[:, column]
    found = measures.reliability(p_up, result.windows.returns[:, column])
    points = zip(found.p_up, found.rose, found.count, strict=True)
    told = "; ".join(f"{percent(p, 0)}: {percent(rose, 0)} of {n}" for p, rose, n in points)
    return small(
        partial(_paint_reliability, found, p_up),
        title=f"P(up), {bars(own.horizon)} ahead",
        alt=f"How often the price rose, by P(up): {told}."
        f" Expected calibration error {percent(own.ece, 1)}.",
        legend=(
            Key("model", "dot", f"{_counts(found)} forecasts each, ECE {percent(own.ece, 1)}"),
            Key("muted", "bar", "how often P(up) was said"),
        ),
    )


def _counts(found: Reliability) -> str:
    """Forecasts per bin: "250", or "249 to 251"."""
    fewest, most = f"{found.count.min():,}", f"{found.count.max():,}"
    return fewest if fewest == most else f"{fewest} to {most}"


def _paint_coverage(own: Score, naive: Score, figure: Figure) -> None:
    axes = figure.subplots()
    places = np.arange(len(RANGE_LEVELS))
    axes.axhline(0, color=colour("muted"), linewidth=0.9, linestyle=(0, (4, 3)))
    by_regime = {
        part.regime: [_excess(of.regimes[index].coverage, of.level) for of in own.ranges]
        for index, part in enumerate(own.ranges[0].regimes)
    }
    for shift, (regime, (tint, marker, _)) in zip((0.08, 0.26), _MARKS.items(), strict=True):
        axes.plot(places + shift, by_regime[regime], marker, color=colour(tint), markersize=4.5)
    beside = [_excess(of.coverage, of.level) for of in naive.ranges]
    overall = [_excess(of.coverage, of.level) for of in own.ranges]
    axes.plot(
        places - 0.28, beside, "o", color=colour("naive"), markersize=6.5, markerfacecolor="none"
    )
    axes.plot(places - 0.1, overall, "o", color=colour("model"), markersize=6.5)
    reach = 1.15 * np.nanmax(np.abs([*by_regime.values(), beside, overall, [_LEAST_EXCESS] * 4]))
    axes.set(xlim=(-0.6, len(places) - 0.4), ylim=(-reach, reach), xticks=places)
    axes.set_xticklabels([percent(level, 0) for level in RANGE_LEVELS])
    axes.grid(visible=False, axis="x")
    axes.set(xlabel="range forecast", ylabel="held beyond that, points")


def _excess(held: float | None, level: float) -> float:
    """Percentage points by which a range held more than it promised."""
    return float("nan") if held is None else 100 * (held - level)


def _paint_pit(own: Score, naive: Score, figure: Figure) -> None:
    axes = figure.subplots()
    shares = 100 * np.array(own.pit_histogram)
    edges = np.linspace(0, 1, len(shares) + 1)
    axes.stairs(shares, edges, fill=True, color=colour("model"), alpha=0.55, linewidth=0)
    if naive.pit_histogram is not None:
        beside = 100 * np.array(naive.pit_histogram)
        axes.stairs(beside, edges, color=colour("naive"), linewidth=1.3, baseline=None)
    axes.axhline(10, color=colour("muted"), linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set_ylim(bottom=0)
    axes.set(xlim=(0, 1), xlabel="place in the distribution forecast", ylabel="returns, %")
    axes.grid(visible=False, axis="x")


def _paint_reliability(found: Reliability, p_up: FloatArray1D, figure: Figure) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    rose, through, dashes = 100 * found.rose, 100 * p_up.mean(), (0, (4, 3))
    upper.axline(
        (through, through), slope=1, color=colour("muted"), linewidth=0.9, linestyle=dashes
    )
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
