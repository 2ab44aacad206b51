"""From forecasts to positions, to money, to performance figures."""
