"""Whether a model looks at the features of pretraining: what judges or shows them is of no use otherwise."""

from collections.abc import Mapping
from typing import Any


def reads_features(tuned: Mapping[str, Any]) -> bool:
    """False of detectors of anomalies on plain features alone, such as the columns of a table.

    tuned: output of the fine-tuning, of whatever task.
    """
    detectors = tuned.get("detectors") or ()
    return not detectors or any(name.endswith(", features") for name in detectors)
