"""Fine-tune: a model from labels and unlabelled samples. What is trained, and what it is judged by, is the task's.

Each task has a module with its own Request, Output and run. All of them give `model` and `config`, the two files of the
model folder (components.registry.served), or say in `skipped` why nothing was trained.
"""

from typing import Any

from components.implementations import Implementations

VERSION = 4

BY_TASK = Implementations[Any](
    "pipelines.stages.finetune",
    "selfsup.finetune",
    {
        "classification": "classification:run",
        "regression": "regression.stage:run",
        "anomaly": "anomaly:run",
        "segmentation": "segmentation.stage:run",
        "ranking": "ranking:run",
    },
)
