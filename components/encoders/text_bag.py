"""The mean of embeddings, with what a convolution finds in the n-grams around each token: the cheap encoder of texts.

Sources: the mean of embeddings of words and n-grams: fastText (Joulin et al. 2016, arXiv:1607.01759) and Sent2Vec
(Pagliardini et al. 2017, arXiv:1703.02507); convolutions over embeddings: Kim 2014 (arXiv:1408.5882).
A token gives e + W gelu(convolution over `window` embeddings). There is no norm, so that rare, telling words can
weigh more than frequent ones: by the length of their embeddings.
Letters: B texts, T tokens of the longest of a batch, E width, H hidden size.
"""

from typing import Literal

import torch.nn.functional as F
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.start import Start
from components.encoders.text import TextEncoder
from components.modalities.text.config import TextPacking
from components.modalities.text.tokenizer import PAD


class TextBagConfig(Config):
    """A bag of words, or of words and the n-grams around them."""

    name: Literal["text_bag"] = "text_bag"
    """Selects a mean of embeddings."""

    width: PositiveInt = 192
    """Token size E."""

    hidden: NonNegativeInt = 0
    """Channels of the convolution; 0: none, a bag of words. Objectives that predict tokens need one."""

    window: int = Field(default=3, ge=1)
    """Tokens that the convolution covers, an odd number."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""

    @model_validator(mode="after")
    def _odd(self) -> "TextBagConfig":
        if self.window % 2 == 0:
            raise ValueError(f"window must be odd, got {self.window}")
        return self


class TextBag(TextEncoder):
    """noisy_layers: the embeddings, and what the convolution adds."""

    def __init__(self, config: TextBagConfig, packing: TextPacking) -> None:
        super().__init__(packing, config.width)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.noisy_layers, self.contextual = 1 + (config.hidden > 0), config.hidden > 0
        self.near = (
            nn.Sequential(
                nn.Conv1d(config.width, config.hidden, config.window, padding=config.window // 2),
                nn.GELU(),
                nn.Conv1d(config.hidden, config.width, 1),
            )
            if config.hidden
            else None
        )

    def forward(self, view: Tensor, noise: Tensor | None = None) -> Tensor:
        if self.near is not None:
            return super().forward(view, noise)
        found: Tensor = F.embedding_bag(view, self.embedding.weight, mode="mean", padding_idx=PAD)
        return found if noise is None else found * noise[:, 0]

    def layers(self, embedded: Tensor, padding: Tensor, noise: Tensor | None) -> Tensor:
        x = embedded.masked_fill(padding.unsqueeze(2), 0)  # beyond the end as beyond the batch's longest
        if noise is not None:
            x = x * noise[:, :1]
        if self.near is None:
            return x
        added = self.near(x.transpose(1, 2)).transpose(1, 2)
        found: Tensor = x + (added if noise is None else added * noise[:, 1:])
        return found
