"""What every kind of data gives to training: views of its samples.

Letters: N samples, B samples of a batch.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from components.config import Config
from components.modalities.base import Packing

P = TypeVar("P", bound=Packing)

# global: the whole sample or a large part of it. local: a small part of it. plain: global with its values (an image's
# colours) as they are, because they are the target.
Role = Literal["global", "plain", "local"]
V = TypeVar("V", bound=Config)


@dataclass(frozen=True)
class Views(Generic[V]):
    """Options of the views of one policy. weak: for samples whose class is learnt or guessed. strong: for those that
    must be given the same class. pretrain: for learning without labels."""

    weak: V
    strong: V
    pretrain: V


class ViewMaker(ABC, Generic[P, V]):
    """Makes the views of samples: on the device of the batch, the whole batch at once.

    View: type of the options of a view. policies: names of its policies. usual: the one that is taken before anything
    is measured. symmetries: whether its policies differ by which symmetries of the square they use, so that samples can
    be asked which they have (components.training.orientation). encoder: name of the encoder that a recipe has unless
    it says otherwise. simple: baselines of the field beside logistic regression on `baseline`
    (components.evaluation.classification.simple_models); pooled: those of them that are candidates of the portfolio
    unless the recipe says otherwise. favoured: weights in the portfolio before any evidence; the candidates that are
    not named share the rest equally (measured for tables: docs/log.md).
    """

    View: ClassVar[type[Config]]
    policies: ClassVar[tuple[str, ...]]
    usual: ClassVar[str]
    symmetries: ClassVar[bool] = False
    encoder: ClassVar[str]
    simple: ClassVar[tuple[str, ...]] = ("knn",)
    pooled: ClassVar[tuple[str, ...]] = ()
    favoured: ClassVar[Mapping[str, float]] = MappingProxyType({"method": 0.4})

    def __init__(self, packing: P) -> None:
        self.packing = packing

    @abstractmethod
    def collate(self, rows: Sequence[np.ndarray[Any, Any]]) -> Tensor:
        """Rows of the arrays -> what `Packed.gather` gives of them."""

    @abstractmethod
    def clean(self, stored: Tensor) -> Tensor:
        """Rows as `Packed.gather` gives them, on any device -> a view without augmentation."""

    @abstractmethod
    def augment(self, view: Tensor, how: V, generator: torch.Generator) -> Tensor:
        """A clean view -> an augmented one of the same samples. The generator, on the CPU or the view's device, is the
        only source of chance, and no sample's view depends on another sample of the batch."""

    @abstractmethod
    def policy(self, name: str) -> Views[V]:
        """The views of a policy."""

    @abstractmethod
    def roles(self, given: V | str | None, local: V | None, patch: int = 1) -> Mapping[Role, V]:
        """The views of every role of pretraining.

        Args:
            given: the global views: those of a policy, these options, or their defaults (those of "measured", too).
            local: options of the local views; None: by a rule of this kind of data.
            patch: what the length of a local view has to be a multiple of.
        """

    @abstractmethod
    def length(self, how: V) -> int:
        """Of the last axis of such a view (the side of an image), at most."""

    @abstractmethod
    def blank(self, count: int) -> Tensor:
        """A clean view of `count` samples with nothing in them, for checks before there are any."""

    @abstractmethod
    def baseline(self) -> dict[str, Any]:
        """The encoder (by name, with its options) on whose features the field's plain logistic regression is fitted."""

    def linear(self) -> dict[str, Any]:
        """The encoder, likewise, on whose features the plain ridge regression of numbers is fitted."""
        return self.baseline()

    def raw(self) -> dict[str, Any]:
        """The encoder, likewise, on whose features detectors of anomalies work."""
        return self.baseline()
