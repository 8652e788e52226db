"""Every semi-supervised method in the small settings that the one list of checks runs it in.

A line here for each name in METHODS, and one more for every state whose checks differ.
"""

from dataclasses import dataclass

import torch

from components.objectives.base import Batch
from components.semisupervised import build_method
from components.semisupervised.fixmatch import FixmatchConfig
from components.semisupervised.supervised import SupervisedConfig

K, D, L, U = 3, 8, 6, 10
ROWS = 30


@dataclass(frozen=True)
class Case:
    """still: beginnings of the names of the method's parameters that must take no gradient (a teacher's).

    quiet_weak: whether weak views of unlabelled rows are targets alone, so that no gradient reaches them.
    """

    config: object
    still: tuple[str, ...] = ()
    quiet_weak: bool = True


CASES = {
    "fixmatch": Case(FixmatchConfig(threshold=0.4)),
    "fixmatch, apart": Case(FixmatchConfig(threshold=0.4, together=False)),
    "supervised": Case(SupervisedConfig()),
}


class Small(torch.nn.Sequential):
    feature_dim = D
    channels = 1

    def __init__(self):
        super().__init__(
            torch.nn.Conv2d(1, D, 3, bias=False),
            torch.nn.BatchNorm2d(D),
            torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
        )


def encoder():
    torch.manual_seed(0)
    return Small()


def make(case):
    torch.manual_seed(1)
    made = build_method(case.config, encoder(), K, ROWS)
    with torch.no_grad():
        made.head.weight.mul_(10)  # sure enough for the mask
    return made


def batch(method, seed=0):
    g = torch.Generator().manual_seed(seed)
    views = [torch.rand(L + U, 1, 8, 8, generator=g) for _ in range(method.weak)]
    views += [torch.rand(U, 1, 8, 8, generator=g) for _ in range(method.strong)]
    targets = torch.cat([torch.arange(L) % K, torch.arange(U) % (K + 1) - 1])
    return Batch(views, torch.arange(L + U), targets, torch.rand(L + U, generator=g), L)
