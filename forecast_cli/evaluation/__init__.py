"""Folds, walk-forward, scores and their significance. Knows no Keras."""
