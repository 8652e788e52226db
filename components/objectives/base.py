"""What every objective is: the interface, and the two small records that pass through it.

Letters: B samples in a batch, C channels, S side of a view in pixels, D feature size, N samples in the data set.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from components.encoders.base import Encoder
from components.modalities.view_maker import Role
from components.objectives.needs import Needs


@dataclass(frozen=True)
class Batch:
    """One step's samples, as views.

    views: each [B, C, S, S] float in [0, 1]; those of equal size come first and are the global ones.
    index: [B] int64, the sample's row in the data set: what memory banks and assignments are keyed by.
    targets: [B] int64 classes or clusters, -1 where there is none.
    weights: [B] float, how much a target counts.
    labelled: how many rows, from the first, are labelled, where a method tells them apart.
    domains: [B] int64, 0 for the source of the most labels and 1 for all others, where there are such.
    """

    views: list[Tensor]
    index: Tensor
    targets: Tensor | None = None
    weights: Tensor | None = None
    labelled: int | None = None
    domains: Tensor | None = None


@dataclass(frozen=True)
class Losses:
    """total: [] the figure to descend. parts: named [] figures to log, without gradient."""

    total: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)


ViewSpec = tuple[tuple[Role, int], ...]  # (role, how many), the global views first

# -> [N, D] float32 on the CPU: clean-view features of every training sample, by row
FeatureSource = Callable[[], Tensor]


class Objective(nn.Module):
    """A pretext task. It owns everything beyond the encoder: heads, teacher, queue, prototypes.

    views: which views of a sample it wants to see, and how many; how they are made is not its business.
    needs: what it works on, see components.objectives.needs.
    uses_labels: whether batch.targets carry the labels that there are (-1 elsewhere); only an objective that
    says so sees any.
    tied_to_rows: names of the buffers that hold for the rows of one data set alone (assignments, banks, and
    what was found of them); a training on other rows begins them anew.
    lr_scale: share of the recipe's learning rate that it takes.
    fresh_parameters: begun anew before this epoch, so that what the optimiser remembers of them is void.
    progress: buffer [], share of the training that is done, 0 to 1.
    """

    needs: ClassVar[Needs] = "any"
    views: ViewSpec
    uses_labels: bool = False
    lr_scale: float = 1.0
    tied_to_rows: tuple[str, ...] = ()
    fresh_parameters: Sequence[nn.Parameter] = ()
    progress: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("progress", torch.zeros(()))

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        raise TypeError(f"{type(self).__name__} defines no forward")

    def after_step(self, encoder: Encoder, progress: float) -> None:
        """Called after each optimiser step; progress runs from 0 to 1 over the whole training."""
        self.progress.fill_(progress)

    def before_epoch(self, epoch: int, features: FeatureSource) -> None:
        """Called before each epoch; an objective that clusters the whole set does it here."""

    def epoch_rows(self, rows: Tensor, seed: int, epoch: int) -> Tensor | None:
        """[M] int64: what this epoch visits out of `rows` [N] int64, in any order; None: each of them once."""
        return None

    def carry_over(self, state: dict[str, Any]) -> None:
        """Take the state of a finished training on other rows, as far as it holds for these; progress begins anew.

        Raises:
            RuntimeError: it is the state of another objective (torch's own message).
        """
        own = {name: value for name, value in self.state_dict().items() if name in self.tied_to_rows}
        self.load_state_dict({**state, **own})
        self.progress.zero_()

    def predictions(self, features: Tensor) -> Tensor | None:
        """[B, D] -> [B, E]: what is predicted of another view, where embeddings are predicted and nothing repels;
        those can be one point while the features are not yet."""
        return None

    @property
    def collapse_loss(self) -> float | None:
        """What the loss is when nothing is told apart (ln K for a clustering objective), where that is known."""
        return None

    def exported(self, encoder: Encoder) -> Encoder:
        """The encoder that is kept when training is over: the student, unless the method says otherwise."""
        return encoder

    def figures(self) -> dict[str, float]:
        """Figures about its own state to log at each epoch: prototype use, empty clusters, NMI."""
        return {}
