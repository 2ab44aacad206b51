"""Windows by day: symbols of one day move together and count as one observation."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D, IntArray1D


@dataclass(frozen=True, kw_only=True, eq=False)
class Days:
    """of_day: shape (n,), the number of each window's day. size: windows of each day, (n_days,)."""

    of_day: IntArray1D
    size: IntArray1D

    @classmethod
    def of(cls, cutoffs: DateArray1D) -> Self:
        """Number the days from the oldest on."""
        _, of_day, size = np.unique(cutoffs, return_inverse=True, return_counts=True)
        return cls(of_day=of_day, size=size)

    def __len__(self) -> int:
        return len(self.size)

    def sums(self, values: FloatArray1D) -> FloatArray1D:
        """Sum over the windows of each day, shape (n_days,)."""
        summed = np.bincount(self.of_day, values, minlength=len(self.size))
        return summed.astype(np.float64, copy=False)  # of no window it would count in integers

    def means(self, values: FloatArray1D) -> FloatArray1D:
        """Mean over the windows of each day, shape (n_days,)."""
        return self.sums(values) / self.size
