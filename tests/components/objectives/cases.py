"""Every objective in the small settings that the one list of checks runs it in.

A line here for each name in OBJECTIVES, and one more for every state whose checks differ.
"""

from dataclasses import dataclass

import torch

from components.augmentations.image import ViewConfig
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.objectives.base import Batch
from components.objectives.deepcluster import DeepclusterConfig
from components.objectives.simclr import SimclrConfig
from components.objectives.swav import SwavConfig

ROWS, B, SIDE = 24, 12, 8
VIEW = ViewConfig(size=SIDE)
ENCODERS = {"resnet": ResnetConfig(widths=(4, 8), blocks=(1, 1))}


@dataclass(frozen=True)
class Case:
    """encoder: a name in ENCODERS. still: beginnings of the names of parameters that must not learn.

    pairs: whether the loss compares views of a sample, so that true pairs must cost less than shuffled ones.
    unseen: numbers of the views that take no gradient, because they are a target.
    """

    config: object
    encoder: str = "resnet"
    still: tuple[str, ...] = ()
    pairs: bool = True
    unseen: tuple[int, ...] = ()


CASES = {
    "deepcluster": Case(DeepclusterConfig(view=VIEW, clusters=4, hidden=8, components=0)),
    "simclr": Case(SimclrConfig(view=VIEW, embedding=6)),
    "swav": Case(SwavConfig(view=VIEW, embedding=6, prototypes=5, freeze=0.0)),
    "swav, queue": Case(
        SwavConfig(view=VIEW, embedding=6, prototypes=5, freeze=0.0, queue=30, queue_from=0.0)
    ),
    "swav, frozen": Case(
        SwavConfig(view=VIEW, embedding=6, prototypes=5, freeze=1.0), still=("objective.prototypes",)
    ),
}


def encoder_of(name):
    return build_encoder(ENCODERS[CASES[name].encoder], 1, [0.5], [0.3])


def views(spec=((VIEW, 2),), rows=ROWS, seed=0):
    """Noisy views of distinct samples, as many and as large as the objective asks: each [rows, 1, S, S]."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(rows, 1, SIDE, SIDE, generator=generator)
    made = []
    for how, count in spec:
        for _ in range(count):
            noisy = (x + 0.05 * torch.randn(x.shape, generator=generator)).clamp(0, 1)
            made.append(noisy[..., : how.size, : how.size])
    return made


def batch(index, objective=None, dtype=torch.float32, rows=ROWS):
    """The given rows, as the objective wants to see them; labels for two thirds where it uses any."""
    spec = objective.views if objective is not None else ((VIEW, 2),)
    targets = None
    if objective is not None and objective.uses_labels:
        targets = torch.where(index % 3 == 2, -1, index % 2)
    return Batch([v[index].to(dtype) for v in views(spec, rows)], index, targets)
