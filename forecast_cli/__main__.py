"""The `forecast` command."""

from forecast_cli.cli.app import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
