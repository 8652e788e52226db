"""Labels are names of classes, of which a sample has one."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from components.config import Config
from components.tasks.base import Targets, Task


class ClassificationConfig(Config):
    """Labels are names of classes, of which a sample has one."""

    name: Literal["classification"] = "classification"
    """Selects classification."""


class Classification(Task[ClassificationConfig]):
    """The classes are the labels that there are, sorted."""

    config: ClassificationConfig
    headline = "accuracy"
    word = "accuracy"
    figures: ClassVar[Mapping[str, str]] = {"macro_f1": "macro F1", "ece": "calibration error"}
    confidence = True
    learns = "a classifier"

    def targets(self, labels: Mapping[str, str], style: str = "") -> Targets:
        """{"a": "cat", "b": "dog"}: classes cat, dog; a is 0, b is 1."""
        classes = sorted(set(labels.values()))
        number = {name: place for place, name in enumerate(classes)}
        return Targets(classes, {id: number[label] for id, label in labels.items()})
