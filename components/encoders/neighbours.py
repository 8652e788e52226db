"""Weighted nearest neighbours among labelled samples, kept as tensors: its smoothed votes are the features.

So a model of nearest neighbours is registered, loaded and served like any network. It has nothing to learn, and it
holds the plain features of the samples that it was made of.
Source: Wu et al. 2018 (InstDisc), arXiv:1805.01978, section 3.4: a neighbour of cosine s votes with e^(s / T).
Letters: B samples, N samples in the bank, D plain features, K classes, k neighbours.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from components.encoders.base import Encoder

TEMPERATURE = 0.1


def weighted_votes(cosine: Tensor, labels: Tensor, classes: int, temperature: float = TEMPERATURE) -> Tensor:
    """[B, k] cosines and classes of neighbours -> [B, K] shares of the vote; rows sum to 1.

    At T = 0.1 a neighbour of cosine .9 outvotes one of .8 by e = 2.7183.
    """
    share = (cosine / temperature).softmax(dim=1)  # e^(s / T) over its sum, which cannot overflow
    votes = torch.zeros(len(cosine), classes, device=cosine.device, dtype=share.dtype)
    return votes.scatter_add_(1, labels, share)


class Neighbours(Encoder):
    """A view [B, ...] -> [B, K] logarithms of the votes, smoothed: (k p + 1) / (k + K), so that none is 0."""

    learnt = False
    class_scores = True
    bank: Tensor  # [N, D] float64 of length 1
    known: Tensor  # [N] int64

    def __init__(self, plain: Encoder, samples: int, classes: int, k: int) -> None:
        """plain: gives the features that are compared. samples: N. k: neighbours, N at most."""
        super().__init__(plain.packing)
        self.plain, self.feature_dim, self.k = plain, classes, min(k, samples)
        self.register_buffer("bank", torch.zeros(samples, plain.feature_dim, dtype=torch.float64))
        self.register_buffer("known", torch.zeros(samples, dtype=torch.int64))

    def remember(self, features: Tensor, labels: Tensor) -> None:
        """Takes [N, D] plain features and [N] classes as the bank."""
        self.bank.copy_(F.normalize(features.double(), dim=1))
        self.known.copy_(labels)

    def forward(self, x: Tensor) -> Tensor:
        return self.votes(self.plain(x))

    def votes(self, features: Tensor) -> Tensor:
        """[B, D] plain features -> [B, K]."""
        with torch.autocast(features.device.type, enabled=False):
            cosine = F.normalize(features.double(), dim=1) @ self.bank.T
            nearest, index = cosine.topk(self.k, dim=1)
            shares = weighted_votes(nearest, self.known[index], self.feature_dim)
            smoothed = (self.k * shares).log1p() - math.log(self.k + self.feature_dim)
        return smoothed.to(features.dtype)
