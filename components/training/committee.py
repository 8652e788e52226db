"""Several classifiers that answer as one: the weighted mean of their calibrated probabilities.

Letters: B samples, C channels, S side in pixels, K classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Committee(nn.Module):
    """[B, C, S, S] -> log of the mean probabilities, [B, K].

    members: [B, C, S, S] -> [B, K] logits each. temperatures: by which their logits are divided. weights: of sum 1.
    """

    def __init__(
        self, members: Sequence[nn.Module], temperatures: Sequence[float], weights: Sequence[float]
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.temperatures, self.weights = list(temperatures), list(weights)

    def forward(self, x: Tensor) -> Tensor:
        parts = zip(self.members, self.temperatures, self.weights, strict=True)
        total = sum(weight * (member(x).float() / t).softmax(dim=1) for member, t, weight in parts)
        assert isinstance(total, Tensor)
        return total.clamp_min(torch.finfo(torch.float32).tiny).log()
