"""TSDAE: tokens of a text are left out, and a decoder that sees nothing but its feature tells the text.

Source: Wang et al. 2021 (arXiv:2104.06979), section 3: L = - mean over t of log p(x_t | x_1 ... x_(t-1), f(noisy x)),
60 % of the tokens deleted; the decoder attends to the feature alone, which with one key is a sum: a layer of the
feature is added in each block.
Differs: the decoder is small (one block) and its weights are its own, but for the embeddings; the end of a text is not
predicted.
Letters: B texts, T tokens of the longest of a batch, n tokens that are predicted, E token size, D feature size.
"""

from typing import Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.text import by_length, text_encoder, widened
from components.encoders.text_transformer import TextBlock, visible
from components.encoders.vit import begin
from components.errors import UserError
from components.modalities.text.augment import thinned
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.token_masks import FIRST, TokenHead, token_loss


class TsdaeConfig(Config):
    """Options of TSDAE."""

    name: Literal["tsdae"] = "tsdae"
    """Selects TSDAE (Wang et al. 2021, arXiv:2104.06979)."""

    deleted: float = Field(default=0.6, gt=0, lt=1)
    """Share of the tokens that the encoder does not see (published: 0.6)."""

    depth: PositiveInt = 1
    """Number of the decoder's blocks."""

    heads: PositiveInt = 3
    """Attention heads of the decoder; twice their number divides the encoder's token size."""


class Decoder(nn.Module):
    """[B, T] tokens and features [B, D] -> [B, T, E]; a token sees those before it and the feature."""

    def __init__(self, config: TsdaeConfig, feature_dim: int, token_dim: int) -> None:
        super().__init__()
        self.features = nn.ModuleList([nn.Linear(feature_dim, token_dim) for _ in range(config.depth)])
        self.blocks = nn.ModuleList([TextBlock(token_dim, config.heads) for _ in range(config.depth)])
        self.norm = nn.LayerNorm(token_dim)
        self.apply(begin)

    def forward(self, view: Tensor, feature: Tensor, embedding: nn.Embedding) -> Tensor:
        def along(embedded: Tensor, padding: Tensor, feature: Tensor | None) -> Tensor:
            assert feature is not None
            x, seen = embedded, visible(padding, causal=True)
            for block, layer in zip(self.blocks, self.features, strict=True):
                x = block(x + layer(feature).unsqueeze(1), seen)
            return widened(self.norm(x), view.shape[1])

        return by_length(along, view, embedding, feature)


class Tsdae(Drawing):
    needs = "sequence"

    def __init__(self, config: TsdaeConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder is none of texts, or heads do not divide its token size."""
        super().__init__()
        self.config, text = config, text_encoder(encoder, "tsdae", contextual=False)
        if text.token_dim % (2 * config.heads):
            raise UserError(
                "size-not-divisible",
                f"tsdae needs a token size that is a multiple of twice heads, got {text.token_dim} and {config.heads};"
                " change heads",
            )
        self.decoder = Decoder(config, text.feature_dim, text.token_dim)
        self.head = TokenHead(text.token_dim, text.token_dim, text.vocabulary)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats a token.

        Raises:
            UserError: not one view, or an encoder of something else.
        """
        view, text = only_view(batch, "tsdae"), text_encoder(encoder, "tsdae", contextual=False)
        numbers = self.chance.uniform(batch.index, view.shape[1]).to(view.device)
        feature = text(thinned(view, numbers, self.config.deleted))
        predicted = view[:, 1:] >= FIRST
        tokens = self.decoder(view, feature, text.embedding)[:, :-1]
        return Losses(token_loss(self.head(tokens[predicted], text.embedding.weight), view[:, 1:][predicted]))
