"""Small scenes to measure dense prediction on: real pictures pasted on an empty canvas, with what and where they are.

Source: after MultiMNIST (Sabour et al. 2017, arXiv:1710.09829) and the cluttered scenes of Eslami et al. 2016. The
truth comes from the pasting, so that neither masks nor boxes have to be drawn by hand.
Letters: N pictures, B scenes, C channels, s side of a picture, S side of a scene.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from components.errors import UserError


@dataclass(frozen=True)
class Scenes:
    """images [B, C, S, S]; masks [B, S, S] int64: 0 background, 1 + class; boxes: a scene's [n, 4] of (left, top,
    right, bottom) in pixels, the right and bottom edge outside; classes: its [n]."""

    images: Tensor
    masks: Tensor
    boxes: list[Tensor]
    classes: list[Tensor]


def compose(
    pictures: Tensor,
    labels: Tensor,
    scenes: int,
    *,
    side: int,
    count: int = 3,
    ink: float = 0.2,
    seed: int = 0,
) -> Scenes:
    """Up to `count` pictures [N, C, s, s] in [0, 1] a scene, drawn at random, none over another's box.

    A pixel belongs to its object where a channel is above `ink`; the box is the smallest around these.

    Raises:
        UserError: a picture is larger than the scene, or has no pixel above `ink`.
    """
    small = pictures.shape[-1]
    if small > side:
        raise UserError(
            "value-out-of-range", f"scenes of at least the pictures' side {small} needed, got {side}"
        )
    chance = torch.Generator().manual_seed(seed)
    images = torch.zeros(scenes, pictures.shape[1], side, side, dtype=pictures.dtype)
    masks = torch.zeros(scenes, side, side, dtype=torch.int64)
    boxes, classes = list[Tensor](), list[Tensor]()
    for scene in range(scenes):
        placed, named = list[Tensor](), list[int]()
        for row in torch.randint(len(pictures), (count,), generator=chance).tolist():
            top, left = torch.randint(side - small + 1, (2,), generator=chance).tolist()
            inked = (pictures[row] > ink).any(dim=0)
            if not inked.any():
                raise UserError(
                    "pictures-too-dark", f"picture {row} has no pixel above {ink}; give a lower ink"
                )
            box = around(inked) + torch.tensor([left, top, left, top])
            if any(overlap(box, other) for other in placed):
                continue
            place = (slice(top, top + small), slice(left, left + small))
            images[scene][:, place[0], place[1]] = torch.maximum(
                images[scene][:, place[0], place[1]], pictures[row]
            )
            masks[scene][place][inked] = 1 + int(labels[row])
            placed.append(box)
            named.append(int(labels[row]))
        boxes.append(torch.stack(placed))
        classes.append(torch.tensor(named))
    return Scenes(images, masks, boxes, classes)


def around(inked: Tensor) -> Tensor:
    """[s, s] bool -> (left, top, right, bottom), right and bottom outside."""
    rows, columns = inked.any(dim=1).nonzero()[:, 0], inked.any(dim=0).nonzero()[:, 0]
    return torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def overlap(a: Tensor, b: Tensor) -> bool:
    return bool((torch.maximum(a[:2], b[:2]) < torch.minimum(a[2:], b[2:])).all())
