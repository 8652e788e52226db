"""Embeddings of tokens with the n-grams around them: the cheap encoder of texts.

Sources: the mean of embeddings of words and n-grams: fastText (Joulin et al. 2016, arXiv:1607.01759); convolutions over
embeddings: Kim 2014 (arXiv:1408.5882). Here: embedding + W2 gelu(convolution over `window` tokens), so that without
what the convolution adds it is a bag of words.
Letters: B texts, T tokens of the longest of a batch, E width, H hidden size.
"""

from typing import Literal

import torch.nn.functional as F
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.sequence import TextEncoder
from components.encoders.start import Start
from components.modalities.base import Packing


class TextCnnConfig(Config):
    """One convolution over embeddings; five to ten times as fast as the default transformer."""

    name: Literal["text_cnn"] = "text_cnn"
    """Selects embeddings with a convolution over neighbours."""

    width: PositiveInt = 192
    """Token size E."""

    hidden: PositiveInt = 192
    """Channels of the convolution."""

    window: int = Field(default=3, ge=1)
    """Tokens that the convolution covers, an odd number."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""

    @model_validator(mode="after")
    def _odd(self) -> "TextCnnConfig":
        if self.window % 2 == 0:
            raise ValueError(f"window must be odd, got {self.window}")
        return self


class TextCnn(TextEncoder):
    noisy_layers = 2  # the embeddings, and what the convolution adds

    def __init__(self, config: TextCnnConfig, packing: Packing) -> None:
        super().__init__(packing, config.name, config.width)
        self.near = nn.Conv1d(config.width, config.hidden, config.window, padding=config.window // 2)
        self.out = nn.Linear(config.hidden, config.width)
        self.norm = nn.LayerNorm(config.width)

    def layers(self, embedded: Tensor, padding: Tensor, noise: Tensor | None) -> Tensor:
        x = embedded.masked_fill(padding.unsqueeze(2), 0)  # beyond the end as beyond the batch's longest
        if noise is not None:
            x = x * noise[:, :1]
        added = self.out(F.gelu(self.near(x.transpose(1, 2)).transpose(1, 2)))
        found: Tensor = self.norm(x + (added if noise is None else added * noise[:, 1:]))
        return found
