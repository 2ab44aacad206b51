"""The `forecast` command."""

import gc

gc.set_threshold(50_000)  # modules stay; to look for garbage among them costs a tenth of the start

from forecast_cli.cli.app import main  # noqa: E402 - and all that it imports

__all__ = ["main"]

if __name__ == "__main__":
    main()
