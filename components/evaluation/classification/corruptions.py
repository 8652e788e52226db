"""How far the accuracy falls when the pictures get worse: four corruptions, five severities.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261). Noise, blur and contrast have the severities of its version
for small images (CIFAR-10-C). Deviations: a geometric corruption (rotation) of our own, by 5 to 40 degrees; all are
computed in torch on the batch's device, and noise is drawn by a generator, so that a figure can be repeated.
Letters: B images, C channels, S side in pixels.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from components.errors import UserError

NOISE = (0.04, 0.06, 0.08, 0.09, 0.10)  # standard deviation, of pixels in [0, 1]
BLUR = (0.4, 0.6, 0.7, 0.8, 1.0)  # standard deviation in pixels
CONTRAST = (0.75, 0.5, 0.4, 0.3, 0.15)  # share of the contrast that is left
DEGREES = (5.0, 10.0, 20.0, 30.0, 40.0)
NAMES = ("noise", "blur", "contrast", "geometric")


def noise(x: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """[B, C, S, S] plus Gaussian noise, cut to [0, 1]."""
    drawn = torch.randn(x.shape, generator=generator).to(x.device)
    return (x + deviation * drawn).clamp(0, 1)


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian, up to four deviations; the border is repeated. A flat picture stays as it is."""
    radius = max(1, math.ceil(4 * sigma))
    line = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-(line**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    channels = x.shape[1]
    wide = F.pad(x, (radius,) * 4, mode="replicate")
    across = F.conv2d(wide, kernel.expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(across, kernel.reshape(1, 1, -1, 1).expand(channels, -1, -1, -1), groups=channels)


def contrast(x: Tensor, share: float) -> Tensor:
    """Every pixel drawn towards its channel's mean: share 0 leaves the mean alone."""
    mean = x.mean(dim=(2, 3), keepdim=True)
    return ((x - mean) * share + mean).clamp(0, 1)


def rotated(x: Tensor, degrees: float) -> Tensor:
    """About the centre, bilinear, the border repeated; 90 is torch.rot90."""
    angle = math.radians(degrees)
    turn = torch.tensor(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]], dtype=x.dtype
    )
    grid = F.affine_grid(turn.to(x.device).expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def corrupt(x: Tensor, name: str, severity: int, seed: int = 0) -> Tensor:
    """[B, C, S, S] in [0, 1] -> the same, worse. severity: 1 to 5.

    Raises:
        UserError: another name or severity.
    """
    if name not in NAMES or not 1 <= severity <= 5:
        raise UserError(
            "unknown-name",
            f"one of {', '.join(NAMES)} and a severity from 1 to 5 needed, got {name} and {severity}",
        )
    s = severity - 1
    if name == "noise":
        return noise(x, NOISE[s], torch.Generator().manual_seed(seed))
    if name == "blur":
        return blur(x, BLUR[s])
    return contrast(x, CONTRAST[s]) if name == "contrast" else rotated(x, DEGREES[s])


@torch.no_grad()
def robustness(
    answer: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, *, batch: int = 512, seed: int = 0
) -> dict[str, list[float]]:
    """Accuracy under each corruption, by severity; "clean": of the images as they are.

    answer: [B, C, S, S] in [0, 1] -> [B, K] scores.
    """

    def share(name: str, severity: int) -> float:
        right = 0
        for at in range(0, len(images), batch):
            part = images[at : at + batch]
            seen = part if name == "clean" else corrupt(part, name, severity, seed + at)
            right += int((answer(seen).argmax(dim=1) == labels[at : at + batch]).sum())
        return right / len(images)

    return {"clean": [share("clean", 0)]} | {n: [share(n, s) for s in range(1, 6)] for n in NAMES}
