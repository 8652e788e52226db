"""SimCSE: a text passes twice, each time with other dropout; both attract, and all other texts repel.

Source: Gao et al. 2021 (arXiv:2104.08821), equation 1: l_i = - log e^(cos(h_i, h_i') / t) / sum_j e^(cos(h_i, h_j') /
t); a layer with tanh above the feature in training alone (section 6.3). Published: dropout .1, t .05.
Differs: dropout leaves a channel out for all tokens of a text together (Gal & Ghahramani 2016, arXiv:1512.05287),
since noise that each token draws for itself would vanish in the mean over tokens; what is left out belongs to sample
and step.
Letters: B texts on this rank, L noisy layers of the encoder, E token size, D feature size.
"""

from typing import Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.text import TextEncoder, text_encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.two_views import of_own_key


class SimcseConfig(Config):
    """Options of SimCSE."""

    name: Literal["simcse"] = "simcse"
    """Selects SimCSE (Gao et al. 2021, arXiv:2104.08821)."""

    dropout: float = Field(default=0.1, gt=0, lt=1)
    """Probability that a channel is left out (published: 0.1)."""

    temperature: PositiveFloat = 0.05
    """Divides the cosines between texts (published: 0.05)."""


class Simcse(Drawing):
    """head: [B, D] -> [B, D]."""

    needs = "sequence"

    def __init__(self, config: SimcseConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder is none of texts."""
        super().__init__()
        self.config = config
        size = text_encoder(encoder, "simcse", contextual=False).feature_dim
        self.head = nn.Sequential(nn.Linear(size, size), nn.Tanh())

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats; ln of the batch's size when all embeddings are equal.

        Raises:
            UserError: not one view, one sample alone, or an encoder of something else.
        """
        view, text = only_view(batch, "simcse"), text_encoder(encoder, "simcse", contextual=False)
        noise = torch.cat([self.noise(text, batch.index, stream) for stream in range(2)])
        both = self.head(text(torch.cat([view, view]), noise.to(view.device)))
        first, second = both.chunk(2)
        return Losses(of_own_key(first, second, temperature=self.config.temperature, name="simcse"))

    def noise(self, text: TextEncoder, index: Tensor, stream: int) -> Tensor:
        """[B, L, E]: 0 with the probability of `dropout`, else what keeps the mean."""
        numbers = self.chance.uniform(index, text.noisy_layers, text.token_dim, stream=stream)
        return (numbers >= self.config.dropout).to(numbers) / (1 - self.config.dropout)
