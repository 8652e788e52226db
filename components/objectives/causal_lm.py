"""Causal language modelling: each token is predicted from those before it.

Source: Radford et al. 2018 ("Improving language understanding by generative pre-training", section 3.1), equation 1:
L = - mean over t of log p(x_t | x_1 ... x_(t-1)).
Differs: weights are tied through a layer, as in mlm; of a long text the beginning alone is seen.
Letters: B texts, T tokens of the longest of a batch, n tokens that are predicted.
"""

from typing import Literal

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.text import TextEncoder, text_encoder
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Single, only_view
from components.objectives.parts.token_masks import FIRST, TokenHead, token_loss


class CausalLmConfig(Config):
    """Options of causal language modelling."""

    name: Literal["causal_lm"] = "causal_lm"
    """Selects causal language modelling (Radford et al. 2018)."""


class CausalLm(Single):
    needs = "sequence"

    def __init__(self, config: CausalLmConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder is none of texts, or its tokens see those behind them."""
        super().__init__()
        self.config, text = config, causal(encoder)
        self.head = TokenHead(text.token_dim, text.token_dim, text.vocabulary)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats a token.

        Raises:
            UserError: not one view, or an encoder of something else.
        """
        view, text = only_view(batch, "causal_lm"), causal(encoder)
        predicted = view[:, 1:] >= FIRST
        logits = self.head(text.tokens(view)[:, :-1][predicted], text.embedding.weight)
        return Losses(token_loss(logits, view[:, 1:][predicted]))


def causal(encoder: Encoder) -> TextEncoder:
    """The encoder, whose tokens see those before them alone.

    Raises:
        UserError: they do not.
    """
    text = text_encoder(encoder, "causal_lm")
    if not text.causal:
        raise UserError(
            "encoder-unsuitable",
            "causal_lm needs an encoder whose tokens see only those before them; set encoder to"
            " {name: text_transformer, causal: true}",
        )
    return text
