"""Detection of anomalies: detectors, how they are combined, figures and thresholds."""
