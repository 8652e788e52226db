"""Run one stage exactly once, anywhere."""
