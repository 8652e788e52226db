"""The benchmark behind benchmarks/quality.py: its draws of labels, its figures, its pages."""
