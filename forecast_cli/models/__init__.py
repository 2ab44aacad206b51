"""Everything that learns, and the baselines it has to beat."""
