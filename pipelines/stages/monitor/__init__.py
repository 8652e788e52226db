"""Monitor: drift, mix of classes, health over time."""
