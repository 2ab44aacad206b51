"""The `forecast` command."""

import gc
import os

gc.set_threshold(50_000)  # modules stay; to look for garbage among them costs a twentieth of help
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # none is ours; a look takes 0.01 s

from forecast_cli.cli.app import main  # noqa: E402 - and all that it imports

__all__ = ["main"]

if __name__ == "__main__":
    main()
