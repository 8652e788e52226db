"""What the objectives share that see a sample once, and turn, cut, hide or spoil it themselves.

Letters: B samples, C channels, S side of the view.
"""

from torch import Tensor

from components.encoders.base import Encoder
from components.errors import UserError
from components.objectives.base import Batch, Objective, ViewSpec
from components.objectives.parts.sample_rng import Chance


def only_view(batch: Batch, name: str) -> Tensor:
    """The batch's one view, [B, C, S, S].

    Raises:
        UserError: there are more or none.
    """
    if len(batch.views) != 1:
        raise UserError("view-count-differs", f"{name} needs 1 view of each sample, got {len(batch.views)}")
    return batch.views[0]


class Single(Objective):
    """An objective of one view, a plain one unless its class says otherwise."""

    views: ViewSpec = (("plain", 1),)


class Drawing(Single):
    """An objective of one view whose chance belongs to sample and step."""

    def __init__(self) -> None:
        super().__init__()
        self.chance = Chance()

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.chance.tick()
