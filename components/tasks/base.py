"""What every task is: the meaning of labels, as far as it needs no network.

What a task does in a stage lies beside the stage, in its table BY_TASK; its served model in components.registry.served.
Letters: n labels.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

from components.config import Config


@dataclass(frozen=True)
class Targets:
    """What the label of each sample means.

    classes: names of the classes, to which `label` holds indices; empty where labels are numbers.
    label: id -> index of its class. value: id -> its number. mask: id -> its mask, as text
    (components.data.masks); label is then 0. refused: id -> why its text is no label of this task.
    style: how the texts were read, e.g. the decimal point; later snapshots read theirs the same way.
    """

    classes: list[str] = field(default_factory=list)
    label: dict[str, int] = field(default_factory=dict)
    mask: dict[str, str] = field(default_factory=dict)
    value: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    style: str = ""


C = TypeVar("C", bound=Config)


class Task(ABC, Generic[C]):
    """What labels mean, as a recipe's `task` says.

    headline: key among the metrics of an evaluation of the figure that models are compared by; its interval is
    headline_low and headline_high. word: what it is called in a sentence. share: whether it is a share, shown in
    percent and points. figures: further metrics that become tags of a registered version, by what they are called.
    numeric: whether labels are numbers, so that -1 is one and equal numbers are equal labels.
    masks: whether labels are masks: the class of each pixel.
    confidence: whether a prediction has a confidence, a share.
    clusters: whether a cluster can have a label, which pseudo-labels are made from.
    needs_labels: whether fine-tuning needs any. takes_labels: whether there is any use for them, so that a person can
    be asked for some; otherwise the task holds out what it is measured by, and no sample as a whole.
    learns: what fine-tuning makes, with its article: "a classifier".
    """

    headline: ClassVar[str]
    word: ClassVar[str]
    share: ClassVar[bool] = True
    figures: ClassVar[Mapping[str, str]] = {}
    numeric: ClassVar[bool] = False
    masks: ClassVar[bool] = False
    confidence: ClassVar[bool] = False
    clusters: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True
    takes_labels: ClassVar[bool] = True
    learns: ClassVar[str]

    def __init__(self, config: C) -> None:
        self.config = config

    @abstractmethod
    def targets(self, labels: Mapping[str, str], style: str = "") -> Targets:
        """The meaning of labels, by id of the sample. style: of the recipe's first snapshot, empty in that one."""

    def fitting(self, labels: Mapping[str, int]) -> C:
        """Its options for somebody's labels, of which the number of samples is known.

        Raises:
            UserError: they leave open what the labels mean.
        """
        return self.config

    @classmethod
    def shown(cls, figures: Mapping[str, float]) -> str:
        """The headline metric with its interval, as far as there is one: "0.812 [0.790, 0.835]"."""
        low, high = figures.get(f"{cls.headline}_low"), figures.get(f"{cls.headline}_high")
        interval = "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
        return f"{figures[cls.headline]:.3f}{interval}"
