"""BERT4Rec: some events are hidden, and which items they were is predicted from those before and behind them.

Source: Sun et al. 2019 (arXiv:1904.06690), section 3.6: a share of the events is masked; in some histories the last
event alone, as in use, where a masked event stands behind the history.
L = - mean over hidden t of log p(x_t | masked history).
Differs: which histories have only the last event masked is drawn, in place of copies of the data set; a history that
is longer than the encoder's window is cut into windows, another place each step.
Letters: S windows, W events of one.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.history_transformer import history_encoder
from components.modalities.events.config import FIRST, MASK
from components.modalities.events.views import lengths
from components.objectives.base import Batch, Losses
from components.objectives.parts.next_item import item_loss, known, windows
from components.objectives.parts.one_view import Drawing, only_view


class Bert4recConfig(Config):
    """Options of BERT4Rec."""

    name: Literal["bert4rec"] = "bert4rec"
    """Selects BERT4Rec (Sun et al. 2019, arXiv:1904.06690)."""

    hidden: float = Field(default=0.2, gt=0, lt=1)
    """Share of the events that are predicted (published: 0.2 for long histories, up to 0.6 for short ones)."""

    last: float = Field(default=0.1, ge=0, le=1)
    """Share of the windows in which the last event alone is predicted."""


class Bert4rec(Drawing):
    needs = "events"

    def __init__(self, config: Bert4recConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder is none of histories, or causal."""
        super().__init__()
        self.config = config
        history_encoder(encoder, "bert4rec", causal=False)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats a hidden event.

        Raises:
            UserError: not one view, or an encoder of something else.
        """
        view, net = only_view(batch, "bert4rec"), history_encoder(encoder, "bert4rec", causal=False)
        seen, _, of = windows(view, net.window, self.chance.uniform(batch.index, 1)[:, 0])
        numbers = self.chance.uniform(batch.index, net.window + 1, stream=1).to(seen.device)[of]
        hidden = masks(seen, numbers[:, 1:], numbers[:, 0] < self.config.last, self.config.hidden)
        states = net.tokens(seen.masked_fill(hidden, MASK))[hidden]
        return Losses(item_loss(states, seen[hidden] - FIRST, net.items))


def masks(seen: Tensor, numbers: Tensor, last: Tensor, share: float) -> Tensor:
    """[S, W] bool: known items whose number is below `share`, and in the windows `last` [S] the last event alone. In a
    window in which none is, the last one.

    seen: [S, W]. numbers: [S, W] in [0, 1).
    """
    end = (lengths(seen) - 1).clamp(min=0)
    final = numbers.new_zeros(numbers.shape).bool().scatter(1, end.unsqueeze(1), True) & known(seen)
    hidden = (numbers < share) & known(seen)
    alone = last | ~hidden.any(dim=1)
    return final.where(alone.unsqueeze(1), hidden)
