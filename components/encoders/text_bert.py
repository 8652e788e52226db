"""Encoders of BERT's kind, which begin from published weights, such as MiniLM's sentence encoder.

Sources: Devlin et al. 2018 (arXiv:1810.04805); the mean over tokens as feature: Reimers & Gurevych 2019
(arXiv:1908.10084). Of a file of such weights (names as in Hugging Face's BertModel) all is taken but the pooler. The
modality's `vocabulary_file` must be the vocabulary of the same model.
Letters: B texts, T tokens of the longest of a batch, E width, V vocabulary.
"""

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.start import Start
from components.encoders.text import TextEncoder
from components.encoders.text_transformer import times, visible
from components.errors import UserError
from components.modalities.text.config import TextPacking
from components.modalities.text.tokenizer import PAD, SEP

WORDS = "embeddings.word_embeddings.weight"
EMBEDDINGS = {
    WORDS: "embedding.weight",
    "embeddings.position_embeddings.weight": "places.weight",
    "embeddings.token_type_embeddings.weight": "kinds.weight",
    "embeddings.LayerNorm": "norm",
}
PARTS = {
    "attention.output.dense": "proj",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "fc1",
    "output.dense": "fc2",
    "output.LayerNorm": "norm2",
}


class TextBertConfig(Config):
    """The defaults are those of all-MiniLM-L6: 22.6 million parameters."""

    name: Literal["text_bert"] = "text_bert"
    """Selects an encoder of BERT's kind."""

    width: PositiveInt = 384
    """Token size E, a multiple of `heads`."""

    depth: PositiveInt = 6
    """Number of transformer blocks."""

    heads: PositiveInt = 12
    """Attention heads of each block."""

    places: PositiveInt = 512
    """Positions that have an embedding; the tokens of a text and the one that ends it need that many at most."""

    special: tuple[int, int, int, int, int] = (0, 100, 101, 102, 103)
    """Lines of the vocabulary file, from 0, on which [PAD], [UNK], [CLS], [SEP] and [MASK] stand."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "TextBertConfig":
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")
        return self


class TextBert(TextEncoder):
    """Each text is ended by [SEP]; the feature is the mean over its tokens, [CLS] and [SEP] among them."""

    def __init__(self, config: TextBertConfig, packing: TextPacking) -> None:
        """Raises UserError: texts are longer than there are positions."""
        super().__init__(packing, config.width)
        if packing.length >= config.places:
            raise UserError(
                "view-size-refused",
                f"text_bert has embeddings for {config.places} positions, one of them for the end of a text, and"
                f" modality.length is {packing.length}; set it to {config.places - 1} or less",
            )
        self.special, self.noisy_layers = config.special, 1 + 2 * config.depth
        self.places, self.kinds = nn.Embedding(config.places, config.width), nn.Embedding(2, config.width)
        self.norm = nn.LayerNorm(config.width, eps=1e-12)
        self.blocks = nn.ModuleList([BertBlock(config.width, config.heads) for _ in range(config.depth)])
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)

    def layers(self, embedded: Tensor, padding: Tensor, noise: Tensor | None) -> Tensor:
        factors = [None] * self.noisy_layers if noise is None else list(noise.unsqueeze(2).unbind(1))
        place = self.places.weight[: embedded.shape[1]]
        x, seen = times(self.norm(embedded + place + self.kinds.weight[0]), factors[0]), visible(padding)
        for number, block in enumerate(self.blocks):
            x = block(x, seen, factors[1 + 2 * number], factors[2 + 2 * number])
        return x

    def tokens(self, view: Tensor) -> Tensor:
        return super().tokens(ended(view))[:, : view.shape[1]]

    def forward(self, view: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(ended(view), noise)

    def taken(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Hugging Face's names as ours, the three matrices of an attention as one, and the pieces in our order."""
        if WORDS not in tensors:
            return tensors
        found = dict[str, Tensor]()
        for name, value in tensors.items():
            stem, _, kind = name.rpartition(".")
            if name == WORDS:
                found[EMBEDDINGS[name]] = value[in_our_order(len(value), self.special).to(value.device)]
            elif name in EMBEDDINGS or stem in EMBEDDINGS:
                found[EMBEDDINGS[name] if name in EMBEDDINGS else f"{EMBEDDINGS[stem]}.{kind}"] = value
            elif name.startswith("encoder.layer."):
                number, _, part = stem.removeprefix("encoder.layer.").partition(".")
                if part in PARTS:
                    found[f"blocks.{number}.{PARTS[part]}.{kind}"] = value
                elif part == "attention.self.query":
                    three = [tensors[name.replace("query", other)] for other in ("query", "key", "value")]
                    found[f"blocks.{number}.qkv.{kind}"] = torch.cat(three)
        return found


class BertBlock(nn.Module):
    """[B, T, E] -> [B, T, E]: attention, then two layers on each token; both added to what came in, then normalised."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, seen: Tensor, first: Tensor | None, second: Tensor | None) -> Tensor:
        """As TextBlock's."""
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).flatten(2)
        x = self.norm1(x + times(self.proj(attended), first))
        found: Tensor = self.norm2(x + times(self.fc2(F.gelu(self.fc1(x))), second))
        return found


def ended(view: Tensor) -> Tensor:
    """[B, T] -> [B, T + 1], with [SEP] behind the last token. CLS a 0 gives CLS a SEP 0."""
    wide = F.pad(view, (0, 1))
    return wide.scatter(1, (view != PAD).sum(dim=1, keepdim=True), SEP)


def in_our_order(size: int, special: tuple[int, ...]) -> Tensor:
    """[V] int64: lines of a vocabulary file by our numbers, the special ones first. 4 lines, special 2 1: 2 1 0 3."""
    plain = torch.ones(size, dtype=torch.bool)
    plain[list(special)] = False
    return torch.cat([torch.tensor(special), plain.nonzero().flatten()])
