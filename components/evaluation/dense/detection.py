"""Do the maps know where things are, and how many? A small centre head on frozen maps.

Source: Zhou et al. 2019 (arXiv:1904.07850), eq. 1 to 4: a heatmap a class with its peak at the object's centre, where
the box is read off; peaks are cells not below their eight neighbours. Measured by average precision.
Deviations: the Gaussian around a centre has the width of one cell (objects here are a few cells wide); and in place
of size and offset the four distances from the cell's middle to the edges are learnt, which says the same.
Letters: B scenes, D features, h side of a map, K classes, n objects of a scene; a cell is S / h pixels wide.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.errors import UserError
from components.evaluation.classification.average_precision import Boxes
from components.evaluation.classification.descent import descend

FOUND = 20  # boxes a scene at most


def targets(
    boxes: Tensor, classes: Tensor, side: int, cell: int, kinds: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Heatmap [K, h, h] (1 at centres, Gaussian around), boxes [4, h, h] (distances from the cell's middle to left,
    top, right, bottom, in cells) and where they hold [h, h] bool."""
    heat, reach = torch.zeros(kinds, side, side), torch.zeros(4, side, side)
    held = torch.zeros(side, side, dtype=torch.bool)
    steps = torch.arange(side)
    for box, kind in zip(boxes.double() / cell, classes.tolist(), strict=True):
        column, row = (int(v) for v in ((box[:2] + box[2:]) / 2).clamp(max=side - 1))
        spread = torch.exp(-((steps - row)[:, None] ** 2 + (steps - column)[None] ** 2) / 2.0)
        heat[kind] = torch.maximum(heat[kind], spread)
        middle = torch.tensor([column + 0.5, row + 0.5])
        reach[:, row, column] = torch.cat([middle - box[:2], box[2:] - middle]).float()
        held[row, column] = True
    return heat, reach, held


def focal(logits: Tensor, heat: Tensor) -> Tensor:
    """Penalised focal loss (eq. 1; alpha 2, beta 4) over the number of centres."""
    p = logits.float().sigmoid()
    centre = heat == 1
    hit = (1 - p) ** 2 * F.logsigmoid(logits.float())
    miss = (1 - heat) ** 4 * p**2 * F.logsigmoid(-logits.float())
    return -torch.where(centre, hit, miss).sum() / centre.sum().clamp_min(1)


def decode(heat: Tensor, reach: Tensor, cell: int, found: int = FOUND) -> Boxes:
    """heat [K, h, h] in [0, 1], reach [4, h, h] in cells -> the best peaks of one scene as boxes in pixels."""
    peak = heat * (heat == F.max_pool2d(heat[None], 3, stride=1, padding=1)[0])
    side = heat.shape[-1]
    scores, place = peak.flatten().topk(min(found, peak.numel()))
    kind, row, column = place // side**2, place % side**2 // side, place % side
    distance = reach[:, row, column]
    middle = torch.stack([column, row]).float() + 0.5
    boxes = torch.cat([middle - distance[:2], middle + distance[2:]]).T * cell
    keep = scores > 0
    return Boxes(boxes[keep], kind[keep], scores[keep])


class CentreHead(nn.Module):
    """Maps [B, D, h, h] -> heat logits [B, K, h, h] and reach [B, 4, h, h] > 0."""

    def __init__(self, size: int, kinds: int, hidden: int = 64) -> None:
        super().__init__()
        self.kinds = kinds
        self.body = nn.Sequential(nn.Conv2d(size, hidden, 3, padding=1), nn.ReLU())
        self.heat = nn.Conv2d(hidden, kinds, 1)
        self.reach = nn.Conv2d(hidden, 4, 1)
        self.heat.bias = nn.Parameter(torch.full((kinds,), -2.19))  # every cell begins at a probability of .1

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        x = self.body(maps)
        return self.heat(x), F.softplus(self.reach(x))


def fit_detector(
    maps: Tensor,
    boxes: list[Tensor],
    classes: list[Tensor],
    *,
    kinds: int,
    cell: int,
    rate: float = 5e-3,
    steps: int = 300,
    batch: int = 32,
    seed: int = 0,
) -> CentreHead:
    """From frozen maps [B, D, h, h] and each scene's objects.

    Raises:
        UserError: these are not as many.
    """
    if not len(maps) == len(boxes) == len(classes):
        raise UserError(
            "lengths-differ",
            f"boxes and classes of every map needed, got {len(maps)}, {len(boxes)} and {len(classes)}",
        )
    wanted = [targets(b, c, maps.shape[-1], cell, kinds) for b, c in zip(boxes, classes, strict=True)]
    heat, reach, held = (torch.stack(part) for part in zip(*wanted, strict=True))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CentreHead(maps.shape[1], kinds)
    chance = torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        rows = torch.randint(len(maps), (min(batch, len(maps)),), generator=chance)
        logits, found = model(maps[rows])
        apart = (found - reach[rows]).abs().sum(dim=1)[held[rows]]
        total: Tensor = focal(logits, heat[rows]) + 0.1 * apart.mean()
        return total

    descend(loss, [(list(model.parameters()), rate)], steps)
    return model.eval()


@torch.no_grad()
def detect(model: CentreHead, maps: Tensor, cell: int) -> list[Boxes]:
    heat, reach = model(maps)
    return [decode(h, r, cell) for h, r in zip(heat.sigmoid(), reach, strict=True)]
