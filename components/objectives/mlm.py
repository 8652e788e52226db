"""Masked language modelling: some tokens are hidden, and what stood there is predicted from those around them.

Source: Devlin et al. 2018 (arXiv:1810.04805), section 3.1 and appendix A.1: of 15 % of the tokens, 80 % become [MASK],
10 % another piece, 10 % stay; drawn anew each time (dynamic masks: arXiv:1907.11692, section 4.1).
L = - mean over hidden t of log p(x_t | corrupted x).
Differs: no prediction of the next sentence; each token is drawn by itself, so that a text's share varies.
Letters: B texts, T tokens of the longest of a batch, n hidden ones.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.text import text_encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.token_masks import TokenHead, chosen, corrupted, token_loss


class MlmConfig(Config):
    """Options of masked language modelling."""

    name: Literal["mlm"] = "mlm"
    """Selects masked language modelling (Devlin et al. 2018, arXiv:1810.04805)."""

    hidden: float = Field(default=0.15, gt=0, lt=1)
    """Share of the tokens that are predicted (published: 0.15)."""


class Mlm(Drawing):
    needs = "sequence"

    def __init__(self, config: MlmConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens of texts."""
        super().__init__()
        self.config, text = config, text_encoder(encoder, "mlm")
        self.head = TokenHead(text.token_dim, text.token_dim, text.vocabulary)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats a hidden token.

        Raises:
            UserError: not one view, or an encoder of something else.
        """
        view, text = only_view(batch, "mlm"), text_encoder(encoder, "mlm")
        hidden, seen = self.hide(view, batch.index)
        logits = self.head(text.tokens(seen)[hidden], text.embedding.weight)
        return Losses(token_loss(logits, view[hidden]))

    def hide(self, view: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """hidden [B, T] bool, and the view [B, T] without what they hide."""
        which, how, instead = (
            self.chance.uniform(index, view.shape[1], stream=stream) for stream in range(3)
        )
        hidden = chosen(view, which, self.config.hidden)
        return hidden, corrupted(view, hidden, how, instead, self.head.bias.shape[0])
