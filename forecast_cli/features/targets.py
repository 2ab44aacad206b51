"""What is predicted. The only place in the program that looks forward in time."""

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D


def future_return(adj_close: FloatArray1D, horizon: int) -> FloatArray1D:
    """Log return from each bar to the one `horizon` bars later, shape (n_bars,).

    NaN on the last `horizon` bars, whose future is not known.
    """
    future = np.full(len(adj_close), np.nan)
    future[:-horizon] = np.log(adj_close[horizon:] / adj_close[:-horizon])
    return future


def known_from(timestamp: DateArray1D, horizon: int) -> DateArray1D:
    """The date at whose close each bar's target is known, shape (n_bars,); NaT if it is not."""
    dates = np.full(len(timestamp), np.datetime64("NaT", "D"))
    dates[:-horizon] = timestamp[horizon:]
    return dates
