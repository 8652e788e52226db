"""A queue of embeddings of earlier batches, of all ranks, the same on every rank.

Source: He et al. 2019 (arXiv:1911.05722), section 3.2 and algorithm 1, where it starts as random directions;
so here: it can be used from the first step and needs no count of what it holds.
Letters: Q rows of the queue, B samples on this rank, W ranks, E embedding size.
"""

import torch
from torch import Tensor, nn

from components.collectives import gather
from components.objectives.pairs import unit


class Queue(nn.Module):
    """rows: buffer [Q, E], newest first, at unit length."""

    rows: Tensor

    def __init__(self, size: int, embedding: int) -> None:
        super().__init__()
        self.register_buffer("rows", unit(torch.randn(size, embedding)))

    @torch.no_grad()
    def push(self, newest: Tensor) -> None:
        """[B, E] of each rank -> in front, WB rows in order of rank; as many of the oldest fall out."""
        arrived = gather(newest).to(self.rows.dtype)
        self.rows.copy_(torch.cat([arrived, self.rows])[: len(self.rows)])
