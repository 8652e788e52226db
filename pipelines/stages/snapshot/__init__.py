"""Snapshot: shards, labels and split become packed arrays and a data version."""
