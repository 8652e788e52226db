"""Several encoders side by side, so that the mean of several classifiers is one classifier.

A linear layer on the features of all of them can add up the logits of each one's own head. The mean of logits is the
logarithmic opinion pool (Genest & Zidek 1986, doi:10.1214/ss/1177013825): the normalised product of the members'
probabilities, each to the power of its weight.
Letters: B samples, D feature size.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from components.encoders.base import Encoder
from components.modalities.base import Packing


class Joined(Encoder):
    """A view [B, ...] -> [B, D], the members' features one after another; D is the sum of theirs."""

    def __init__(self, members: Sequence[Encoder], packing: Packing) -> None:
        super().__init__(packing)
        self.members = nn.ModuleList(members)
        self.feature_dim = sum(member.feature_dim for member in members)
        self.class_scores = all(member.class_scores for member in members)

    @property
    def embedding_dim(self) -> int:
        """Those that were not learnt (pixels) come last and stand for nothing."""
        learnt = [m.feature_dim for m in self.members if isinstance(m, Encoder) and m.learnt]
        return sum(learnt) or self.feature_dim

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([member(x) for member in self.members], dim=1)
