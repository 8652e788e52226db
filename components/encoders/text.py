"""Encoders of texts that can be trained: what they share.

Letters: B samples, T tokens of the longest of a batch, n tokens of one, D feature size, E token size, V vocabulary.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from components.encoders.base import Encoder, SequenceEncoder
from components.errors import UserError
from components.modalities.text.config import TextPacking
from components.modalities.text.tokenizer import PAD

TOGETHER = (
    32  # samples of about one length that pass at a time, without the padding that longer ones would bring
)
Layers = Callable[[Tensor, Tensor, Tensor | None], Tensor]


class TextEncoder(SequenceEncoder):
    """Tokens that pass through layers; the feature is the mean of what comes out, padding left out.

    embedding: [V, E]. noisy_layers: how many times noise can be multiplied into the channels of all tokens of a sample
    (see `forward`). contextual: whether a token depends on others of its text. causal: on those before it alone.
    """

    modality = "text"
    embedding: nn.Embedding
    noisy_layers: int
    contextual = True
    causal = False

    def __init__(self, packing: TextPacking, token_dim: int) -> None:
        super().__init__(packing)
        self.vocabulary, self.token_dim, self.feature_dim = len(packing.vocabulary), token_dim, token_dim
        self.embedding = nn.Embedding(self.vocabulary, token_dim)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def padding(self, view: Tensor) -> Tensor:
        return view == PAD

    def layers(self, embedded: Tensor, padding: Tensor, noise: Tensor | None) -> Tensor:
        """[B, T, E] -> [B, T, E]. noise: [B, noisy_layers, E] or None."""
        raise TypeError(f"{type(self).__name__} defines no layers")

    def tokens(self, view: Tensor) -> Tensor:
        def along(embedded: Tensor, padding: Tensor, noise: Tensor | None) -> Tensor:
            return widened(self.layers(embedded, padding, noise), view.shape[1])

        return by_length(along, view, self.embedding)

    def forward(self, view: Tensor, noise: Tensor | None = None) -> Tensor:
        """noise: [B, noisy_layers, E], factors of the channels of all tokens of a sample, such as 0 and 1 / (1 - p)."""

        def along(embedded: Tensor, padding: Tensor, noise: Tensor | None) -> Tensor:
            return pooled(self.layers(embedded, padding, noise), padding)

        return by_length(along, view, self.embedding, noise)


def pooled(tokens: Tensor, padding: Tensor) -> Tensor:
    """[B, T, E] -> [B, E]: the mean over tokens that are no padding; 0 where all are."""
    inside = (~padding).unsqueeze(2).to(tokens.dtype)
    return (tokens * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1)


def widened(tokens: Tensor, width: int) -> Tensor:
    """[B, T, E] -> [B, width, E], 0 behind."""
    return nn.functional.pad(tokens, (0, 0, 0, width - tokens.shape[1]))


def by_length(layers: Layers, view: Tensor, embedding: nn.Embedding, more: Tensor | None = None) -> Tensor:
    """layers(embedded, padding, more) of all samples, those of about one length together, without the padding that
    none of them needs. Tokens are embedded once, for the gradient of an embedding costs a pass over all V.

    Args:
        layers: what becomes of a sample may depend on no other, and not on how much padding there is.
        view: [B, T]. more: [B, ...], what else belongs to a sample.
    """
    lengths = (view != PAD).sum(dim=1)
    order = lengths.argsort(stable=True)
    rows = torch.split(order, TOGETHER)  # of no texts: one part without any
    embedded = torch.split(
        embedding(view[order]), TOGETHER
    )  # a slice's gradient would be as large as the whole
    parts = []
    for own, some in zip(rows, embedded, strict=True):
        width = max([1, *lengths[own][-1:].tolist()])
        padding = (view[own] == PAD)[:, :width]
        parts.append(layers(some[:, :width], padding, None if more is None else more[own]))
    return torch.cat(parts)[order.argsort()]


def text_encoder(encoder: Encoder, name: str, *, contextual: bool = True) -> TextEncoder:
    """The encoder, which is one of texts that can be trained. contextual: its tokens must depend on others of a text.

    Raises:
        UserError: it is not; `name` is the objective's.
    """
    if not isinstance(encoder, TextEncoder):
        raise UserError(
            "encoder-unsuitable",
            f"{name} needs an encoder of texts that is trained here, got {type(encoder).__name__}; set encoder to"
            " text_bag or text_transformer, or take another objective",
        )
    if contextual and not encoder.contextual:
        raise UserError(
            "encoder-unsuitable",
            f"{name} predicts tokens from those around them, and this encoder sees each alone; set encoder to"
            " text_transformer, or give text_bag hidden channels, or take another objective",
        )
    return encoder
