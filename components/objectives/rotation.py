"""Rotation: tell by which of four quarter turns an image was turned.

Source: Gidaris et al. 2018 (arXiv:1803.07728), equations 2 and 3: all four turns of every image are in the
batch, at the cost of four times the pixels.
Published: one linear layer on the last features, SGD .1 with momentum .9 and decay 5e-4 at batch 128.
Differs: a perceptron between the features and that layer (hidden); 0 is the published way, and worse here
(docs/objectives.md).
It needs images with an upright: of what looks the same when turned there is nothing to learn.
Letters: B samples on this rank, C channels, S side, D feature size.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import NonNegativeInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import trunk
from components.objectives.base import Batch, Losses, ViewSpec
from components.objectives.parts.one_view import Single, only_view
from components.precision import at_least_float32

TURNS = 4


class RotationConfig(Config):
    """Options of rotation prediction."""

    name: Literal["rotation"] = "rotation"
    """Selects rotation prediction (Gidaris et al. 2018, arXiv:1803.07728)."""

    hidden: NonNegativeInt = 256
    """Width of the hidden layer before the last layer; 0: none, as published."""


def turned(x: Tensor) -> Tensor:
    """[B, C, S, S] -> [4B, C, S, S]: all samples as they are, then all by 90, 180 and 270 degrees
    anticlockwise."""
    return torch.cat([torch.rot90(x, turn, (2, 3)) for turn in range(TURNS)])


def rotation_loss(scores: Tensor) -> Tensor:
    """Mean cross-entropy of telling the turn. scores: [4B, 4], rows in the order of `turned`.

    Returns:
        [] nats; ln 4 where nothing is told apart.
    """
    turn = torch.arange(TURNS, device=scores.device).repeat_interleave(len(scores) // TURNS)
    return F.cross_entropy(at_least_float32(scores), turn)


class Rotation(Single):
    needs = "image"
    views: ViewSpec = (("global", 1),)

    def __init__(self, config: RotationConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.body = trunk(encoder.feature_dim, config.hidden)
        self.top = nn.Linear(config.hidden or encoder.feature_dim, TURNS)

    @property
    def collapse_loss(self) -> float:
        """ln 4: the loss of an encoder that gives every image the same feature."""
        return math.log(TURNS)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats.

        Raises:
            UserError: not one view.
        """
        scores = self.top(self.body(encoder(turned(only_view(batch, "rotation")))))
        return Losses(rotation_loss(scores))
