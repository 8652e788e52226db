"""Square pieces of images, each from its own place.

Letters: B samples, T tiles, C channels, S side of the image, P side of a tile.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from components.encoders.base import Encoder, image_encoder

FLAT = 0.01  # a tile of less deviation than this share of the pixels' range is not blown up to 1


def cut(x: Tensor, top: Tensor, left: Tensor, side: int) -> Tensor:
    """x [B, C, S, S], corners top and left [B, T] int64 -> [B, T, C, P, P]; gradient flows to the pixels."""
    steps = torch.arange(side, device=x.device)
    rows, columns = (corner.to(x.device).unsqueeze(2) + steps for corner in (top, left))  # [B, T, P]
    sample = torch.arange(len(x), device=x.device).reshape(-1, 1, 1, 1)
    pixels = x.movedim(1, 3)[sample, rows.unsqueeze(3), columns.unsqueeze(2)]  # [B, T, P, P, C]
    return pixels.movedim(4, 2)


def enlarged(x: Tensor, side: int) -> Tensor:
    """x [B, C, S, S] -> [B, C, S', S'], S' the larger one of S and `side`, interpolated linearly; x where S is."""
    if x.shape[3] >= side:
        return x
    return F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)


def levelled(tiles: Tensor, encoder: Encoder) -> Tensor:
    """Every tile [..., C, P, P] brought to the mean and deviation, over all its values, of the encoder's pixels.

    So a tile does not tell its place by how bright it is. What the encoder makes of it by its own mean and
    std has mean 0 and deviation 1.
    """
    variance, average = torch.var_mean(tiles, dim=(-3, -2, -1), correction=0, keepdim=True)
    level = (tiles - average) / (variance + FLAT**2).sqrt()
    own = image_encoder(encoder)
    return level * own.std[0] + own.mean[0]


def tile_features(encoder: Encoder, tiles: Tensor) -> Tensor:
    """[B, T, C, P, P] -> [B, T * D], the features of a sample's tiles one behind the other."""
    features: Tensor = encoder(levelled(tiles, encoder).flatten(0, 1))
    return features.reshape(len(tiles), -1)
