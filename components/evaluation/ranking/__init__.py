"""Ranking all items for a user: figures, and the simple models that are measured beside a trained one."""
