"""Names of array types. The digit is the rank; shapes, units and NaN rules stand in docstrings."""

from typing import Any, TypeAlias

import numpy as np

FloatArray1D: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float64]]
FloatArray2D: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float64]]
FloatArray3D: TypeAlias = np.ndarray[tuple[int, int, int], np.dtype[np.float64]]
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Float32Array2D: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Float32Array3D: TypeAlias = np.ndarray[tuple[int, int, int], np.dtype[np.float32]]
IntArray1D: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
IntArray2D: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int64]]
BoolArray1D: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]
BoolArray2D: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.bool_]]
DateArray1D: TypeAlias = np.ndarray[tuple[int], np.dtype[np.datetime64]]
"""`datetime64[D]`: session dates of daily bars; `datetime64[s]`: starts of intraday bars in UTC."""
