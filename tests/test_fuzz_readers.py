"""Mutated files against the readers: bars or an error of ours, in seconds, in little memory.

FORECAST_FUZZ_SECONDS sets how long; 600 is the long form.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import fuzz_readers

SECONDS = float(os.environ.get("FORECAST_FUZZ_SECONDS", "8"))


def test_mutated_files_are_read_or_refused() -> None:
    """No other exception, no hang over five seconds, no gigabyte; all five readers had cases."""
    script = Path(fuzz_readers.__file__)
    done = subprocess.run(
        [sys.executable, script, str(SECONDS)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-4000:]
    counts = json.loads(done.stdout)
    sys.stdout.write(done.stdout)
    assert counts["peak_bytes"] < fuzz_readers.LARGEST_BYTES
    assert set(counts["cases"]) == {"csv", "stream", "parquet", "covariates", "settings"}
    # what is always refused tests nothing but the refusal
    assert set(counts["read"]) == set(counts["cases"])
