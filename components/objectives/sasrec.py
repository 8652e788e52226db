"""SASRec: the next item of a history, after each of its events.

Source: Kang & McAuley 2018 (arXiv:1808.09781), section 3; with the cross-entropy over all items in place of one
negative an event, which is what makes it as good as BERT4Rec: Klenitskiy & Vasilev 2023 (arXiv:2309.07602).
L = - mean over t of log p(x_(t+1) | x_1 .. x_t), p by products of what stands at t with the embeddings of items.
Differs: a history that is longer than the encoder's window is cut into windows, another place each step, so that all
events are predicted and not the last ones alone.
Letters: B users, T events of the longest of a batch, K negatives, V items.
"""

from typing import Literal

from pydantic import PositiveInt
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.history_transformer import HistoryTransformer, history_encoder
from components.modalities.events.config import FIRST
from components.objectives.base import Batch, Losses
from components.objectives.parts.next_item import item_loss, known, windows
from components.objectives.parts.one_view import Drawing, only_view


class NextItemConfig(Config):
    """Options shared by SASRec and CL4SRec."""

    negatives: PositiveInt | None = None
    """Items, drawn anew for each step, that stand for all that were not chosen; null: all items, which is exact, and
    fast enough up to some 100,000 of them."""


class SasrecConfig(NextItemConfig):
    """Options of SASRec."""

    name: Literal["sasrec"] = "sasrec"
    """Selects SASRec (Kang & McAuley 2018, arXiv:1808.09781)."""


class NextItem(Drawing):
    """Predicts the next item; what SASRec and CL4SRec share."""

    needs = "events"
    config: NextItemConfig

    def next_item(self, encoder: HistoryTransformer, view: Tensor, index: Tensor) -> Tensor:
        """[] nats an event. view: [B, T]. index: [B] rows."""
        shift = self.chance.uniform(index, 1)[:, 0]
        seen, after, _ = windows(view, encoder.window, shift)
        asked = known(after)
        hidden = encoder.tokens(seen)[asked]
        return item_loss(hidden, after[asked] - FIRST, encoder.items, self.drawn(encoder, index))

    def drawn(self, encoder: HistoryTransformer, index: Tensor) -> Tensor | None:
        """[K] int64 the step's negatives, None where all items count."""
        if self.config.negatives is None:
            return None
        numbers = self.chance.uniform(index.new_zeros(1), self.config.negatives, stream=1)[0]
        return (numbers.to(encoder.items.device) * len(encoder.items)).long()


class Sasrec(NextItem):
    config: SasrecConfig

    def __init__(self, config: SasrecConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder is none of histories, or not causal."""
        super().__init__()
        self.config = config
        history_encoder(encoder, "sasrec", causal=True)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats an event.

        Raises:
            UserError: not one view, or an encoder of something else.
        """
        view = only_view(batch, "sasrec")
        return Losses(self.next_item(history_encoder(encoder, "sasrec", causal=True), view, batch.index))
