"""`forecast fetch` into a store that does not exist yet: the second run of a fetch writes nothing.

Usage: fresh_fetch.py SOURCE HOME
"""

import shutil
import sys

from forecast_cli.__main__ import main

source, home = sys.argv[1:]
shutil.rmtree(home, ignore_errors=True)
sys.argv = ["forecast", "fetch", "--from", source, "--home", home, "--quiet"]
main()
