"""The mean of the nearest labels, kept as tensors: one number is the feature.

So a model of nearest neighbours for numbers is registered, loaded and served like any network. It has nothing to learn,
and it holds the plain features of the samples that it was made of.
Letters: B samples, n labels in the bank, D plain features, k neighbours.
"""

import torch
from torch import Tensor

from components.encoders.base import Encoder


class NearestMean(Encoder):
    """A view [B, ...] -> [B, 1], the mean of the numbers of the k labels that are nearest by Euclidean distance."""

    learnt = False
    bank: Tensor  # [n, D] float64
    known: Tensor  # [n] float64

    def __init__(self, plain: Encoder, samples: int, k: int) -> None:
        """plain: gives the features that are compared. samples: n. k: neighbours, n at most."""
        super().__init__(plain.packing)
        self.plain, self.feature_dim, self.k = plain, 1, min(k, samples)
        self.register_buffer("bank", torch.zeros(samples, plain.feature_dim, dtype=torch.float64))
        self.register_buffer("known", torch.zeros(samples, dtype=torch.float64))

    def remember(self, features: Tensor, numbers: Tensor) -> None:
        """Takes [n, D] plain features and [n] numbers as the bank."""
        self.bank.copy_(features)
        self.known.copy_(numbers)

    def forward(self, x: Tensor) -> Tensor:
        features = self.plain(x)
        with torch.autocast(features.device.type, enabled=False):
            asked = features.double()
            apart = (asked**2).sum(1, keepdim=True) - 2 * asked @ self.bank.T + (self.bank**2).sum(1)
            nearest = apart.topk(self.k, dim=1, largest=False).indices
            found: Tensor = self.known[nearest].mean(dim=1, keepdim=True)
        return found.to(features.dtype)
