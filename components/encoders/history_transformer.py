"""A transformer over the items of a history.

Sources: causal: SASRec, Kang & McAuley 2018 (arXiv:1808.09781), section 3; both ways, with a masked event behind the
history for the next one: BERT4Rec, Sun et al. 2019 (arXiv:1904.06690), section 3.
Differs: the norm before each part, and one at the end (pre-norm: arXiv:2002.04745); positions are counted from the
beginning of the window, and the feed-forward layer has four times the width.
Letters: B users, T events of the longest of a batch, W events of the window, E width, V items.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder, SequenceEncoder
from components.encoders.start import Start
from components.errors import UserError
from components.modalities.events.config import FIRST, MASK, PAD, EventsPacking
from components.modalities.events.views import lengths


class HistoryTransformerConfig(Config):
    """A transformer over items; most of its parameters are the embeddings of the items."""

    name: Literal["history_transformer"] = "history_transformer"
    """Selects a transformer over the items of a history."""

    width: PositiveInt = 64
    """Size E of an item's embedding; a multiple of `heads`."""

    depth: PositiveInt = 2
    """Number of transformer blocks."""

    heads: PositiveInt = 2
    """Attention heads of each block."""

    window: int = Field(default=50, ge=2)
    """Events that are seen at once, the last ones of a history."""

    causal: bool = True
    """An event sees those before it and itself alone (SASRec); false: those behind it too (BERT4Rec)."""

    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of the values that are left out in training, behind the embeddings and in each block."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "HistoryTransformerConfig":
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")
        return self


class HistoryTransformer(SequenceEncoder):
    """[B, T] -> [B, E]: what stands at the end of a history, whose products with the embeddings of items are the
    scores of the next one. embedding: [V + 3, E]."""

    modality = "events"

    def __init__(self, config: HistoryTransformerConfig, packing: EventsPacking) -> None:
        super().__init__(packing)
        self.causal, self.window, self.token_dim = config.causal, config.window, config.width
        self.feature_dim = config.width
        self.embedding = nn.Embedding(packing.numbers, config.width)
        self.positions = nn.Parameter(torch.zeros(config.window, config.width))
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            HistoryBlock(config.width, config.heads, config.dropout) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        nn.init.normal_(self.positions, std=0.02)

    @property
    def items(self) -> Tensor:
        """[V, E] embeddings of the known items."""
        return self.embedding.weight[FIRST:]

    def padding(self, view: Tensor) -> Tensor:
        return view == PAD

    def tokens(self, view: Tensor) -> Tensor:
        """[B, T] -> [B, T, E], T at most the window."""
        assert view.shape[1] <= self.window, f"{view.shape[1]} events for a window of {self.window}"
        seen = visible(view, self.causal)
        x = self.drop(self.embedding(view) + self.positions[: view.shape[1]])
        for block in self.blocks:
            x = block(x, seen)
        found: Tensor = self.norm(x)
        return found

    def forward(self, view: Tensor) -> Tensor:
        last = latest(view, self.window if self.causal else self.window - 1)
        count = lengths(last)
        if not self.causal:
            last = F.pad(last, (0, 1)).scatter(1, count.unsqueeze(1), MASK)
            count = count + 1
        place = (count - 1).clamp(min=0)
        return self.tokens(last)[torch.arange(len(view), device=view.device), place]


class HistoryBlock(nn.Module):
    """[B, T, E] -> [B, T, E]: attention, then two layers on each event; both added to what came in."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """seen: [B, 1, T, T] bool, which events each may attend to."""
        q, k, v = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        share = self.dropout if self.training else 0.0
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, dropout_p=share)
        x = x + self._dropped(self.proj(found.transpose(1, 2).flatten(2)))
        return x + self._dropped(self.fc2(self._dropped(F.gelu(self.fc1(self.norm2(x))))))

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


def visible(view: Tensor, causal: bool) -> Tensor:
    """[B, T] -> [B, 1, T, T] bool: no event sees padding; causal: nor those behind it. Each sees itself, for a softmax
    needs something."""
    size = view.shape[1]
    seen = (view != PAD)[:, None, None, :].expand(-1, 1, size, -1)
    if causal:
        seen = seen & torch.ones(size, size, dtype=torch.bool, device=view.device).tril()
    return seen | torch.eye(size, dtype=torch.bool, device=view.device)


def latest(view: Tensor, size: int) -> Tensor:
    """The last `size` events of each history. [B, T] -> [B, size or T, whichever is less]; 1 2 3 0 at 2 gives 2 3."""
    size = min(size, view.shape[1])
    first = (lengths(view) - size).clamp(min=0).unsqueeze(1)
    found: Tensor = view.gather(1, first + torch.arange(size, device=view.device))
    return found


def history_encoder(encoder: Encoder, name: str, *, causal: bool) -> HistoryTransformer:
    """The encoder, which is one of histories that can be trained, and sees as `name`, the objective, needs it.

    Raises:
        UserError: it is not.
    """
    if not isinstance(encoder, HistoryTransformer):
        raise UserError(
            "encoder-unsuitable",
            f"{name} needs the encoder history_transformer, got {type(encoder).__name__}; set encoder to it, or take "
            "another objective",
        )
    if encoder.causal != causal:
        raise UserError(
            "encoder-unsuitable",
            f"{name} needs causal: {str(causal).lower()} of the encoder history_transformer, got "
            f"{str(encoder.causal).lower()}; set encoder.causal, or take another objective",
        )
    return encoder
