"""Evaluate: the model on the test samples, beside its baselines."""
