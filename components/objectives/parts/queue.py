"""A queue of embeddings of earlier batches, of all ranks, the same on every rank.

Source: He et al. 2019 (arXiv:1911.05722), section 3.2 and algorithm 1, where it starts as random directions;
so here: it can be used from the first step and needs no count of what it holds.
Letters: N training samples, Q rows of the queue, B samples on this rank, W ranks, E embedding size.
"""

import torch
from torch import Tensor, nn

from components.collectives import gather
from components.objectives.parts.two_views import unit

MOST = 65536  # Q, as published for MoCo's 1.28 million samples, of which it is a twentieth


def length_for(samples: int) -> int:
    """Q for N = `samples`: the largest power of two that is not above N / 4; 8 at least, 65536 at most.

    A queue that holds most of a small data set holds earlier views of nearly every sample in a batch, which
    then repel it (or are its nearest neighbours). A power of two, so that batches that are one fill it evenly.
    Known values: 1024 for 5,000 samples, 8192 for 60,000, 65536 for 1,281,167.
    """
    return min(MOST, 1 << max(3, (samples // 4).bit_length() - 1))


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

    def fitted(self, rows: Tensor) -> Tensor:
        """[Q', E], the rows of a queue of any length -> [Q, E]: its newest, and this one's own where it had
        fewer."""
        return torch.cat([rows.to(self.rows), self.rows[len(rows) :]])[: len(self.rows)]
