"""Predictions of numbers: how good, how sure, and the models to beat."""
