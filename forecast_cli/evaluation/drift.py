"""Have a model's inputs left what it was trained on?

The population stability index (PSI; Lewis 1994, Siddiqi 2006) compares the shares of recent values
between the deciles of training with those of training itself: sum (a - e) ln(a / e). By custom,
above 0.25 a population is another one. It is no test: with n independent values it is 9 / n on
average where nothing has changed (Yurdakul and Naranjo 2020).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from forecast_cli.arrays import Float32Array2D, FloatArray1D, FloatArray2D

SHIFTED: Final = 0.25
FEWEST: Final = 100
"""Values below which a PSI is mostly noise and is not flagged."""

N_EDGES: Final = 11
"""Lowest value, nine inner deciles, highest value."""

_LEVELS: Final = np.linspace(0, 1, N_EDGES)


@dataclass(frozen=True, kw_only=True)
class Drift:
    """psi: of recent inputs. outside: share of them beyond the lowest and highest of training."""

    feature: str
    n: int
    psi: float
    outside: float

    @property
    def shifted(self) -> bool:
        """Whether the inputs are others than those of training, as far as so many can tell."""
        return self.n >= FEWEST and self.psi > SHIFTED


def deciles(inputs: Float32Array2D) -> FloatArray2D:
    """What is kept of training inputs, shape (n, n_features): shape (n_features, 11)."""
    # values that occur, so that a feature of two values has no third between them
    edges: FloatArray2D = np.quantile(
        inputs.astype(np.float64), _LEVELS, axis=0, method="inverted_cdf"
    ).T
    return edges


def drift(feature: str, learnt: FloatArray1D, recent: FloatArray1D) -> Drift:
    """Compare recent values of a feature, shape (n,), with its training deciles, shape (11,)."""
    outside = (recent < learnt[0]) | (recent > learnt[-1])
    return Drift(
        feature=feature,
        n=len(recent),
        psi=stability_index(learnt, recent),
        outside=float(outside.mean()),
    )


def stability_index(learnt: FloatArray1D, recent: FloatArray1D) -> float:
    """PSI over the parts between the deciles. An empty part counts as half a value.

    Of a feature with few values several deciles are the same: their parts are one.
    """
    edges, first = np.unique(learnt[1:-1][learnt[1:-1] < learnt[-1]], return_index=True)
    last = np.append(first[1:], np.sum(learnt[1:-1] < learnt[-1])) if len(first) else first
    expected = np.diff([0.0, *_LEVELS[last], 1.0])
    counts = np.bincount(np.searchsorted(edges, recent, side="left"), minlength=len(expected))
    actual = np.maximum(counts, 0.5) / len(recent)
    return float(np.sum((actual - expected) * np.log(actual / expected)))
