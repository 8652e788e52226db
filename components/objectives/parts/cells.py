"""What the objectives share that change cells of a row and predict something of them.

Numbers are predicted as normal scores, categories by their codes: so every cell is on one scale, whatever its unit.
Letters: B samples, F features, N numeric and C categorical ones, D feature size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.encoders.tabular import TableEncoder
from components.errors import UserError
from components.modalities.table.marginals import Marginals
from components.objectives.parts.one_view import Drawing
from components.precision import at_least_float32

SWAP, DRAW, HIDE, COUNT = range(4)  # streams of random numbers


def table_encoder(encoder: Encoder, name: str) -> TableEncoder:
    """The encoder, which takes rows of tables.

    Raises:
        UserError: it does not; `name` is the objective's.
    """
    if not isinstance(encoder, TableEncoder):
        raise UserError(
            "encoder-unsuitable",
            f"{name} needs an encoder of rows of tables, got {type(encoder).__name__}; set encoder to table_mlp or "
            "ft_transformer, or choose another objective",
        )
    return encoder


class CellDecoder(nn.Module):
    """Features [B, D] -> what each cell of the row is: [B, N] normal scores, and [B, sum of sizes] logits of codes.

    hidden: size of one hidden layer; 0: a linear layer.
    """

    def __init__(self, encoder: TableEncoder, hidden: int) -> None:
        super().__init__()
        self.numbers, self.sizes = len(encoder.numeric), encoder.sizes
        outputs = self.numbers + sum(self.sizes)
        layers = 2 if hidden else 1
        self.head = mlp_head(encoder.feature_dim, hidden or outputs, outputs, layers)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        numbers, codes = self.head(features).split([self.numbers, sum(self.sizes)], dim=1)
        return numbers, codes


def cell_losses(predicted: tuple[Tensor, Tensor], scores: Tensor, codes: Tensor, sizes: list[int]) -> Tensor:
    """Squared error of each number and cross-entropy of each category; 0 where the cell is missing.

    Args:
        predicted: of CellDecoder. scores: [B, N], NaN is missing. codes: [B, C] int64, 0 is missing.
        sizes: codes of each categorical feature.

    Returns:
        [B, N + C], the numbers first; 1 for a score of 1 that is predicted as 0, ln K for K equal logits.
    """
    numbers, logits = (at_least_float32(t) for t in predicted)
    there = ~scores.isnan()
    squared = torch.where(there, numbers - scores.nan_to_num(0.0), 0.0).square()
    each = [
        F.cross_entropy(part, codes[:, place], ignore_index=0, reduction="none")
        for place, part in enumerate(torch.split(logits, sizes, dim=1))
    ]
    return torch.cat([squared, *(one.unsqueeze(1) for one in each)], dim=1)


def mean_of(losses: Tensor, mask: Tensor) -> Tensor:
    """Mean over the samples of each sample's mean over the cells in `mask` [B, F]; a sample without any counts as 0."""
    count = mask.sum(dim=1)
    return ((losses * mask).sum(dim=1) / count.clamp_min(1)).mean()


def largest_share(u: Tensor, share: float, extra: Tensor) -> Tensor:
    """[B, F] uniform numbers -> [B, F] bool: true for share * F cells of each row, rounded at random by `extra` [B, 1],
    at least one and, of two or more, not all.

    Raises:
        UserError: rows have one cell alone: none could be hidden with another left.
    """
    cells = u.shape[1]
    if cells < 2:
        raise UserError(
            "columns-too-few",
            "hiding cells needs rows of 2 features or more, got 1; choose another objective",
        )
    count = (share * cells + extra - 1e-6).floor().clamp(1, cells - 1)
    return u.argsort(dim=1).argsort(dim=1) < count


class OfCells(Drawing):
    """An objective of one plain view whose cells it changes by chance that belongs to sample and step. Its `decoder`
    says of features what each cell is."""

    needs = "table"
    decoder: CellDecoder
    columns: Tensor  # [F] places of the numbers, then of the categories

    def __init__(self, encoder: TableEncoder) -> None:
        super().__init__()
        self.marginals = Marginals(encoder.packing)
        columns = torch.cat([encoder.numeric, encoder.categorical])
        self.register_buffer("columns", columns, persistent=False)

    def reconstruction(self, table: TableEncoder, features: Tensor, x: Tensor) -> Tensor:
        """[B, N + C] losses of what features [B, D] of changed rows say of the cells of the rows x [B, F]."""
        return cell_losses(self.decoder(features), table.scores(x), table.codes(x), table.sizes)

    def in_order(self, mask: Tensor) -> Tensor:
        """[B, F] by feature -> the same with the numbers first, then the categories, as losses come."""
        return mask.index_select(1, self.columns)

    def swapped(self, x: Tensor, index: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """[B, F] with a share of the cells drawn anew from their column's distribution, and which differ now [B, F]."""
        swap = self.pick(x, index, share, SWAP)
        drawn = self.marginals.draw(self.chance.uniform(index, x.shape[1], stream=DRAW).to(x.device)).to(
            x.dtype
        )
        changed = torch.where(swap, drawn, x)
        return changed, (changed != x) & ~(changed.isnan() & x.isnan())

    def hidden(self, x: Tensor, index: Tensor, share: float) -> Tensor:
        """[B, F] bool: a share of the cells."""
        return self.pick(x, index, share, HIDE)

    def pick(self, x: Tensor, index: Tensor, share: float, stream: int) -> Tensor:
        u = self.chance.uniform(index, x.shape[1], stream=stream)
        extra = self.chance.uniform(index, 1, stream=stream + COUNT + 1)
        return largest_share(u, share, extra).to(x.device)
