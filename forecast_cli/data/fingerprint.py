"""A fingerprint of the bars a model learnt from: does the store still say the same?

A plain hash would call a series another one when a dividend re-adjusts it, since the vendor rounds
the multiplied prices, and a hash of rounded returns would break where a return lies on the edge
between two roundings. So the dates are hashed, and the returns are summed up with fixed
pseudo-random weights into a few check values, which are compared with a tolerance. Returns do not
change when all prices are multiplied by a constant.
"""

import hashlib
from typing import Annotated, Final

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from forecast_cli.arrays import BoolArray1D, DateArray1D, FloatArray1D, FloatArray2D
from forecast_cli.data.bars import Bars
from forecast_cli.data.covariates import Covariate
from forecast_cli.schema import PRICE_COLUMNS

_N_SUMS: Final = 32
_TOLERANCE: Final = 1e-3
"""Of a sum of log returns. Prices rounded to six digits move the sum over 20 years by a tenth of
this; one price corrected by 0.3 % moves it by more."""
_DIGITS: Final = 6


def _instant(text: str) -> str:
    np.datetime64(text)  # ValueError for a thirteenth month
    return text


_Timestamp = Annotated[
    str, Field(pattern=r"^\d{4}-\d{2}-\d{2}(T[\d:.]{5,15})?$"), AfterValidator(_instant)
]


class Fingerprint(BaseModel):
    """first, last: ends of the bars. sums: weighted sums of the log returns of all prices."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    first: _Timestamp
    last: _Timestamp
    dates_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    sums: Annotated[tuple[float, ...], Field(min_length=_N_SUMS, max_length=_N_SUMS)]


def fingerprint(series: Bars | Covariate) -> Fingerprint:
    """The fingerprint of a series of at least one bar or value, without volume."""
    moments = _moments(series)
    return Fingerprint(
        first=str(moments[0]),
        last=str(moments[-1]),
        dates_sha256=_dates_sha256(moments),
        sums=tuple(round(float(total), _DIGITS) for total in _sums(_steps(series))),
    )


def is_revised(series: Bars | Covariate, learnt: Fingerprint) -> bool:
    """Whether a stored series differs, between the ends of the fingerprint, from what it was.

    Bars before and after are news and no revision; so is a re-adjustment by one constant ratio.
    """
    moments = _moments(series)
    inside = (moments >= np.datetime64(learnt.first)) & (moments <= np.datetime64(learnt.last))
    if _dates_sha256(moments[inside]) != learnt.dates_sha256:
        return True
    return bool((np.abs(_sums(_steps(series, inside)) - np.array(learnt.sums)) > _TOLERANCE).any())


def _moments(series: Bars | Covariate) -> DateArray1D:
    return series.timestamp if isinstance(series, Bars) else series.available_at


def _dates_sha256(moments: DateArray1D) -> str:
    return hashlib.sha256(moments.astype("datetime64[us]").tobytes()).hexdigest()


def _steps(series: Bars | Covariate, inside: BoolArray1D | slice = slice(None)) -> FloatArray2D:
    """What is summed up, one row per step: log returns of all prices, or a covariate's values."""
    if isinstance(series, Bars):
        part = series.take(inside)
        prices = np.column_stack([getattr(part, name) for name in PRICE_COLUMNS])
        returns: FloatArray2D = np.diff(np.log(prices), axis=0)
        return returns
    values = series.values[inside]
    shares: FloatArray2D = values[:, None] / (np.abs(values).max(initial=0) or 1)
    return shares


def _sums(steps: FloatArray2D) -> FloatArray1D:
    """Neighbouring returns go to different sums, so that both ends of a wrong bar are seen."""
    number = np.arange(steps.size, dtype=np.float64).reshape(steps.shape)
    # Fractions of multiples of an irrational number are spread evenly (Weyl); sizes 0.5 to 1.5.
    weights = (0.5 + number * np.sqrt(5) % 1) * np.where(number * np.sqrt(2) % 1 < 0.5, -1, 1)  # noqa: PLR2004 - half of them
    each = (weights * steps).sum(axis=1)
    total = np.bincount(np.arange(len(each)) % _N_SUMS, each, minlength=_N_SUMS)
    sums: FloatArray1D = total.astype(np.float64)
    return sums
