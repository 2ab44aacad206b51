"""Market forecasts that cannot look ahead, from a shell or a crontab."""

__version__ = "0.1.0"
