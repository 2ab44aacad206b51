"""A backtest as one HTML page that needs nothing but itself: no script, no address, no font."""

from forecast_cli.evaluation.scores import SIGNIFICANCE
from forecast_cli.report import facts, figures, measures
from forecast_cli.report.calibration_figures import calibration_charts
from forecast_cli.report.headline import headline, tiles
from forecast_cli.report.palette import palette_css
from forecast_cli.report.templating import PAGES
from forecast_cli.workflows.backtest_result import BacktestResult


def backtest_page(result: BacktestResult, *, command: str | None = None) -> str:
    """The page; equal results give equal bytes.

    command: what was typed to get the result; None where nobody typed.
    """
    columns = range(len(result.windows.horizons))
    return PAGES.get_template("report.html").render(
        result=result,
        headline=headline(result),
        tiles=tiles(result),
        facts=facts.facts(result),
        palette=palette_css(),
        fan=figures.fan_chart(result),
        equity=figures.equity_chart(result.strategies),
        calibration=[calibration_charts(result, column) for column in columns],
        beside=[measures.score_of(measures.NAIVE, result, column) for column in columns],
        selection=result.selection,
        skill=figures.skill_chart(result),
        measure=measures.skill_measure(result),
        naive=measures.NAIVE,
        symbols=measures.by_symbol(result),
        folds=[(fold, facts.gap_holds(fold)) for fold in result.folds],
        canaries=result.canary_line,
        findings=facts.finding_rows(result.data.findings),
        leaderboard=result.leaderboard,
        significance=SIGNIFICANCE,
        command=command,
        hashes=facts.hashes(result),
        settings=facts.settings(result),
    )
