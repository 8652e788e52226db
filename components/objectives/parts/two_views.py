"""What the objectives that compare two views of a sample share: the views, rows at unit length, a key among
others, a projector.

Letters: B samples on this rank, W ranks, D feature size, E embedding size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.collectives import gather, rank, world
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.encoders.norm import BatchNorm
from components.errors import UserError
from components.objectives.base import Batch, Objective, ViewSpec
from components.objectives.parts.multicrop import encode
from components.precision import at_least_float32


def two_views(batch: Batch, name: str, samples: int = 1) -> list[Tensor]:
    """The batch's two views, each [B, C, S, S].

    Raises:
        UserError: not two views, or fewer than `samples` samples on all ranks together.
    """
    if len(batch.views) != 2:
        raise UserError("view-count-differs", f"{name} needs 2 views of each sample, got {len(batch.views)}")
    if len(batch.views[0]) * world() < samples:
        raise UserError(
            "batch-too-small",
            f"{name} needs a batch of {samples} samples or more, got {len(batch.views[0]) * world()}; "
            f"raise batch_size",
        )
    return batch.views


def same_shape(a: Tensor, b: Tensor, name: str) -> None:
    """Raises UserError unless a and b are two equal [B, E]."""
    if a.shape != b.shape or a.ndim != 2:
        raise UserError(
            "lengths-differ", f"{name} needs two equal [B, E], got {list(a.shape)} and {list(b.shape)}"
        )


def unit(t: Tensor) -> Tensor:
    """[..., E] -> the same rows at length 1, in float32 or wider; (3, 4) becomes (.6, .8).

    Rows shorter than 1e-6 are not blown up further than a million times, so that gradients stay finite.
    """
    return F.normalize(at_least_float32(t), dim=-1, eps=1e-6)


def of_own_key(query: Tensor, key: Tensor, *, temperature: float, name: str) -> Tensor:
    """Mean of -log p(own key | keys of all ranks) over this rank's B queries.

    Args:
        query, key: [B, E], of any length; row i of both is sample i. B equal on every rank.
        temperature: > 0; divides the cosines.

    Returns:
        [] nats; log(WB) when all vectors are equal, log(1 + 1/e) for the two rows of the identity at 1.

    Raises:
        UserError: shapes differ, are not [B, E], or there is only one sample in all.
    """
    same_shape(query, key, name)
    if len(query) * world() < 2:
        raise UserError(
            "batch-too-small", f"{name} needs 2 samples or more, one alone has no negatives; raise batch_size"
        )
    with torch.autocast(query.device.type, enabled=False):
        logits = unit(query) @ gather(unit(key)).T / temperature
        own = torch.arange(len(query), device=query.device) + rank() * len(query)
        return F.cross_entropy(logits, own)


def projector(inputs: int, hidden: int, outputs: int, layers: int, norm: bool = True) -> nn.Sequential:
    """[B, D] -> [B, E]: mlp_head whose last layer has no bias, for what follows takes constants away.

    norm: batch norm at the end, too, whose scale stays 1 and shift 0 (no gradient), as in MoCo v3 and
    SimSiam.
    """
    *body, _ = mlp_head(inputs, hidden, outputs, layers)
    last = nn.Linear(hidden if body else inputs, outputs, bias=False)
    return nn.Sequential(*body, last, *([BatchNorm(outputs).requires_grad_(False)] if norm else []))


class Paired(Objective):
    """An objective of the embeddings of two views of a sample. head: [n, D] -> [n, E]."""

    views: ViewSpec = (("global", 2),)

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def embeddings(self, encoder: Encoder, batch: Batch, name: str) -> tuple[Tensor, Tensor]:
        """[B, E] of each view; both pass as one batch.

        Raises:
            UserError: not two views, or one sample alone.
        """
        views = two_views(batch, name, samples=2)
        first, second = self.head(torch.cat(encode(encoder, views))).chunk(2)
        return first, second
