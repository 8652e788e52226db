"""Evaluate: the model on the held-out test samples, beside its baselines. What is measured is the task's.

Each task has a module with its own Request, Output and run. All of them give `metrics` by name, among them the task's
headline metric with its interval, `baselines` with that metric of each, `intervals`, `differences` and `best_baseline`,
`health` of the frozen features, and say in `skipped` why there is no model to measure.
"""

from typing import Any

from components.implementations import Implementations

VERSION = 3

BY_TASK = Implementations[Any](
    "pipelines.stages.evaluate",
    "selfsup.evaluate",
    {
        "classification": "classification:run",
        "regression": "regression:run",
        "anomaly": "anomaly:run",
        "segmentation": "segmentation:run",
        "ranking": "ranking:run",
    },
)
