"""ELECTRA: a small network fills hidden tokens in, and the encoder finds out which ones it replaced.

Source: Clark et al. 2020 (arXiv:2003.10555), section 2: L = L_generator + weight * L_encoder, the first as in mlm with
[MASK] alone, the second the binary cross-entropy over all tokens; tokens are sampled from the generator, without a
gradient through them, and one that it gets right counts as original. Published: weight 50, 15 % hidden, a generator
of a quarter to a half of the width, embeddings in common.
Differs: the generator has the width of its embeddings within a narrow projection, and one block by default.
Letters: B texts, T tokens of the longest of a batch, n hidden ones, E token size, G width of the generator, V
vocabulary.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.text import by_length, text_encoder, widened
from components.encoders.text_transformer import TextBlock, visible
from components.encoders.vit import begin
from components.modalities.text.tokenizer import MASK
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.token_masks import (
    FIRST,
    TokenHead,
    chosen,
    mean_over_tokens,
    token_loss,
)  # fmt: skip
from components.precision import at_least_float32


class ElectraConfig(Config):
    """Options of ELECTRA."""

    name: Literal["electra"] = "electra"
    """Selects ELECTRA (Clark et al. 2020, arXiv:2003.10555)."""

    hidden: float = Field(default=0.15, gt=0, lt=1)
    """Share of the tokens that the generator fills in (published: 0.15)."""

    weight: PositiveFloat = 50.0
    """Weight of the encoder's loss; the generator's has weight 1 (published: 50)."""

    width: int = Field(default=64, multiple_of=2, gt=0)
    """Width G of the generator's blocks, a multiple of twice `heads`."""

    depth: PositiveInt = 1
    """Number of the generator's blocks."""

    heads: PositiveInt = 2
    """Attention heads of the generator."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "ElectraConfig":
        if self.width % (2 * self.heads):
            raise ValueError(f"width must be a multiple of twice heads, got {self.width} and {self.heads}")
        return self


class Generator(nn.Module):
    """[B, T] with [MASK] -> [B, T, G]."""

    def __init__(self, config: ElectraConfig, token_dim: int) -> None:
        super().__init__()
        self.enter = nn.Linear(token_dim, config.width)
        self.blocks = nn.ModuleList([TextBlock(config.width, config.heads) for _ in range(config.depth)])
        self.norm = nn.LayerNorm(config.width)
        self.apply(begin)

    def forward(self, view: Tensor, embedding: nn.Embedding) -> Tensor:
        def along(embedded: Tensor, padding: Tensor, _: Tensor | None) -> Tensor:
            x, seen = self.enter(embedded), visible(padding)
            for block in self.blocks:
                x = block(x, seen)
            return widened(self.norm(x), view.shape[1])

        return by_length(along, view, embedding)


def sampled(logits: Tensor, numbers: Tensor) -> Tensor:
    """[n, V] -> [n] int64, a piece of each by its probability, special ones left out: the first whose cumulated
    probability exceeds the number. numbers: [n] in [0, 1)."""
    shares = at_least_float32(logits)[:, FIRST:].softmax(dim=1).cumsum(dim=1)
    found = torch.searchsorted(shares, (numbers.to(shares) * shares[:, -1]).unsqueeze(1), right=True)
    return FIRST + found.squeeze(1).clamp(max=shares.shape[1] - 1)


class Electra(Drawing):
    """judge: [B, T, E] -> [B, T, 1], the logit of "replaced"."""

    needs = "sequence"

    def __init__(self, config: ElectraConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens of texts."""
        super().__init__()
        self.config, text = config, text_encoder(encoder, "electra")
        self.generator = Generator(config, text.token_dim)
        self.head = TokenHead(config.width, text.token_dim, text.vocabulary)
        self.judge = nn.Linear(text.token_dim, 1)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats. parts: generator, encoder.

        Raises:
            UserError: not one view, or an encoder of something else.
        """
        view, text = only_view(batch, "electra"), text_encoder(encoder, "electra")
        which, drawn = (
            self.chance.uniform(batch.index, view.shape[1], stream=stream).to(view.device)
            for stream in range(2)
        )
        hidden = chosen(view, which, self.config.hidden)
        tokens = self.generator(view.masked_fill(hidden, MASK), text.embedding)
        logits = self.head(tokens[hidden], text.embedding.weight)
        filling = token_loss(logits, view[hidden])
        with torch.no_grad():
            filled = view.masked_scatter(hidden, sampled(logits, drawn[hidden]))
        finding = replaced_loss(self.judge(text.tokens(filled)).squeeze(2), filled != view, view >= FIRST)
        parts = {"generator": filling.detach(), "encoder": finding.detach()}
        return Losses(filling + self.config.weight * finding, parts)


def replaced_loss(logits: Tensor, replaced: Tensor, counted: Tensor) -> Tensor:
    """[] mean binary cross-entropy over tokens that count, nats; ln 2 for logits of 0. All: [B, T]."""
    with torch.autocast(logits.device.type, enabled=False):
        logits = at_least_float32(logits[counted])
        targets = replaced[counted].to(logits)
        return mean_over_tokens(F.binary_cross_entropy_with_logits(logits, targets, reduction="none"))
