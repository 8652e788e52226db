"""What a protocol measures: a data set that is split, the frozen features, the model, where it computes.

Letters: M samples, D features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from components.arrays import Floats, Ints
from components.data.table import Table
from components.encoders.base import Encoder
from components.modalities.samples import Samples
from components.registry.model import Classifier
from components.training.device import Placement


@dataclass(frozen=True)
class Subject:
    """features [all, D] of the table's rows; samples: they; encoder: loads the one that made
    features, with what describes it; names: of the classes, in their order."""

    table: Table
    classes: int
    features: NDArray[np.float32]
    samples: Samples
    encoder: Callable[[], tuple[Encoder, object]]
    model: Classifier
    placement: Placement
    seed: int = 0
    names: tuple[str, ...] = ()

    def some(self, rows: Ints, most: int) -> Ints:
        chosen = np.random.default_rng(self.seed).permutation(rows)[:most]
        return np.sort(chosen).astype(np.int64)

    def labels(self, rows: Ints) -> Ints:
        return self.table.label[rows].astype(np.int64)

    def frozen(self, rows: Ints) -> Floats:
        return np.asarray(self.features[rows], dtype=np.float32)

    def views(self, rows: Ints) -> tuple[Tensor, Tensor]:
        """A clean view [M, ...] and labels [M], where the models are."""
        device = self.placement.device
        return self.samples.clean(rows, device), torch.from_numpy(self.labels(rows)).to(device)
