"""Views of vectors.

Letters: B samples of a batch, D numbers of a vector.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat
from torch import Tensor

from components.arrays import Floats
from components.config import Config
from components.modalities.view_maker import Role, ViewMaker, Views
from vectors.config import VectorPacking


class VectorView(Config):
    """How a view of a vector is made."""

    noise: NonNegativeFloat = 0.3
    """Standard deviation of the noise, where that of the training samples is 1."""

    drop: float = Field(default=0.2, ge=0, le=1)
    """Chance of each number to become the mean."""


class VectorViews(ViewMaker[VectorPacking, VectorView]):
    """[B, D] float32, of mean 0 and standard deviation 1."""

    View = VectorView
    policies = ("noise",)
    usual = "noise"
    encoder = "vector_mlp"

    def collate(self, rows: Sequence[Floats]) -> Tensor:
        return torch.from_numpy(np.stack(rows))

    def clean(self, stored: Tensor) -> Tensor:
        mean, std = (torch.tensor(t, device=stored.device) for t in (self.packing.mean, self.packing.std))
        return (stored - mean) / std

    def augment(self, view: Tensor, how: VectorView, generator: torch.Generator) -> Tensor:
        drawn = torch.rand((2, *view.shape), generator=generator, device=generator.device).to(view.device)
        noisy = view + how.noise * torch.special.ndtri(drawn[0].clamp(1e-6, 1 - 1e-6))
        return torch.where(drawn[1] < how.drop, 0.0, noisy)

    def policy(self, name: str) -> Views[VectorView]:
        return Views(weak=VectorView(noise=0.05, drop=0), strong=VectorView(), pretrain=VectorView())

    def roles(
        self, given: VectorView | str | None, local: VectorView | None, patch: int = 1
    ) -> Mapping[Role, VectorView]:
        whole = given if isinstance(given, VectorView) else VectorView()
        return {"global": whole, "plain": VectorView(noise=0, drop=0), "local": local or VectorView(drop=0.5)}

    def length(self, how: VectorView) -> int:
        return self.packing.read_as.size

    def blank(self, count: int) -> Tensor:
        return torch.zeros(count, self.packing.read_as.size)

    def baseline(self) -> dict[str, Any]:
        return {"name": "vector_mlp", "width": 0}
