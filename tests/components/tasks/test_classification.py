"""Labels that are classes."""

from components.tasks.classification import ClassificationConfig
from components.tasks.registry import build_task


def test_classes_are_the_sorted_labels_and_labels_their_places() -> None:
    found = build_task(ClassificationConfig()).targets({"a": "dog", "b": "cat", "c": "dog"})
    assert found.classes == ["cat", "dog"]
    assert found.label == {"a": 1, "b": 0, "c": 1}
    assert (found.value, found.refused, found.style) == ({}, {}, "")
