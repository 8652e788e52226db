"""Forget: every trace of a sample is removed."""
