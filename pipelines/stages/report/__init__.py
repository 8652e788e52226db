"""Report: one page on a run."""
