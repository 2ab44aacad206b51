"""Econometric rows: what a statistician would forecast from a symbol's own past returns.

Each is fitted per symbol on all returns so far and again after every 21 bars, counted from the
symbol's first: the forecast at a bar depends on the bars up to it and on nothing else.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from statistics import NormalDist
from typing import Any, Final, Generic, TypeVar

import numpy as np
from scipy.signal import lfilter
from scipy.special import stdtrit

from forecast_cli.arrays import FloatArray1D, FloatArray2D, FloatArray3D, IntArray1D
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS, Forecasts
from forecast_cli.models.outputs import from_quantiles

REFIT_EVERY: Final = 21
"""Bars, about a month."""

_MOST_LAGS: Final = 10
_PERCENT: Final = 100.0  # the unit in which arch's optimiser is at home
_NORMAL: Final[FloatArray1D] = np.array([NormalDist().inv_cdf(level) for level in LEVELS])

Law = TypeVar("Law")


def pasts(windows: Windows) -> Iterator[tuple[IntArray1D, FloatArray1D, IntArray1D]]:
    """Per symbol: its windows, its bar returns up to the newest of them, and their cutoffs therein.

    A forecast at cutoff c may use the returns up to and including number c.
    """
    for symbol in np.unique(windows.symbol_index):
        which = np.flatnonzero(windows.symbol_index == symbol)
        rows = windows.rows[which]
        past = windows.past_returns(int(rows.max()))
        yield which, past, len(past) - 1 - (rows.max() - rows)


class Refitted(ABC, Generic[Law]):
    """A Forecaster that learns a law from each symbol's past, every 21 bars."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """Nothing yet: the past that each forecast is fitted on comes with its window."""

    def predict(self, windows: Windows) -> Forecasts:
        """Forecast at every window's cutoff, from the returns known there."""
        quantiles = np.empty((len(windows), len(windows.horizons), len(LEVELS)))
        for which, past, cutoffs in pasts(windows):
            learnt_at = cutoffs - (cutoffs + 1) % REFIT_EVERY
            for last in np.unique(learnt_at):
                now = learnt_at == last
                law = self.learn(past[: last + 1])
                known = past[: cutoffs[now].max() + 1]
                quantiles[which[now]] = self.curves(law, known, cutoffs[now], windows.horizons)
        return from_quantiles(windows, quantiles)

    @abstractmethod
    def learn(self, past: FloatArray1D) -> Law:
        """Fit to the returns known so far, oldest first."""

    @abstractmethod
    def curves(
        self, law: Law, past: FloatArray1D, cutoffs: IntArray1D, horizons: tuple[int, ...]
    ) -> FloatArray3D:
        """Quantiles at some cutoffs, positions in `past`; shape (n, n_horizons, 99)."""


@dataclass(frozen=True, kw_only=True)
class GarchLaw:
    """v[t+1] = omega + (alpha + gamma [e[t] < 0]) e[t]^2 + beta v[t], e = 100 r - mean.

    Standardised residuals follow Student's t with `nu` degrees of freedom and variance 1. start:
    the variance of the first return, by convention the mean over what the law was learnt from.
    """

    mean: float
    omega: float
    start: float
    alpha: float = 0.0
    gamma: float = 0.0
    beta: float = 0.0
    nu: float = 1e6

    def next_variance(self, past: FloatArray1D) -> FloatArray1D:
        """Variance of the return after each one, shape (n,), by the recursion."""
        residual = _PERCENT * past - self.mean
        shock = (self.alpha + self.gamma * (residual < 0)) * residual**2
        state = [self.beta * self.start]
        variance, _ = lfilter([1.0], [1.0, -self.beta], self.omega + shock, zi=state)
        following: FloatArray1D = variance
        return following

    def total_variance(self, variance: FloatArray1D, horizon: int) -> FloatArray1D:
        """Expected variance of the sum of the next returns, from that of the first of them."""
        persistence = self.alpha + self.gamma / 2 + self.beta
        total, ahead = np.zeros_like(variance), variance
        for _ in range(horizon):
            total = total + ahead
            ahead = self.omega + persistence * ahead
        return total


