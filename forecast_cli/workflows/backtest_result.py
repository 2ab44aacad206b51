"""What a backtest found out, as a value."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from forecast_cli.config import ModelConfig
from forecast_cli.data.bars import Bars
from forecast_cli.data.locks import Lock
from forecast_cli.data.store import data_hash
from forecast_cli.evaluation.check import Check, summary
from forecast_cli.evaluation.contest import Contest
from forecast_cli.evaluation.folds import FoldAudit, FoldPlan
from forecast_cli.evaluation.losses import Losses
from forecast_cli.evaluation.risk import RiskScore
from forecast_cli.evaluation.scores import Score
from forecast_cli.evaluation.verdict import (
    Standing,
    standings,
    verdict,
    verdict_against,
    verdict_of_several,
)
from forecast_cli.features.windows import Windows
from forecast_cli.findings import Finding
from forecast_cli.forecasts import Forecasts
from forecast_cli.trading.overfitting import Selection
from forecast_cli.trading.performance import TradingRow
from forecast_cli.workflows.overfitting import CrossValidation
from forecast_cli.workflows.reading import without_windows
from forecast_cli.workflows.strategies import StrategyRun, TradingPlan, earnings_verdict
from forecast_cli.workflows.tables import Tabular
from forecast_cli.workflows.warm_start import FittingCost

_NESTED: Final = {"against", "intervals", "ranges", "pinball", "pit_histogram", "reliability"}
"""Fields of a score that are tables of their own."""


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """What was tested on. first and last: dates of the first and last stored bar used.

    survivors_only: a reminder, true for more than one symbol: the store holds the symbols of
    today, and the ones that vanished are not in it. late: what is to be said of covariates that
    shorten what can be tested. findings: errors and warnings of `forecast data check` by symbol,
    those without any left out. remarks: of symbols with years missing, or too little to test.
    """

    symbols: tuple[str, ...]
    interval: str
    first: date
    last: date
    n_bars: int
    price_basis: dict[str, str]
    sha256: str
    survivors_only: bool
    skipped: tuple[str, ...]
    late: tuple[str, ...] = ()
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class BacktestResult(Tabular):
    """Everything a backtest found out.

    model: the one tested, or the best of several; config: its own. candidates: the configuration
    of each model tested, in the order asked for. contests: all forecasters at once, by horizon.
    forecasts: out of sample, of the models tested, each in the order of `windows`, whose targets
    are what came. losses: what is kept of every forecaster's, the naive rows' too. n_tried:
    different trials on these symbols that the ledger knows, this one included. risk: of the model;
    empty without ranges. canaries: checks for look-ahead, all passed; empty if not wanted.
    selection: among the strategies of all models; None without a choice. n_kept: folds that an
    earlier run had finished. lock: on a final period of the symbols. costs: of fitting, where they
    were measured.
    """

    model: str
    config: ModelConfig
    candidates: Mapping[str, ModelConfig]
    plan: FoldPlan
    trading_plan: TradingPlan
    data: DataSummary
    folds: tuple[FoldAudit, ...]
    scores: tuple[Score, ...]
    contests: tuple[Contest, ...]
    risk: tuple[RiskScore, ...]
    strategies: tuple[StrategyRun, ...]
    windows: Windows
    forecasts: Mapping[str, Forecasts]
    losses: Mapping[str, Losses]
    n_tried: int = 1
    canaries: tuple[Check, ...] = ()
    selection: Selection | None = None
    cross_validation: CrossValidation | None = None
    n_kept: int = 0
    lock: Lock | None = None
    costs: tuple[FittingCost, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """The scores as flat rows, one per horizon and forecaster; fields as in `Score`."""
        names = [known.name for known in fields(Score) if known.name not in _NESTED]
        return [{name: getattr(score, name) for name in names} for score in self.scores]

    @property
    def trading(self) -> tuple[TradingRow, ...]:
        """The performance figures, strategy by strategy."""
        return tuple(run.performance for run in self.strategies)

    @property
    def by_direction(self) -> bool:
        """Whether the models are judged by P(up): where none of them forecasts the return."""
        return judged_by_direction(self.candidates.values())

    @property
    def verdict(self) -> str:
        """What the scores say: a sentence, and a line, per horizon; of positions, their worth.

        Last of all, whether a locked period is still unseen.
        """
        return "\n".join([*self._judgements(), *([self.lock.sentence] if self.lock else [])])

    def _judgements(self) -> list[str]:
        if self.config.objective == "sharpe":
            return [earnings_verdict(self.strategies[0], self.trading_plan.terms.trade_bps)]
        by_direction = self.by_direction
        if len(self.candidates) == 1:
            lines = [verdict(row, by_direction=by_direction) for row in self.model_scores]
        else:
            lines = [
                verdict_of_several(rows, contest, by_direction=by_direction)
                for rows, contest in self._by_horizon()
            ]
        references = dict.fromkeys(score.forecaster for score in self.scores if score.reference)
        against = [
            verdict_against(score, row, by_direction=by_direction)
            for row in references
            for score in self.model_scores
        ]
        return lines + against

    @property
    def canary_line(self) -> str | None:
        """What the canaries say, in a sentence; None if none were sent."""
        return summary(self.canaries) if self.canaries else None

    @property
    def model_scores(self) -> tuple[Score, ...]:
        """The model's own rows, one per horizon."""
        return tuple(score for score in self.scores if score.forecaster == self.model)

    @property
    def leaderboard(self) -> dict[int, list[Standing]]:
        """The places of the tested models by horizon, best first."""
        return {
            rows[0].horizon: standings(rows, contest, by_direction=self.by_direction)
            for rows, contest in self._by_horizon()
        }

    def _by_horizon(self) -> Iterator[tuple[list[Score], Contest | None]]:
        """The tested models' rows at each horizon, and its contest."""
        contests = {contest.horizon: contest for contest in self.contests}
        for horizon in self.windows.horizons:
            rows = [row for row in self.scores if row.horizon == horizon]
            models = [row for row in rows if row.forecaster in self.candidates]
            yield models, contests.get(horizon)


def judged_by_direction(configs: Iterable[ModelConfig]) -> bool:
    """Whether models are compared by P(up): where none of them forecasts the return."""
    return all(config.objective == "logloss" for config in configs)


def summarize(
    series: Sequence[Bars],
    windows: Windows,
    *,
    late: tuple[str, ...] = (),
    findings: Mapping[str, tuple[Finding, ...]] = MappingProxyType({}),
    remarks: tuple[str, ...] = (),
) -> DataSummary:
    """What some series and their windows are. late, findings, remarks: see `DataSummary`."""
    return DataSummary(
        symbols=tuple(bars.symbol for bars in series),
        interval=series[0].interval,
        first=min(bars.timestamp[0] for bars in series).item(),
        last=max(bars.timestamp[-1] for bars in series).item(),
        n_bars=sum(map(len, series)),
        price_basis={bars.symbol: bars.price_basis for bars in series},
        sha256=data_hash(series),
        survivors_only=len(series) > 1,
        skipped=without_windows(windows),
        late=late,
        findings=findings,
        remarks=remarks,
    )
