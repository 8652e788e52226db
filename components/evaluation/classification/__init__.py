"""Predictions of classes: metrics, intervals, calibration, baselines."""
