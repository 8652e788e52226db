"""Samples, labels and splits on disk, and the path from there into training."""
