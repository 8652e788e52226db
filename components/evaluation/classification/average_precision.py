"""How good are found boxes? Average precision at an overlap of one half.

Source: Everingham et al. 2010 (PASCAL VOC), the area under the curve with all its points, as from VOC 2010 on: going
down the scores, a box is a hit where it overlaps an object of its class that none before has taken.
Letters: n, m boxes of a scene, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from components.errors import UserError


@dataclass(frozen=True)
class Boxes:
    """Of one scene: boxes [n, 4] (left, top, right, bottom), classes [n], scores [n]."""

    boxes: Tensor
    classes: Tensor
    scores: Tensor


def overlaps(a: Tensor, b: Tensor) -> Tensor:
    """[n, 4], [m, 4] -> [n, m] intersection over union; two squares of side 2 that share a quarter: 1 / 7."""
    low, high = torch.maximum(a[:, None, :2], b[None, :, :2]), torch.minimum(a[:, None, 2:], b[None, :, 2:])
    both = (high - low).clamp_min(0).prod(dim=2)
    size = [(x[:, 2:] - x[:, :2]).prod(dim=1) for x in (a, b)]
    return both / (size[0][:, None] + size[1][None] - both)


def area(hits: Sequence[bool], objects: int) -> float:
    """Of hits in the order of the scores: mean over the objects of the best precision from their recall on.

    Two objects, hit, miss, hit: (1 + 2 / 3) / 2 = .8333.
    """
    hit = np.asarray(hits, dtype=bool)
    precision = np.cumsum(hit) / np.arange(1, len(hit) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[hit].sum() / objects)


def average_precision(
    found: Sequence[Boxes],
    boxes: Sequence[Tensor],
    classes: Sequence[Tensor],
    *,
    kinds: int,
    enough: float = 0.5,
) -> dict[int, float]:
    """Class -> average precision over all scenes, of the classes that have an object.

    Raises:
        UserError: not as many scenes were answered as there are.
    """
    if not len(found) == len(boxes) == len(classes):
        raise UserError(
            "lengths-differ", f"an answer to each of {len(boxes)} scenes needed, got {len(found)}"
        )
    result = {}
    for kind in range(kinds):
        objects = sum(int((c == kind).sum()) for c in classes)
        if objects:
            judged = [
                pair
                for given, box, c in zip(found, boxes, classes, strict=True)
                for pair in _judge(given, kind, box[c == kind], enough)
            ]
            judged.sort(key=lambda pair: -pair[0])
            result[kind] = area([hit for _, hit in judged], objects) if judged else 0.0
    return result


def _judge(given: Boxes, kind: int, objects: Tensor, enough: float) -> list[tuple[float, bool]]:
    """Score and hit of one scene's boxes of a class."""
    own = given.classes == kind
    order = given.scores[own].argsort(descending=True, stable=True)
    boxes, scores = given.boxes[own][order], given.scores[own][order].tolist()
    shared, taken, judged = overlaps(boxes.float(), objects.float()), set[int](), list[tuple[float, bool]]()
    for i, score in enumerate(scores):
        best = int(shared[i].argmax()) if len(objects) else -1
        hit = best >= 0 and bool(shared[i, best] >= enough) and best not in taken
        taken |= {best} if hit else set()
        judged.append((float(score), hit))
    return judged
