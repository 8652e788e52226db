"""What the objectives that compare two views of a sample share: the views, rows at unit length, a projector.

Letters: B samples on this rank, D feature size, E embedding size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.collectives import world
from components.encoders.heads import mlp_head
from components.encoders.norm import BatchNorm
from components.errors import UserError
from components.objectives.base import Batch


def two_views(batch: Batch, name: str, samples: int = 1) -> list[Tensor]:
    """The batch's two views, each [B, C, S, S].

    Raises:
        UserError: not two views, or fewer than `samples` samples on all ranks together.
    """
    if len(batch.views) != 2:
        raise UserError(f"{name} needs 2 views of each sample, got {len(batch.views)}")
    if len(batch.views[0]) * world() < samples:
        raise UserError(
            f"{name} needs a batch of {samples} samples or more, got {len(batch.views[0]) * world()}; "
            f"raise batch_size"
        )
    return batch.views


def same_shape(a: Tensor, b: Tensor, name: str) -> None:
    """Raises UserError unless a and b are two equal [B, E]."""
    if a.shape != b.shape or a.ndim != 2:
        raise UserError(f"{name} needs two equal [B, E], got {list(a.shape)} and {list(b.shape)}")


def wide(t: Tensor) -> Tensor:
    """The same in float32, or in float64 if it comes so."""
    return t.to(torch.promote_types(t.dtype, torch.float32))


def unit(t: Tensor) -> Tensor:
    """[..., E] -> the same rows at length 1, in float32 or wider; (3, 4) becomes (.6, .8).

    Rows shorter than 1e-6 are not blown up further than a million times, so that gradients stay finite.
    """
    return F.normalize(wide(t), dim=-1, eps=1e-6)


def projector(inputs: int, hidden: int, outputs: int, layers: int, norm: bool = True) -> nn.Sequential:
    """[B, D] -> [B, E]: mlp_head whose last layer has no bias, for what follows takes constants away.

    norm: batch norm at the end, too, whose scale stays 1 and shift 0 (no gradient), as in MoCo v3 and
    SimSiam.
    """
    *body, _ = mlp_head(inputs, hidden, outputs, layers)
    last = nn.Linear(hidden if body else inputs, outputs, bias=False)
    return nn.Sequential(*body, last, *([BatchNorm(outputs).requires_grad_(False)] if norm else []))
