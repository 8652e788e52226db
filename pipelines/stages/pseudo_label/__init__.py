"""Pseudo-label: clusters, and labels for samples that have none."""
