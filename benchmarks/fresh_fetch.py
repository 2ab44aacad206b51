"""`forecast fetch` into a store that does not exist yet: the second run of a fetch writes nothing.

Each run makes a store of its own and leaves it: files removed just before would cost the file
system, which looks through what was lately deleted, up to a second per run.

Usage: fresh_fetch.py SOURCE FOLDER
"""

import sys
import tempfile

from forecast_cli.__main__ import main

if __name__ == "__main__":
    source, folder = sys.argv[1:]
    home = tempfile.mkdtemp(dir=folder)
    sys.argv = ["forecast", "fetch", "--from", source, "--home", home, "--quiet"]
    main()
