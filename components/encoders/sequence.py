"""Encoders of sequences of tokens: what they share.

Letters: B samples, T tokens of the longest of a batch, n tokens of one, D feature size, E token size, V vocabulary.
"""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from components.encoders.base import Encoder
from components.errors import UserError
from components.modalities.base import Packing, packing_fits
from components.modalities.text.config import TextPacking

TOGETHER = 32  # samples of about one length that pass at a time, without the padding that longer ones would bring
Layers = Callable[[Tensor, Tensor | None], Tensor]


class SequenceEncoder(Encoder):
    """[B, T] int64, 0 is padding at the end -> features [B, D]. token_dim: E."""

    modality: ClassVar[str]
    token_dim: int

    def __init__(self, packing: Packing) -> None:
        nn.Module.__init__(self)
        self.packing = packing

    def padding(self, view: Tensor) -> Tensor:
        """[B, T] bool, true behind the end of a sample."""
        return view == 0

    def tokens(self, view: Tensor) -> Tensor:
        """[B, T] -> [B, T, E]; what stands at padding has no meaning."""
        raise TypeError(f"{type(self).__name__} defines no tokens")


class TextEncoder(SequenceEncoder):
    """Tokens that pass through layers; the feature is the mean of what comes out, padding left out.

    embedding: [V, E]. noisy_layers: how many times noise can be multiplied into the channels of all tokens of a sample
    (see `forward`). causal: whether a token sees those before it and itself alone.
    """

    modality = "text"
    noisy_layers: int
    causal = False

    def __init__(self, packing: Packing, name: str, token_dim: int) -> None:
        """Raises UserError: the samples are no texts."""
        super().__init__(packing)
        packing_fits(packing, "text", f"encoder {name}")
        assert isinstance(packing, TextPacking)
        self.vocabulary, self.token_dim, self.feature_dim = len(packing.vocabulary), token_dim, token_dim
        self.embedding = nn.Embedding(self.vocabulary, token_dim)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def layers(self, embedded: Tensor, padding: Tensor, noise: Tensor | None) -> Tensor:
        """[B, T, E] -> [B, T, E]. noise: [B, noisy_layers, E] or None."""
        raise TypeError(f"{type(self).__name__} defines no layers")

    def tokens(self, view: Tensor) -> Tensor:
        def along(part: Tensor, noise: Tensor | None) -> Tensor:
            found = self.layers(self.embedding(part), self.padding(part), noise)
            return nn.functional.pad(found, (0, 0, 0, view.shape[1] - part.shape[1]))

        return by_length(along, view)

    def forward(self, view: Tensor, noise: Tensor | None = None) -> Tensor:
        """noise: [B, noisy_layers, E], factors for the channels of all tokens of a sample, such as 0 and 1 / (1 - p)."""

        def along(part: Tensor, noise: Tensor | None) -> Tensor:
            padding = self.padding(part)
            return pooled(self.layers(self.embedding(part), padding, noise), padding)

        return by_length(along, view, noise)


def pooled(tokens: Tensor, padding: Tensor) -> Tensor:
    """[B, T, E] -> [B, E]: the mean over tokens that are no padding; 0 where all are."""
    inside = (~padding).unsqueeze(2).to(tokens.dtype)
    return (tokens * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1)


def by_length(layers: Layers, view: Tensor, noise: Tensor | None = None) -> Tensor:
    """layers(view, noise), with samples of about one length together and padding that none of them needs cut off.

    layers: what becomes of a sample may depend on no other, and [B, T] must give [B, ...] for every T that holds it.
    """
    lengths = (view != 0).sum(dim=1)
    if len(view) <= TOGETHER:
        return layers(view[:, : _longest(lengths)], noise)
    order = lengths.argsort(stable=True)
    parts = [
        layers(view[rows, : _longest(lengths[rows])], None if noise is None else noise[rows])
        for rows in order.split(TOGETHER)
    ]
    return torch.cat(parts)[order.argsort()]


def text_encoder(encoder: Encoder, name: str) -> TextEncoder:
    """The encoder, which is one of texts and can be trained token by token.

    Raises:
        UserError: it is not; `name` is the objective's.
    """
    if not isinstance(encoder, TextEncoder):
        raise UserError(
            f"{name} predicts tokens of texts and needs an encoder of these, got {type(encoder).__name__}; set encoder"
            " to text_transformer or text_cnn, or take another objective"
        )
    return encoder


def _longest(lengths: Tensor) -> int:
    return max(1, int(lengths.max())) if len(lengths) else 1
