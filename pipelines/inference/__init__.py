"""Rows of a packed array become features and predictions."""
