"""The column names and types of stored bars: the one column list.

A stored series is one Parquet file with exactly these columns, ascending by timestamp:

- `timestamp`: zone-less. A daily bar carries midnight of its session date, which is a calendar
  date and never a shifted instant; an intraday bar the instant in UTC at which it starts.
- `open`, `high`, `low`, `close`: as the vendor gave them, in the currency of the exchange.
- `adj_close`: the close that returns are computed from; `close` where the file has only one.
- `volume`: shares or contracts; 0 where the vendor gives none.
- `dividends` (per share), `splits` (new shares per old, 0 on days without): null where unknown.
"""

from typing import Final, Literal, TypeAlias

PRICE_COLUMNS: Final = ("open", "high", "low", "close", "adj_close")
ACTION_COLUMNS: Final = ("dividends", "splits")
BAR_COLUMNS: Final = ("timestamp", *PRICE_COLUMNS, "volume", *ACTION_COLUMNS)

PriceBasis: TypeAlias = Literal["raw", "split_adjusted", "adjusted", "unknown"]
"""What `close` means: as traded; adjusted for splits; for splits and dividends; not known."""

DAILY: Final = "1d"
INTERVALS: Final = (DAILY,)
"""Bar spacings that are forecast. Intraday bars of any spacing are read and stored."""

BARS_FORMAT: Final = 1
MODEL_FORMAT: Final = 1
JSON_FORMAT: Final = 1
"""Versions of what is written and printed: raised only where an older reader would go wrong."""
