"""Balanced soft assignment by Sinkhorn-Knopp, on logarithms, over the batch of all processes.

Source: Caron et al. 2020 (arXiv:2006.09882), section 3.1 and appendix A; Cuturi 2013.
Differs from the published code: works on logarithms, where exp(scores / epsilon) overflows float32 once
scores / epsilon exceeds 88.
Letters: B samples on this rank, K prototypes.
"""

import torch
from torch import Tensor

from components.collectives import gather
from components.errors import UserError


@torch.no_grad()
def sinkhorn(scores: Tensor, *, epsilon: float, iterations: int) -> Tensor:
    """Spread the samples of all ranks over K prototypes as evenly as `epsilon` asks.

    Args:
        scores: [..., B, K] cosines of embeddings and prototypes, each [B, K] by itself; B may differ from rank to
            rank. Several at once communicate as often as one.
        epsilon: > 0; smaller gives harder codes.
        iterations: >= 1; 3 in the paper.

    Returns:
        [..., B, K] codes of this rank's samples, float32 (float64 if scores are), without gradient. Each row sums
        to 1; a prototype's sum over all ranks tends to samples / K. 1 / K everywhere if all scores are equal.

    Raises:
        UserError: scores are not [..., B, K] with B and K >= 1, or epsilon or iterations are out of bounds.
    """
    if scores.ndim < 2 or 0 in scores.shape or epsilon <= 0 or iterations < 1:
        raise UserError(
            "array-invalid",
            f"sinkhorn needs scores [..., B, K], epsilon > 0 and iterations >= 1, "
            f"got {list(scores.shape)}, {epsilon} and {iterations}",
        )
    log_codes = (scores if scores.dtype == torch.float64 else scores.float()) / epsilon
    for _ in range(iterations):
        here = log_codes.logsumexp(dim=-2, keepdim=True)  # [..., 1, K]: all that crosses the wire
        mass = gather(here[None])
        log_codes = log_codes - mass.logsumexp(dim=0)  # prototypes: equal mass
        log_codes = log_codes - log_codes.logsumexp(dim=-1, keepdim=True)  # samples: mass 1
    return log_codes.exp()