class GarchT(Refitted[GarchLaw]):
    """GARCH(1,1) with Student-t residuals and a constant mean (Bollerslev 1987).

    Over several bars expected variances are added up and the shape of one bar is kept: quicker than
    simulation, without its noise, and slightly too heavy in the tails.
    """

    asymmetry: int = 0

    def learn(self, past: FloatArray1D) -> GarchLaw:
        """Maximum likelihood by arch; constant variance where that fails, as on a flat price."""
        arch_model = _library("arch").arch_model
        scaled = _PERCENT * past
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a failed fit is seen in what it returns
            model = arch_model(scaled, p=1, o=self.asymmetry, q=1, dist="t", rescale=False)
            try:
                fitted = model.fit(disp="off", show_warning=False)
            except (ValueError, np.linalg.LinAlgError):
                return _constant(scaled)
        names = ("omega", "alpha[1]", "gamma[1]", "beta[1]", "nu")
        found = dict(zip(fitted.params.index, fitted.params.tolist(), strict=True))
        omega, alpha, gamma, beta, nu = (found.get(name, 0.0) for name in names)
        if fitted.convergence_flag or not nu > 2:  # noqa: PLR2004 - below, t has no variance
            return _constant(scaled)
        mean = found["mu"]
        start = float(np.mean((scaled - mean) ** 2))
        return GarchLaw(
            mean=mean, omega=omega, start=start, alpha=alpha, gamma=gamma, beta=beta, nu=nu
        )

    def curves(
        self, law: GarchLaw, past: FloatArray1D, cutoffs: IntArray1D, horizons: tuple[int, ...]
    ) -> FloatArray3D:
        """The t curve about the mean, as wide as the expected variance."""
        shape = stdtrit(law.nu, LEVELS) * np.sqrt((law.nu - 2) / law.nu)
        variance = law.next_variance(past)[cutoffs]
        made = [
            horizon * law.mean + np.sqrt(law.total_variance(variance, horizon))[:, None] * shape
            for horizon in horizons
        ]
        curves: FloatArray3D = np.stack(made, axis=1) / _PERCENT
        return curves


class GjrGarchT(GarchT):
    """The same with falls counting more than rises (Glosten, Jagannathan and Runkle 1993)."""

    asymmetry = 1


def _library(module: str) -> Any:  # noqa: ANN401 - ships no types
    """Arch or statsmodels, late: both load pandas and take seconds."""
    return import_module(module)


def _constant(scaled: FloatArray1D) -> GarchLaw:
    variance = float(scaled.var())
    return GarchLaw(mean=float(scaled.mean()), omega=variance, start=variance)


@dataclass(frozen=True, kw_only=True)
class ArLaw:
    """r[t] = constant + sum of coefficients[k] r[t-k-1], residuals of some variance."""

    constant: float
    coefficients: FloatArray1D
    variance: float


class Autoregression(Refitted[ArLaw]):
    """AR(p) by least squares, p up to 10 by BIC, normal residuals of one variance."""

    def learn(self, past: FloatArray1D) -> ArLaw:
        """Order and coefficients by statsmodels."""
        if np.ptp(past) == 0:
            return ArLaw(constant=float(past[0]), coefficients=np.zeros(0), variance=0.0)
        ar_model = _library("statsmodels.tsa.ar_model")
        fitted = ar_model.ar_select_order(past, maxlag=_MOST_LAGS, ic="bic").model.fit()
        return ArLaw(
            constant=float(fitted.params[0]),
            coefficients=np.asarray(fitted.params[1:]),
            variance=float(fitted.sigma2),
        )

    def curves(
        self, law: ArLaw, past: FloatArray1D, cutoffs: IntArray1D, horizons: tuple[int, ...]
    ) -> FloatArray3D:
        """The normal curve about the sum of the expected returns.

        Its variance adds up what each coming shock does to the sum.
        """
        longest, order = horizons[-1], len(law.coefficients)
        newest_first: FloatArray2D = past[cutoffs[:, None] - np.arange(order)]
        expected = np.empty((len(cutoffs), longest))
        for ahead in range(longest):
            expected[:, ahead] = law.constant + newest_first @ law.coefficients
            newest_first = np.column_stack([expected[:, ahead], newest_first])[:, :order]
        response = lfilter([1.0], np.append(1.0, -law.coefficients), np.eye(1, longest)[0])
        deviation = np.sqrt(law.variance * np.cumsum(np.cumsum(response) ** 2))
        columns = np.array(horizons) - 1
        mean = np.cumsum(expected, axis=1)[:, columns]
        curves: FloatArray3D = mean[:, :, None] + deviation[columns, None] * _NORMAL
        return curves
