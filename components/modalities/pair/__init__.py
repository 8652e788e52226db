"""Pairs of an image and its caption."""
