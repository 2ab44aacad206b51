"""The ingest script everybody writes: pandas reads each CSV and writes it as Parquet."""

import sys
from pathlib import Path

import pandas as pd

source, output = Path(sys.argv[1]), Path(sys.argv[2])
output.mkdir(exist_ok=True)
for path in sorted(source.glob("*.csv")) if source.is_dir() else [source]:
    frame = pd.read_csv(path, parse_dates=["Date"])
    frame.to_parquet(output / f"{path.stem}.parquet", index=False)
