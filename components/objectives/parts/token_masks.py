"""What the objectives that hide, replace and predict tokens of texts share.

Letters: B samples, T tokens of the longest of a batch, n tokens that are predicted, E token size, V
vocabulary, W ranks.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.collectives import all_reduce_sum, world
from components.modalities.text.tokenizer import MASK, SPECIAL
from components.precision import at_least_float32

FIRST = len(SPECIAL)  # the first number of a piece


def chosen(view: Tensor, numbers: Tensor, share: float) -> Tensor:
    """[B, T] bool: pieces whose number is below `share`; never padding, CLS or another special token.

    view: [B, T] int64. numbers: [B, T] in [0, 1).
    """
    return (numbers.to(view.device) < share) & (view >= FIRST)


def corrupted(view: Tensor, hidden: Tensor, numbers: Tensor, pieces: Tensor, vocabulary: int) -> Tensor:
    """[B, T] with [MASK] at 80 % of what is hidden, a random piece at 10 %, and 10 % as they were (BERT, section 3.1).

    hidden: [B, T] bool. numbers, pieces: [B, T] in [0, 1), which of the three, and which piece.
    """
    numbers, pieces = numbers.to(view.device), pieces.to(view.device)
    random = FIRST + (pieces * (vocabulary - FIRST)).long()
    instead = torch.where(numbers < 0.8, MASK, torch.where(numbers < 0.9, random, view))
    return torch.where(hidden, instead, view)


class TokenHead(nn.Module):
    """[n, E] -> logits [n, V]: a layer, and products with the embeddings of all pieces (tied, as in BERT)."""

    def __init__(self, inputs: int, token_dim: int, vocabulary: int) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(inputs, token_dim), nn.LayerNorm(token_dim)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, tokens: Tensor, embedding: Tensor) -> Tensor:
        """embedding: [V, E]."""
        return F.linear(self.norm(F.gelu(self.layer(tokens))), embedding, self.bias)


def mean_over_tokens(values: Tensor) -> Tensor:
    """[] the sum of values [n] times W over their number on all ranks: the mean of that over the ranks is the mean over
    all tokens, however many each rank has. 0 where there are none."""
    count = all_reduce_sum(values.new_tensor(float(len(values))))
    return values.sum() * world() / count.clamp(min=1)


def token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """[] mean cross-entropy over tokens, nats; ln V for constant logits. logits: [n, V]. targets: [n] int64."""
    with torch.autocast(logits.device.type, enabled=False):
        return mean_over_tokens(F.cross_entropy(at_least_float32(logits), targets, reduction="none"))
