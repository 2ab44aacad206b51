"""The ingest script everybody writes: pandas reads each CSV and writes it as Parquet.

Usage: pandas_ingest.py SOURCE FOLDER; each run makes a folder of its own there.
"""

import sys
import tempfile
from pathlib import Path

import pandas as pd

source, output = Path(sys.argv[1]), Path(tempfile.mkdtemp(dir=sys.argv[2]))
for path in sorted(source.glob("*.csv")) if source.is_dir() else [source]:
    frame = pd.read_csv(path, parse_dates=["Date"])
    frame.to_parquet(output / f"{path.stem}.parquet", index=False)
