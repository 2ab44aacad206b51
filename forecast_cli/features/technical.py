"""Indicators of technical analysis through TA-Lib, the extra `talib`.

Their smoothing never forgets: computed over a whole series, each value would depend on where the
series starts. So each bar is given its own last `TAIL` bars and no others. After these, what a
longer history would add is below a millionth.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.errors import UsageError
from forecast_cli.features.ingredients import Ingredients

TAIL: Final = 200
"""Bars that one value is computed from."""

_LENGTH: Final = 14


def rsi(of: Ingredients) -> FloatArray1D:
    """Relative strength index over 14 bars, scaled to -1 (only falls) to 1 (only rises)."""
    talib = _talib()
    return _each(lambda close: talib.RSI(close, _LENGTH)[-1] / 50 - 1, of.bars.adj_close)


def atr(of: Ingredients) -> FloatArray1D:
    """Logarithm of the average true range over 14 bars in units of close times volatility."""
    talib = _talib()

    def range_of(high: FloatArray1D, low: FloatArray1D, close: FloatArray1D) -> float:
        share: float = talib.ATR(high, low, close, _LENGTH)[-1] / close[-1]
        return share

    # 0.01 as in `log_ratio`: a price that stands still is far below the usual but finite
    return np.log(_each(range_of, *_adjusted(of.bars)) / of.volatility + 0.01)


def macd(of: Ingredients) -> FloatArray1D:
    """MACD (12, 26) less its signal line (9), in units of close times volatility."""
    talib = _talib()
    histogram = _each(
        lambda close: talib.MACD(close, 12, 26, 9)[2][-1] / close[-1], of.bars.adj_close
    )
    return histogram / of.volatility


def _each(compute: Callable[..., float], *columns: FloatArray1D) -> FloatArray1D:
    """A value per bar from the last `TAIL` rows of some columns; NaN while there are fewer."""
    n_bars = len(columns[0])
    values = np.full(n_bars, np.nan)
    for end in range(TAIL, n_bars + 1):
        values[end - 1] = compute(*(column[end - TAIL : end] for column in columns))
    return values


def _adjusted(bars: Bars) -> tuple[FloatArray1D, FloatArray1D, FloatArray1D]:
    factor = bars.adj_close / bars.close
    return bars.high * factor, bars.low * factor, bars.adj_close


def _talib() -> ModuleType:
    try:
        import talib  # noqa: PLC0415 - an extra, and it imports pandas
    except ImportError:
        raise UsageError(
            "the features rsi_14, atr_14 and macd need TA-Lib, which is not installed",
            fix="pip install 'forecast-cli[talib]'",
        ) from None
    module: ModuleType = talib
    return module
