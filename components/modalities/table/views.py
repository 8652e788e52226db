"""Views of rows: cells that are replaced, left out or moved.

Sources: SCARF (Bahri et al. 2022, arXiv:2106.15147), section 3, corruption by draws from the empirical marginals.
Letters: B samples, F features.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat
from torch import Tensor

from components.arrays import Floats
from components.config import Config
from components.modalities.table.config import TablePacking
from components.modalities.table.marginals import Marginals
from components.modalities.table.scores import at_rank, ranks
from components.modalities.view_maker import Role, ViewMaker, Views


class TableView(Config):
    """How a view of a row is made."""

    corrupt: float = Field(default=0.6, ge=0, le=1)
    """Share of the cells that are replaced by a draw from the distribution of their column (published, for SCARF:
    0.6)."""

    drop: float = Field(default=0.0, ge=0, le=1)
    """Share of the cells that become missing values."""

    noise: NonNegativeFloat = 0.0
    """Standard deviation of Gaussian noise on numbers, where a column has the standard deviation 1 (normal scores)."""


UNCHANGED = TableView(corrupt=0)
LOCAL = 0.5  # share of the cells that a local view lacks


def chosen(u: Tensor, share: float, extra: Tensor) -> Tensor:
    """[B, F] uniform numbers -> [B, F] bool, true for share * F cells of each row, rounded up or down at random.

    extra: [B, 1] uniform in [0, 1). At .5, of 4 cells always 2 are chosen, of 3 cells 1 or 2.
    """
    cells = u.shape[1]
    count = (share * cells + extra - 1e-6).floor().clamp(0, cells)
    return u.argsort(dim=1).argsort(dim=1) < count


class TableViews(ViewMaker[TablePacking, TableView]):
    """[B, F] float32, NaN is missing, categories are codes."""

    View = TableView
    policies = ("corrupt",)
    usual = "corrupt"
    encoder = "table_mlp"
    simple = ("boosting", "knn")
    pooled = ("boosting",)
    favoured = MappingProxyType({"plain": 0.3, "boosting": 0.3})

    def __init__(self, packing: TablePacking) -> None:
        super().__init__(packing)
        self.marginals = Marginals(packing)

    def collate(self, rows: Sequence[Floats]) -> Tensor:
        return torch.from_numpy(np.stack(rows))

    def clean(self, stored: Tensor) -> Tensor:
        return stored.float()

    def augment(self, view: Tensor, how: TableView, generator: torch.Generator) -> Tensor:
        marginals = self.marginals.to(view.device)

        def uniform(columns: int) -> Tensor:
            size = (len(view), columns)
            return torch.rand(size, generator=generator, device=generator.device).to(view.device)

        if how.noise and len(marginals.numeric):
            view = self._noisy(
                view, how.noise * torch.special.ndtri(uniform(len(marginals.numeric)).clamp_min(1e-7))
            )
        features = view.shape[1]
        if how.corrupt:
            swap = chosen(uniform(features), how.corrupt, uniform(1))
            view = torch.where(swap, marginals.draw(uniform(features)), view)
        if how.drop:
            view = torch.where(chosen(uniform(features), how.drop, uniform(1)), torch.nan, view)
        return view

    def _noisy(self, view: Tensor, noise: Tensor) -> Tensor:
        """Numbers moved by noise [B, numeric] on their normal scores; what is missing stays so."""
        where, grid = self.marginals.numeric, self.marginals.grid
        rank = ranks(view[:, where], grid).clamp(1e-6, 1 - 1e-6)
        moved = at_rank(torch.special.ndtr(torch.special.ndtri(rank) + noise), grid)
        return view.index_copy(1, where, moved)

    def policy(self, name: str) -> Views[TableView]:
        assert name == "corrupt"
        return Views(weak=TableView(corrupt=0.1), strong=TableView(corrupt=0.4), pretrain=TableView())

    def roles(
        self, given: TableView | str | None, local: TableView | None, patch: int = 1
    ) -> Mapping[Role, TableView]:
        """plain: without any change. local: as the global ones, with half of the cells missing, unless given."""
        named = isinstance(given, str) and given in self.policies
        options = self.policy(str(given)).pretrain if named else given
        whole = options if isinstance(options, TableView) else TableView()
        return {
            "global": whole,
            "plain": UNCHANGED,
            "local": local or whole.model_copy(update={"drop": max(whole.drop, LOCAL)}),
        }

    def length(self, how: TableView) -> int:
        return len(self.packing.features)

    def blank(self, count: int) -> Tensor:
        return torch.full((count, len(self.packing.features)), torch.nan)

    def baseline(self) -> dict[str, Any]:
        return {"name": "rows"}

    def linear(self) -> dict[str, Any]:
        """On nine tables that did not choose it, 80 labels each, R² rises by .031 on average (docs/log.md)."""
        return {"name": "rows", "values": True}

    def raw(self) -> dict[str, Any]:
        return {"name": "raw_rows", "categories": "shares"}
