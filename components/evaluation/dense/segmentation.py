"""Do the maps know what is where? A linear layer on frozen maps names every pixel.

Source: linear segmentation as in Oquab et al. 2023 (arXiv:2304.07193), section 7.4: a 1x1 convolution on the last
map, its scores enlarged bilinearly to the picture. Measured by the mean intersection over union (Everingham 2010).
Deviation: fitted by a few hundred steps of Adam on precomputed maps, with the standardisation in the head.
Letters: B scenes, D features, h side of a map, S side of a scene, K classes (background is class 0).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.encoders.base import MapEncoder
from components.errors import UserError
from components.evaluation.classification.descent import descend


def intersection_over_union(truth: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """[K] of integer masks of any equal shape: pixels in both over pixels in either; NaN where a class is in none."""
    flat = torch.bincount(truth.flatten() * classes + predicted.flatten(), minlength=classes**2)
    table = flat.reshape(classes, classes).double()
    both = table.diagonal()
    return both / (table.sum(dim=0) + table.sum(dim=1) - both)


@torch.no_grad()
def maps_of(encoder: MapEncoder, images: Tensor, batch: int = 128) -> Tensor:
    """[B, C, S, S] -> [B, D, h, h] on the CPU, wherever the encoder is; in eval mode."""
    encoder.eval()
    parts = [images[at : at + batch].to(encoder.mean.device) for at in range(0, len(images), batch)]
    return torch.cat([encoder.maps(part).cpu() for part in parts])


class LinearSegmenter(nn.Module):
    """Maps [B, D, h, h] -> scores [B, K, S, S]."""

    mean: Tensor
    scale: Tensor

    def __init__(self, maps: Tensor, classes: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.register_buffer("mean", maps.mean(dim=(0, 2, 3), keepdim=True))
        self.register_buffer("scale", maps.std(dim=(0, 2, 3), keepdim=True).clamp_min(1e-6))
        self.head = nn.Conv2d(maps.shape[1], classes, 1)
        nn.init.zeros_(self.head.weight)

    def forward(self, maps: Tensor) -> Tensor:
        scores = self.head((maps - self.mean) / self.scale)
        return F.interpolate(scores, size=(self.side, self.side), mode="bilinear", align_corners=False)


def fit_segmenter(
    maps: Tensor,
    masks: Tensor,
    classes: int,
    *,
    rate: float = 0.05,
    steps: int = 200,
    batch: int = 32,
    seed: int = 0,
) -> LinearSegmenter:
    """From frozen maps [B, D, h, h] and masks [B, S, S] in 0..K-1.

    Raises:
        UserError: these are not as many, or a mask holds another class.
    """
    if len(maps) != len(masks) or int(masks.max()) >= classes:
        raise UserError(
            "array-invalid",
            f"as many masks as maps, of classes below {classes}, needed, got {len(masks)} and {len(maps)}, "
            f"class {int(masks.max())}",
        )
    model = LinearSegmenter(maps, classes, masks.shape[-1])
    chance = torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        rows = torch.randint(len(maps), (min(batch, len(maps)),), generator=chance)
        return F.cross_entropy(model(maps[rows]).float(), masks[rows])

    descend(loss, [(list(model.parameters()), rate)], steps)
    return model.eval()


@torch.no_grad()
def mean_iou(model: LinearSegmenter, maps: Tensor, masks: Tensor) -> float:
    """Over the classes that are present or predicted."""
    found = intersection_over_union(masks, model(maps).argmax(dim=1), model.head.out_channels)
    return float(found.nanmean())
