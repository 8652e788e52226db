"""Batches of images with masks, and unlabelled images beside them, for components.semisupervised.segmentation.

A move (mirror image, shift by whole pixels) is made of an image and its mask alike, so each pixel keeps its class; tone
is changed in the image alone. What a shift brings in from outside repeats the edge in the image and is ignored in the
mask.
Letters: L labelled, U unlabelled images a step, n labels, B images, C channels, S side in pixels.
"""

import time
from typing import Any, NamedTuple

import torch
from torch import Tensor

from components.data.masks import IGNORE
from components.data.packed import Packed
from components.modalities.view_maker import ViewMaker
from components.objectives.base import Batch
from components.training.labelled_source import Stream


class Moves(NamedTuple):
    """mirrored: [B] bool, left and right exchanged. down, right: [B] int64, pixels by which the image is shifted after
    that."""

    mirrored: Tensor
    down: Tensor
    right: Tensor


def draw_moves(count: int, side: int, mirror: bool, shift: float, generator: torch.Generator) -> Moves:
    """Each image is mirrored with a probability of one half, where `mirror` says so, and shifted by up to `shift` of
    the side in each direction."""
    reach = int(shift * side)
    u = torch.rand(3, count, generator=generator, device=generator.device)
    down, right = ((u[1:] * (2 * reach + 1)).floor() - reach).long()
    return Moves((u[0] < 0.5) & mirror, down, right)


def moved(images: Tensor, moves: Moves) -> Tensor:
    """[B, C, S, S]: what lies outside repeats the edge."""
    rows, columns, _ = _places(moves, images.shape[-1])
    pick = torch.arange(len(images), device=images.device)[:, None, None]
    return images[pick, :, rows[:, :, None], columns[:, None, :]].movedim(3, 1)


def moved_masks(masks: Tensor, moves: Moves) -> Tensor:
    """[B, S, S]: what lies outside is ignored."""
    rows, columns, inside = _places(moves, masks.shape[-1])
    pick = torch.arange(len(masks), device=masks.device)[:, None, None]
    return masks[pick, rows[:, :, None], columns[:, None, :]].masked_fill(~inside, IGNORE)


def _places(moves: Moves, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows [B, S] and columns [B, S] of the image from which each row and column of the moved one come, and whether a
    pixel [B, S, S] comes from inside."""
    at = torch.arange(side, device=moves.down.device)
    rows, columns = at - moves.down[:, None], at - moves.right[:, None]
    inside = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None, :]
    columns = torch.where(moves.mirrored[:, None], side - 1 - columns, columns)
    return rows.clamp(0, side - 1), columns.clamp(0, side - 1), inside


class MaskSource:
    """A BatchSource for the training loop.

    masks: [n, S, S] uint8 of the labelled positions [n]; unlabelled: positions. sizes: L and U. tone, strong: how the
    views' values change (options of the view maker that move nothing).
    """

    def __init__(
        self,
        packed: Packed,
        maker: ViewMaker[Any, Any],
        labelled: Tensor,
        masks: Tensor,
        unlabelled: Tensor,
        *,
        tone: Any,
        strong: Any,
        mirror: bool,
        shift: float,
        sizes: tuple[int, int],
        steps: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.packed, self.maker, self.device, self.steps = packed, maker, device, steps
        self.labelled, self.unlabelled, self.masks = labelled, unlabelled, masks
        self.tone, self.strong, self.mirror, self.shift = tone, strong, mirror, shift
        self.sizes = (sizes[0], sizes[1] if len(unlabelled) else 0)
        self.streams = (Stream(torch.arange(len(labelled)), 2 * seed), Stream(unlabelled, 2 * seed + 1))
        self.waited, self._epoch = 0.0, 0

    @property
    def rows(self) -> int:
        return len(self.packed)

    def begin(self, epoch: int, step: int, chosen: Tensor | None) -> int:
        assert chosen is None, "a method for masks does not choose its rows"
        self._epoch = epoch
        return self.steps

    def batch(self, step: int, generator: torch.Generator) -> Batch:
        number = self._epoch * self.steps + step
        own, others = (
            stream.take(number * size, (number + 1) * size)
            for stream, size in zip(self.streams, self.sizes, strict=True)
        )
        index = torch.cat([self.labelled[own], others])
        began = time.perf_counter()
        clean = self.clean(index)
        self.waited += time.perf_counter() - began
        side = clean.shape[-1]
        moves = draw_moves(len(index), side, self.mirror, self.shift, generator)
        plain = moved(clean, moves)
        labelled = self.maker.augment(plain[: len(own)], self.tone, generator)
        views = [labelled]
        if len(others):
            views += [plain[len(own) :], self.maker.augment(plain[len(own) :], self.strong, generator)]
        masks = self.masks[own].to(self.device).long()
        targets = moved_masks(masks, Moves(*(part[: len(own)] for part in moves)))
        return Batch(views, index.to(self.device), targets, labelled=len(own))

    def clean(self, index: Tensor) -> Tensor:
        return self.maker.clean(self.packed.gather(index).to(self.device))

    def close(self) -> None:
        """Nothing is held open."""
