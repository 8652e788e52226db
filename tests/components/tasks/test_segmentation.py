"""What masks mean: their classes, and which are refused."""

import pytest
from pydantic import ValidationError

from components.tasks.segmentation import Segmentation, SegmentationConfig


def test_classes_are_the_numbers_up_to_the_largest() -> None:
    found = Segmentation(SegmentationConfig()).targets({"a": "1x3 0*2 3*1", "b": "1x3 255*1 1*2"})
    assert found.classes == ["0", "1", "2", "3"]
    assert found.label == {"a": 0, "b": 0}
    assert found.mask == {"a": "1x3 0*2 3*1", "b": "1x3 255*1 1*2"}
    assert found.refused == {}


def test_named_classes_refuse_other_numbers() -> None:
    task = Segmentation(SegmentationConfig(classes=("ground", "cell")))
    found = task.targets({"a": "1x3 0*2 1*1", "b": "1x3 0*2 2*1", "c": "1x3 255*3", "d": "cat"})
    assert found.classes == ["ground", "cell"]
    assert found.mask == {"a": "1x3 0*2 1*1"}
    assert found.label == {"a": 0}
    assert found.refused["b"] == (
        "a class below 2 is required (task.classes names so many), got 2; correct the mask"
    )
    assert (
        found.refused["c"]
        == "every pixel is 255, which means ignore: the mask says nothing; correct the mask"
    )
    assert found.refused["d"].startswith("a mask is required")


def test_no_masks_no_classes() -> None:
    assert Segmentation(SegmentationConfig(classes=("ground", "cell"))).targets({}).classes == []


@pytest.mark.parametrize("classes", [("one",), ("a", "a"), tuple(map(str, range(256)))])
def test_classes_that_make_no_sense(classes: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="classes"):
        SegmentationConfig(classes=classes)
