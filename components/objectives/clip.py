"""CLIP: an image and its own caption attract; every other image and caption in the batch of all processes repels.

Source: Radford et al. 2021 (arXiv:2103.00020), figure 3 and section 2.5: symmetric cross-entropy over cosines, whose
factor 1 / temperature is learnt, begins at 1 / .07 and is at most 100.
Letters: B pairs on this rank, W ranks, E size of the common space.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveFloat
from torch import Tensor, nn

from components.collectives import gather, rank, world
from components.config import Config
from components.encoders.base import Encoder
from components.encoders.two_towers import two_towers
from components.errors import UserError
from components.objectives.base import Batch, Losses, Objective, ViewSpec
from components.objectives.parts.two_views import same_shape, unit

LARGEST = 100.0  # of 1 / temperature


class ClipConfig(Config):
    """Options of CLIP."""

    name: Literal["clip"] = "clip"
    """Selects CLIP (Radford et al. 2021, arXiv:2103.00020)."""

    temperature: PositiveFloat = 0.07
    """Temperature at the beginning; it is learnt, and is at least 0.01."""


def contrast(image: Tensor, text: Tensor, scale: Tensor, *, name: str = "clip") -> Tensor:
    """Mean of -log p(own caption | captions of all ranks) and of -log p(own image | images of all ranks), halved.

    Args:
        image, text: [B, E], of any length; row i of both is one pair. B equal on every rank.
        scale: [], 1 / temperature, which the cosines are multiplied by.

    Returns:
        [] nats over this rank's pairs; log(WB) when all vectors are equal, log(1 + 1/e) for the two rows of the
        identity on both sides at scale 1.

    Raises:
        UserError: shapes differ, are not [B, E], or there is only one pair in all (no negatives).
    """
    same_shape(image, text, name)
    if len(image) * world() < 2:
        raise UserError(
            "batch-too-small", f"{name} needs 2 samples or more, one alone has no negatives; raise batch_size"
        )
    with torch.autocast(image.device.type, enabled=False):
        here = unit(torch.stack([image, text], dim=1))
        images, texts = gather(here).unbind(1)
        scale = scale.to(here.dtype)
        own = torch.arange(len(here), device=here.device) + rank() * len(here)
        of_images = F.cross_entropy(scale * here[:, 0] @ texts.T, own)
        of_texts = F.cross_entropy(scale * here[:, 1] @ images.T, own)
        return (of_images + of_texts) / 2


class Clip(Objective):
    """log_scale: [], logarithm of 1 / temperature."""

    needs = "pairs"
    views: ViewSpec = (("global", 1),)

    def __init__(self, config: ClipConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        two_towers(encoder, "clip")
        self.config = config
        self.log_scale = nn.Parameter(torch.tensor(-math.log(config.temperature)))

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view of each pair -> total: [] nats.

        Raises:
            UserError: one pair alone.
        """
        image, text = two_towers(encoder, "clip").embed(batch.views[0])
        loss = contrast(image, text, self.log_scale.exp())
        return Losses(loss, {"temperature": (-self.log_scale.detach()).exp()})

    @torch.no_grad()
    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.log_scale.clamp_(max=math.log(LARGEST))
