"""Labels are masks: the class of each pixel of an image."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from components.config import Config
from components.tasks.base import Targets, Task

BACKGROUND = 0  # number of the class that is no object


class SegmentationConfig(Config):
    """Labels are masks: the class of each pixel of an image."""

    name: Literal["segmentation"] = "segmentation"
    """Selects segmentation."""

    classes: tuple[str, ...] = ()
    """Names of the classes 0, 1, ... of a mask's pixels; class 0 is the background. A mask with another number counts
    as no label, and is listed. Empty: the classes are the numbers up to the largest one in the masks."""

    @model_validator(mode="after")
    def _several(self) -> Self:
        if self.classes and (len(self.classes) < 2 or len(set(self.classes)) < len(self.classes)):
            raise ValueError(f"two classes or more, each named once, are required, got {list(self.classes)}")
        if len(self.classes) > 255:
            raise ValueError(f"255 classes at most, as 255 in a mask means ignore, got {len(self.classes)}")
        return self


class Segmentation(Task[SegmentationConfig]):
    """A class for each pixel; class 0 is the background."""

    config: SegmentationConfig
    headline = "dice"
    word = "Dice"
    figures: ClassVar[Mapping[str, str]] = {"iou": "IoU", "ece": "calibration error of pixels"}
    masks = True
    confidence = True
    clusters = False
    learns = "a segmentation"

    def targets(self, labels: Mapping[str, str], style: str = "") -> Targets:
        """{"a": "1x3 0*2 1*1", "b": "1x3 255*3"}: classes 0 and 1; b, of which every pixel is ignored, is refused."""
        found, refused = dict[str, list[int]](), dict[str, str]()
        for id, text in labels.items():
            try:
                found[id] = self._classes(text)
            except ValueError as error:
                refused[id] = f"{error}; correct the mask"
        most = max((classes[-1] for classes in found.values()), default=0)
        names = list(self.config.classes) or [str(number) for number in range(most + 1)]
        return Targets(
            names if found else [],
            dict.fromkeys(found, 0),
            mask={id: labels[id] for id in found},
            refused=refused,
        )

    def _classes(self, text: str) -> list[int]:
        """The classes in a mask.

        Raises:
            ValueError: it is none of this task; one line.
        """
        from components.data.masks import (
            classes_in,
            from_text,
        )  # numpy, 0.1 s that a recipe need not wait for

        classes = classes_in(from_text(text))
        if not classes:
            raise ValueError("every pixel is 255, which means ignore: the mask says nothing")
        if self.config.classes and classes[-1] >= len(self.config.classes):
            raise ValueError(
                f"a class below {len(self.config.classes)} is required (task.classes names so many), got {classes[-1]}"
            )
        return classes
