"""The benchmark behind benchmarks/few_labels.py: its data sets, its runs, its page."""
