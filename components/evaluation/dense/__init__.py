"""Scenes composed of samples: detection and segmentation."""
