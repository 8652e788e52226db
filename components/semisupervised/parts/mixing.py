"""Mixing of the rows of a batch: of views by mixup or CutMix, of features.

Who is mixed with whom and how much is drawn by row and step, over the labelled rows of all processes: neither
the order of rows nor the number of processes changes it.
Letters: B rows on this rank, A of all ranks, D feature size, K classes.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from components.collectives import gather, rank
from components.config import Config
from components.objectives.parts.sample_rng import Chance
from components.semisupervised.parts.cutmix import cut
from components.semisupervised.parts.mixup import TRIES, beta, mixed, partners
from components.semisupervised.parts.smoothing import shares


class MixConfig(Config):
    """How labelled views are mixed."""

    name: Literal["mixup", "cutmix"] = "mixup"
    """`mixup` (weighted mean of two images) or `cutmix` (a rectangle of one image in the other)."""

    concentration: float = Field(default=0.2, gt=0, le=1)
    """Parameter a of Beta(a, a), from which mixing shares are drawn (published: 0.2 for mixup, 1 for
    cutmix)."""


LABELLED, UNLABELLED = 11, 21  # streams of random numbers


def drawn(chance: Chance, index: Tensor, concentration: float, stream: int) -> tuple[Tensor, Tensor]:
    """[B] rows -> [B] own shares of Beta(a, a), and [B] the partners' places among the rows of all ranks."""
    other = partners(chance.uniform(gather(index), 1, stream=stream).squeeze(1))
    start = rank() * len(index)
    share = beta(chance.uniform(index, TRIES, 2, stream=stream + 1), concentration)
    return share, other[start : start + len(index)]


def mix_features(
    chance: Chance, features: Tensor, targets: Tensor, index: Tensor, concentration: float, stream: int
) -> tuple[Tensor, Tensor]:
    """[B, D] features and [B, K] shares of rows index [B], each mixed with those of the same partner.

    Gradient goes to both, on whichever rank they are. stream: of the random numbers, which two parts of a batch must
    not share.
    """
    share, other = drawn(chance, index, concentration, stream)
    with torch.no_grad():
        theirs = gather(targets)[other]
    return mixed(features, gather(features)[other], share), mixed(targets, theirs, share)


def mix_rows(
    config: MixConfig,
    chance: Chance,
    views: list[Tensor],
    index: Tensor,
    targets: Tensor,
    weights: Tensor,
    classes: int,
) -> tuple[list[Tensor], Tensor]:
    """Mix every view of B labelled rows, each [B, C, S, S], with the same partners.

    Args:
        targets: [B] int64, -1 for none; weights: [B].

    Returns:
        The views, and shares [B, K]: weight of own class and of the partner's, so that with a weight of 1
        they replace targets and weights.
    """
    here = shares(targets, classes) * weights.unsqueeze(1)
    share, other = drawn(chance, index, config.concentration, LABELLED)
    x, y = chance.uniform(index, 2, stream=13).unbind(1)
    with torch.no_grad():
        theirs = gather(here)[other]
        partner = [gather(view.detach())[other] for view in views]
    if config.name == "cutmix":
        cutted = [cut(own, its, share, x, y) for own, its in zip(views, partner, strict=True)]
        return [view for view, _ in cutted], mixed(here, theirs, cutted[0][1])
    return [mixed(own, its, share) for own, its in zip(views, partner, strict=True)], mixed(
        here, theirs, share
    )
