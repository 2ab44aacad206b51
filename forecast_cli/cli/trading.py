"""The options of `forecast backtest` that say how forecasts are traded."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from forecast_cli.workflows.strategies import TradingPlan

_PANEL = "Trading"


class Strategy(StrEnum):
    """Rules from forecasts to positions."""

    sign = "sign"
    long_only = "long-only"
    threshold = "threshold"
    mean_variance = "mean-variance"
    vol_target = "vol-target"
    top_bottom = "top-bottom"
    position = "position"


class Execute(StrEnum):
    """When on the next day a position is traded."""

    open = "open"
    close = "close"


Strategies: TypeAlias = Annotated[
    list[Strategy] | None,
    typer.Option(
        "--strategy",
        help="How to trade the shortest horizon; repeat for several. Default: sign and long-only;"
        " position where the model decides itself.",
        rich_help_panel=_PANEL,
    ),
]
Threshold: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0.5,
        max=0.99,
        help="P(up) from which the strategy threshold buys.",
        rich_help_panel=_PANEL,
    ),
]
RiskAversion: TypeAlias = Annotated[
    float,
    typer.Option(min=0.1, max=1000, help="Of mean-variance.", rich_help_panel=_PANEL),
]
TargetVolatility: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=2,
        help="Of vol-target: per year and symbol; 0.1 is 10 %.",
        rich_help_panel=_PANEL,
    ),
]
CrossSection: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=0.5,
        help="Of top-bottom: share of the symbols on each side.",
        rich_help_panel=_PANEL,
    ),
]
ExecuteOption: TypeAlias = Annotated[
    Execute,
    typer.Option("--execute", help="When, on the next day, to trade.", rich_help_panel=_PANEL),
]
CostBps: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0,
        max=1000,
        help="Commission, or all costs of a trade, in hundredths of a per cent.",
        rich_help_panel=_PANEL,
    ),
]
HalfSpreadBps: TypeAlias = Annotated[
    float,
    typer.Option(min=0, max=1000, help="On top: half the spread.", rich_help_panel=_PANEL),
]
SlippageBps: TypeAlias = Annotated[
    float,
    typer.Option(min=0, max=1000, help="On top: slippage.", rich_help_panel=_PANEL),
]
BorrowRate: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0,
        max=10,
        help="Fee per year on shares sold short; 0.03 is 3 %.",
        rich_help_panel=_PANEL,
    ),
]
FinancingRate: TypeAlias = Annotated[
    float,
    typer.Option(min=0, max=10, help="Interest per year on borrowed cash.", rich_help_panel=_PANEL),
]
MaxPosition: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=100,
        help="Largest position per symbol, in multiples of equity.",
        rich_help_panel=_PANEL,
    ),
]
MaxTurnover: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=100,
        help="Most money traded in a day, in multiples of equity.",
        rich_help_panel=_PANEL,
    ),
]
MinTrade: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="Smallest trade worth making, in multiples of equity.",
        rich_help_panel=_PANEL,
    ),
]


def trading_plan(
    strategies: list[Strategy] | None,
    *,
    threshold: float,
    risk_aversion: float,
    target_volatility: float,
    cross_section: float,
    execute: Execute,
    **terms: float | None,
) -> "TradingPlan":
    """The plan asked for; terms: the other fields of `accounting.Terms`."""
    from forecast_cli.trading.accounting import Terms
    from forecast_cli.trading.positions import RuleSettings
    from forecast_cli.workflows.strategies import TradingPlan

    return TradingPlan(
        rules=tuple(dict.fromkeys(chosen.value for chosen in strategies)) if strategies else None,
        settings=RuleSettings(
            threshold=threshold,
            risk_aversion=risk_aversion,
            target_volatility=target_volatility,
            cross_section=cross_section,
        ),
        terms=Terms(execute=execute.value, **terms),  # type: ignore[arg-type]  # mixed by keyword
    )
