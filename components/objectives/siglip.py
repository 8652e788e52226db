"""SigLIP: of each image and each caption in the batch of all processes, is it a pair? A sigmoid in place of a softmax.

Source: Zhai et al. 2023 (arXiv:2303.15343), equation 1 and algorithm 1: factor and bias of the cosines are learnt and
begin at 10 and -10, so that training begins near the share of true pairs.
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


class SiglipConfig(Config):
    """Options of SigLIP."""

    name: Literal["siglip"] = "siglip"
    """Selects SigLIP (Zhai et al. 2023, arXiv:2303.15343)."""

    temperature: PositiveFloat = 0.1
    """Temperature at the beginning; it is learnt."""

    bias: float = -10.0
    """What is added to cosine / temperature at the beginning; it is learnt."""


def pairwise(image: Tensor, text: Tensor, scale: Tensor, bias: Tensor, *, name: str = "siglip") -> Tensor:
    """Sum over the captions of all ranks of -log sigmoid(z (scale * cosine + bias)), z = 1 for the own caption and -1
    for every other; mean over this rank's images.

    Args:
        image, text: [B, E], of any length; row i of both is one pair. B equal on every rank. scale, bias: [].

    Returns:
        [] nats; WB log 2 at scale 0 and bias 0.

    Raises:
        UserError: shapes differ, are not [B, E], or there is only one pair in all (nothing but true pairs).
    """
    same_shape(image, text, name)
    if len(image) * world() < 2:
        raise UserError(
            "batch-too-small", f"{name} needs 2 samples or more, one alone has no negatives; raise batch_size"
        )
    with torch.autocast(image.device.type, enabled=False):
        images, texts = unit(image), gather(unit(text))
        logits = scale.to(images.dtype) * images @ texts.T + bias.to(images.dtype)
        own = torch.arange(len(images), device=images.device) + rank() * len(images)
        true = F.one_hot(own, len(texts)).to(logits.dtype)
        return -F.logsigmoid((2 * true - 1) * logits).sum(dim=1).mean()


class Siglip(Objective):
    """log_scale: [], logarithm of 1 / temperature. bias: []."""

    needs = "pairs"
    views: ViewSpec = (("global", 1),)

    def __init__(self, config: SiglipConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        two_towers(encoder, "siglip")
        self.config = config
        self.log_scale = nn.Parameter(torch.tensor(-math.log(config.temperature)))
        self.bias = nn.Parameter(torch.tensor(config.bias))

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view of each pair -> total: [] nats.

        Raises:
            UserError: one pair alone.
        """
        image, text = two_towers(encoder, "siglip").embed(batch.views[0])
        loss = pairwise(image, text, self.log_scale.exp(), self.bias)
        figures = {"temperature": (-self.log_scale.detach()).exp(), "bias": self.bias.detach().clone()}
        return Losses(loss, figures)
