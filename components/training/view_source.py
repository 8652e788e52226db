"""Where a training's batches come from.

The loop asks for them by epoch and step, and hands over a generator that belongs to that step: a source that
draws its randomness from it alone gives the same batch again after an interruption.

Letters: B samples in this process's part of a batch, N samples, M rows of an epoch.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from components.collectives import rank, world
from components.data.loader import Loader
from components.data.packed import Packed
from components.data.prefetch import Prefetch
from components.modalities.view_maker import Role, ViewMaker
from components.objectives.base import Batch, ViewSpec


class BatchSource(Protocol):
    """What the loop needs."""

    @property
    def waited(self) -> float:
        """Seconds spent so far waiting for data (computing views is no waiting)."""

    @property
    def rows(self) -> int:
        """N: how many samples there are to train on."""

    def begin(self, epoch: int, step: int, chosen: Tensor | None) -> int:
        """Be ready to serve `epoch` from `step` on; chosen [M]: the rows it visits, None: all. -> steps."""

    def batch(self, step: int, generator: torch.Generator) -> Batch:
        """The batch of the next step, on the device; steps are asked for in order."""

    def clean(self, index: Tensor) -> Tensor:
        """index [B] int64 on the CPU -> a view of those samples without augmentation."""

    def close(self) -> None:
        """Let go of threads and files."""


class ViewSource:
    """Views of packed samples: gathered by a thread ahead of the step, augmented on the batch's device."""

    def __init__(
        self,
        packed: Packed,
        maker: ViewMaker[Any, Any],
        spec: ViewSpec,
        views: Mapping[Role, Any],
        *,
        batch_size: int,
        seed: int,
        device: torch.device,
        labels: Tensor | None = None,
    ) -> None:
        """spec: which views of each sample, and how many. views: how those of a role are made. batch_size: of all
        processes together; fewer samples than that make one batch. labels: [N] int64, -1 where there is none, for an
        objective that uses them."""
        size = min(batch_size, len(packed) - len(packed) % world())
        self.loader = Loader(len(packed), size, seed, rank=rank(), world=world())
        self.packed, self.maker, self.spec, self.views = packed, maker, spec, views
        self.device, self.labels = device, labels
        self._prefetch: Prefetch | None = None
        self._batches: Iterator[tuple[Tensor, Tensor]] = iter(())
        self._waited = 0.0

    @property
    def rows(self) -> int:
        return len(self.packed)

    @property
    def waited(self) -> float:
        return self._waited

    def begin(self, epoch: int, step: int, chosen: Tensor | None) -> int:
        self.close()
        self.loader.epoch, self.loader.step = epoch, 0
        self.loader.visit(chosen)
        self.loader.step, steps = step, self.loader.steps
        self._prefetch = Prefetch(self.loader, self.packed, self.device)
        self._batches = iter(self._prefetch)
        return steps

    def batch(self, step: int, generator: torch.Generator) -> Batch:
        assert step == self.loader.step, "steps are served in order"
        began = time.perf_counter()
        index, stored = next(self._batches)
        self._waited += time.perf_counter() - began
        views = self.augmented(stored, generator, self.spec)
        targets = self.labels[index].to(self.device) if self.labels is not None else None
        return Batch(views=views, index=index.to(self.device), targets=targets)

    def augmented(self, stored: Tensor, generator: torch.Generator, spec: ViewSpec) -> list[Tensor]:
        """Rows of the arrays -> one view [B, ...] for every one that is wanted."""
        clean = self.maker.clean(stored)
        return [
            self.maker.augment(clean, self.views[role], generator)
            for role, count in spec
            for _ in range(count)
        ]

    def clean(self, index: Tensor) -> Tensor:
        return self.maker.clean(self.packed.gather(index).to(self.device))

    def close(self) -> None:
        if self._prefetch is not None:
            self._prefetch.close()
            self._prefetch = None
