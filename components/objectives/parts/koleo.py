"""KoLeo: features spread over the sphere, each away from its nearest neighbour.

Source: Sablayrolles et al. 2018 (arXiv:1806.03198), equation 2; Oquab et al. 2023 (arXiv:2304.07193), section
4, where it is added to DINO with weight .1.
Differs: distances count as 1e-4 at least, so that duplicates cost log 1e4 and take no gradient; published
code adds 1e-8 to them, whose gradient for near duplicates is without bound. Neighbours are looked for on all
ranks.
Letters: B samples on this rank, W ranks, D feature size.
"""

import torch
from torch import Tensor

from components.collectives import gather, rank, world
from components.errors import UserError
from components.objectives.parts.two_views import unit

LEAST = 1e-4  # what nearer features count as


def koleo(features: Tensor) -> Tensor:
    """Mean over this rank's rows of -log of the distance to the nearest other row of all ranks, at length 1.

    Args:
        features: [B, D], of any length. B equal on every rank.

    Returns:
        [] -log sqrt 2 = -.3466 for the rows of the identity; 9.2103 when all are equal.

    Raises:
        UserError: not [B, D], or one row alone in all, which has no neighbour.
    """
    if features.ndim != 2 or len(features) * world() < 2:
        raise UserError(
            "batch-too-small",
            f"koleo needs features [B, D] of 2 samples or more, got {list(features.shape)}; raise batch_size",
        )
    with torch.autocast(features.device.type, enabled=False):
        here = unit(features)
        everywhere = gather(here)
        own = torch.arange(len(here), device=here.device) + rank() * len(here)
        cosines = (here.detach() @ everywhere.detach().T).scatter(1, own.unsqueeze(1), -torch.inf)
        squared = (here - everywhere[cosines.argmax(dim=1)]).square().sum(dim=1)
        return -0.5 * squared.clamp_min(LEAST**2).log().mean()
