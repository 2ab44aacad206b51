"""What the features of a series may see besides its own bars."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from forecast_cli.data.bars import Bars
from forecast_cli.data.covariates import Covariate
from forecast_cli.data.sessions import Calendar

BySymbol: TypeAlias = Mapping[str | None, Covariate]
"""A stored covariate, by the symbol it is of; under None that of every symbol."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Market:
    """The world around a series: whole series, from which each feature takes what was known.

    peers: the symbols a model learnt from, among which a symbol is ranked. covariates: by name;
    that of another price series is its symbol. calendars: by name, as far as moments of different
    exchanges are compared. carry: sessions that a covariate's value outlives. since: a date before
    which no feature is asked for.
    """

    peers: tuple[Bars, ...] = ()
    covariates: Mapping[str, Bars | BySymbol] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    carry: int = 0
    since: np.datetime64 = field(default_factory=lambda: np.datetime64("0001-01-01"))


NOTHING_ELSE: Final = Market()
"""Features that look at their own bars only need no more."""
