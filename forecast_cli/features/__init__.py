"""From bars to windows: past-only features and the one look into the future, the target."""
