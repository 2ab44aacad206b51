"""A backtest to report on, and a page as a browser reads it."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from forecast_cli.config import ModelConfig, model_config
from forecast_cli.data.bars import Bars
from forecast_cli.evaluation.contest import contests
from forecast_cli.evaluation.folds import FoldPlan, audit, cut_folds
from forecast_cli.evaluation.intervals import with_intervals
from forecast_cli.evaluation.losses import losses_of
from forecast_cli.evaluation.risk import risk_scores
from forecast_cli.evaluation.scores import score_losses
from forecast_cli.evaluation.walk_forward import Candidate, walk_forward
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import concatenate
from forecast_cli.findings import Finding
from forecast_cli.models.baselines import BASELINES, DEFAULT_BASELINES
from forecast_cli.trading.accounting import Terms
from forecast_cli.workflows.backtest_result import BacktestResult, DataSummary
from forecast_cli.workflows.strategies import TradingPlan, run_strategies

HOSTILE = [
    "<script>alert(1)</script>",
    r"$\alpha$ {{ 7*7 }} %s",
    '"><img src=x onerror="alert(1)">',
    "_'</title></style>&amp;",
    "\u202egnp.exe\u2066",
]
"""Names of models and symbols that would like to be markup, or to turn the text around."""


def bars(symbol: str, seed: int, n: int = 560) -> Bars:
    """A random walk on weekdays."""
    rng = np.random.default_rng(seed)
    days = np.arange(np.datetime64("2015-01-01"), np.datetime64("2018-01-01"))
    close = 100 * np.exp(np.cumsum(0.01 * rng.standard_normal(n)))
    opened = close * np.exp(0.003 * rng.standard_normal(n))
    return Bars(
        symbol=symbol,
        interval="1d",
        price_basis="split_adjusted",
        timestamp=days[np.is_busday(days)][:n],
        open=opened,
        high=np.maximum(opened, close) * 1.003,
        low=np.minimum(opened, close) * 0.997,
        close=close,
        adj_close=close,
        volume=np.full(n, 1e6),
        dividends=np.full(n, np.nan),
        splits=np.full(n, np.nan),
    )


def backtested(
    model: str = "plain",
    symbols: Sequence[str] = ("AAA", "BBB"),
    *,
    like: str = "drift",
    folds: int = 3,
    config: ModelConfig | None = None,
    rival: str | None = None,
) -> BacktestResult:
    """A real walk-forward in which a naive row, under another name, plays the model.

    rival: name of a second model, played by ewma_history.
    """
    config = config or model_config("linear")
    series = [bars(symbol, seed) for seed, symbol in enumerate(symbols)]
    windows = build_windows(
        series, horizons=config.horizons, lookback=config.lookback, features=config.features
    )
    plan, trading = FoldPlan(folds=folds), TradingPlan(terms=Terms(cost_bps=7.5))
    cut = list(cut_folds(windows, plan))
    models = {model: BASELINES[like]} | ({rival: BASELINES["ewma_history"]} if rival else {})
    candidates = {**models, **{name: BASELINES[name] for name in DEFAULT_BASELINES}}
    forecasts = {
        name: walk_forward(Candidate(name=name, make=make), cut)
        for name, make in candidates.items()
    }
    tested = concatenate([fold.test for fold in cut])
    losses = {name: losses_of(made, tested) for name, made in forecasts.items()}
    naive, by_direction = DEFAULT_BASELINES, config.objective == "logloss"
    return BacktestResult(
        model=model,
        config=config,
        candidates=dict.fromkeys(models, config),
        plan=plan,
        trading_plan=trading,
        data=DataSummary(
            symbols=tuple(symbols),
            interval="1d",
            first=series[0].timestamp[0].item(),
            last=series[0].timestamp[-1].item(),
            n_bars=sum(map(len, series)),
            price_basis={one.symbol: one.price_basis for one in series},
            sha256="0123456789abcdef" * 4,
            survivors_only=len(series) > 1,
            skipped=(),
        ),
        folds=tuple(audit(fold) for fold in cut),
        scores=tuple(with_intervals(score_losses(losses, tested, naive=naive), losses, tested)),
        contests=tuple(
            contests(losses, tested, naive=naive, by_direction=by_direction) if rival else ()
        ),
        risk=tuple(risk_scores(forecasts[model], tested)),
        strategies=tuple(run_strategies(model, forecasts[model], series, trading)),
        windows=tested,
        forecasts={name: forecasts[name] for name in models},
        losses=losses,
    )


def crowded(result: BacktestResult, n_symbols: int) -> BacktestResult:
    """The same windows, dealt out to many symbols, each of which has a finding."""
    names = tuple(f"S{number:03}" for number in range(n_symbols))
    dealt = np.arange(len(result.windows)) % n_symbols
    doubt = Finding("zero_volume", "the volume is 0", 1, ("2015-05-12",), "warning", "compare")
    return replace(
        result,
        windows=replace(result.windows, symbols=names, symbol_index=dealt),
        strategies=tuple(
            replace(run, by_symbol=dict.fromkeys(names, 0.001)) for run in result.strategies
        ),
        data=replace(
            result.data,
            symbols=names,
            price_basis=dict.fromkeys(names, "split_adjusted"),
            findings=dict.fromkeys(names, (doubt,)),
        ),
    )


class Page(HTMLParser):
    """What a browser would make of a page: elements with their attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.headings: list[str] = []
        self._text: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self._text).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by HTMLParser for each element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        """Called by HTMLParser for text."""
        if self.get_starttag_text() in ("<h1>", "<h2>") and data.strip():
            self.headings.append(data)
        self._text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def images(self) -> list[str]:
        """The SVG text of every image."""
        addresses = [image["src"] for image in self.all("img")]
        addresses += [source["srcset"] for source in self.all("source")]
        return [b64decode(address.partition("base64,")[2]).decode() for address in addresses]
