"""Batches of labelled and unlabelled samples side by side, for the semi-supervised methods.

Labels and unlabelled samples are two endless streams, each a sequence of permutations; step g takes the
samples g * size to (g + 1) * size of it. So a step's samples are a pure function of seed and step and
resuming needs no state, and a hundred labels turn round many times while the unlabelled samples do once.
Letters: L labelled, U unlabelled samples a step, N samples in the array.
"""

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from components.collectives import rank, world
from components.data.loader import order
from components.data.packed import Packed
from components.errors import UserError
from components.modalities.view_maker import ViewMaker
from components.objectives.base import Batch


@dataclass(frozen=True)
class Supervision:
    """targets: [N] class of each sample by position, -1 for none. weights: [N] how much it counts.

    labelled: [n] positions whose target a person gave; unlabelled: [m] positions that unlabelled batches come
    from. domains: [N], see domains_of.
    """

    targets: Tensor
    weights: Tensor
    labelled: Tensor
    unlabelled: Tensor
    domains: Tensor | None = None


def domains_of(source: Tensor, labelled: Tensor) -> Tensor | None:
    """[N] 0 for samples of the source that has the most labels (of several, the first), 1 for all others; None where
    all are of one source.

    Args:
        source: [N] int64 >= 0, where each sample comes from. labelled: [n] positions.
    """
    if len(source.unique()) < 2:  # type: ignore[no-untyped-call]
        return None
    return (source != source[labelled].bincount().argmax()).long()


class Stream:
    """An endless sequence of positions: one permutation of `rows` after another."""

    def __init__(self, rows: Tensor, seed: int) -> None:
        self.rows, self.seed = rows, seed
        self._number, self._order = -1, rows

    def take(self, start: int, stop: int) -> Tensor:
        """[stop - start] the elements start..stop-1 of the sequence; every window of len(rows) aligned to it
        is a permutation."""
        parts = []
        while start < stop:
            number, inside = divmod(start, len(self.rows))
            if number != self._number:
                self._number, self._order = number, self.rows[order(len(self.rows), self.seed, number)]
            upto = min(len(self.rows), inside + stop - start)
            parts.append(self._order[inside:upto])
            start += upto - inside
        return torch.cat(parts) if parts else self.rows[:0]


class LabelledSource:
    """The batches that components.semisupervised.base describes; a BatchSource for the training loop."""

    def __init__(
        self,
        packed: Packed,
        maker: ViewMaker[Any, Any],
        supervision: Supervision,
        weak: tuple[Any, int],
        strong: tuple[Any, int],
        *,
        labelled: int,
        unlabelled: int,
        steps: int,
        seed: int,
        device: torch.device,
    ) -> None:
        """labelled, unlabelled: L and U of all processes together. steps: of an epoch.

        maker, weak, strong: how such a view is made, and how many the method wants.

        Raises:
            UserError: no label, or batches that the processes cannot share.
        """
        if not len(supervision.labelled):
            raise UserError(
                "labels-too-few", "fine-tuning needs at least one labelled sample and got none; label some"
            )
        if labelled < world() or labelled % world() or unlabelled % world():
            raise UserError(
                "batch-not-divisible",
                f"batch sizes must be multiples of the number of processes {world()}, "
                f"got {labelled} labelled and {unlabelled} unlabelled",
            )
        self.packed, self.maker, self.supervision, self.device = packed, maker, supervision, device
        self.weak, self.strong, self.steps = weak, strong, steps
        self.sizes = (labelled, unlabelled if len(supervision.unlabelled) else 0)
        self.streams = (Stream(supervision.labelled, 2 * seed), Stream(supervision.unlabelled, 2 * seed + 1))
        self.waited, self._epoch = 0.0, 0

    @property
    def rows(self) -> int:
        return len(self.packed)

    def begin(self, epoch: int, step: int, chosen: Tensor | None) -> int:
        assert chosen is None, "a semi-supervised method does not choose its rows"
        self._epoch = epoch
        return self.steps

    def indices(self, step: int) -> Tensor:
        """[L + U] positions of this process's part of a step of the current epoch; labelled ones first."""
        number = self._epoch * self.steps + step
        parts = []
        for stream, size in zip(self.streams, self.sizes, strict=True):
            share = size // world()
            start = number * size + rank() * share
            parts.append(stream.take(start, start + share))
        return torch.cat(parts)

    def batch(self, step: int, generator: torch.Generator) -> Batch:
        began = time.perf_counter()
        index = self.indices(step)
        stored = self.packed.gather(index, pin=self.device.type == "cuda")
        clean = self.maker.clean(stored.to(self.device))
        self.waited += time.perf_counter() - began
        labelled = self.sizes[0] // world()
        views = [self.maker.augment(clean, self.weak[0], generator) for _ in range(self.weak[1])]
        views += [
            self.maker.augment(clean[labelled:], self.strong[0], generator) for _ in range(self.strong[1])
        ]
        targets, weights = (
            part[index].to(self.device) for part in (self.supervision.targets, self.supervision.weights)
        )
        domains = self.supervision.domains
        of = None if domains is None else domains[index].to(self.device)
        return Batch(views, index.to(self.device), targets, weights, labelled, of)

    def clean(self, index: Tensor) -> Tensor:
        return self.maker.clean(self.packed.gather(index).to(self.device))

    def close(self) -> None:
        """Nothing is held open."""
