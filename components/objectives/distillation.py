"""Distillation: features like those that a finished encoder, from a local file, has of the same sample.

Sources: Romero et al. 2015 (arXiv:1412.6550), section 2.2: the student's features under a learnt projection; smooth L1
with the teacher's features whitened by a layer norm without scale: Wei et al. 2022 (arXiv:2205.14141), section 3 (beta
2); cosine: Ranzinger et al. 2024 (arXiv:2312.06709), section 3, of the summary features.
Differs: features of samples alone, no maps; one teacher.
Letters: B samples on this rank, D feature size of the student, Q of the teacher, S side.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor

from components.config import Config
from components.encoders import EncoderConfig, build_encoder
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.encoders.lora import freeze
from components.encoders.start import begin_from, check_start
from components.errors import UserError
from components.objectives.base import Batch, Losses, Objective, ViewSpec
from components.objectives.parts.multicrop import encode
from components.objectives.parts.two_views import unit
from components.precision import at_least_float32


class DistillationConfig(Config):
    """Options of distillation."""

    name: Literal["distillation"] = "distillation"
    """Selects distillation from an encoder whose weights lie in a local file (Romero et al. 2015,
    arXiv:1412.6550)."""

    teacher: EncoderConfig | None = None
    """The encoder that is imitated, with `start: {weights: ..., sha256: ...}`; required. It stays as it is."""

    loss: Literal["cosine", "smooth_l1"] = "cosine"
    """`cosine`: 1 - cosine of the projected and the teacher's feature; `smooth_l1`: smooth L1, the teacher's feature
    standardised over its dimensions."""

    beta: PositiveFloat = 2.0
    """Deviation above which smooth L1 is linear (published: 2)."""

    crossed: bool = False
    """Imitate what the teacher makes of the other view of the sample, instead of the same view."""

    size: PositiveInt | None = None
    """Side of the images that the teacher is given, to which views are enlarged; null: as they are."""

    hidden: PositiveInt = 512
    """Width of the projection's hidden layers."""

    layers: int = Field(default=1, ge=1)
    """Number of the projection's layers; 1 is linear (published)."""


def cosine_loss(projected: Tensor, target: Tensor) -> Tensor:
    """[] mean of 1 - cosine of the rows of two [n, Q]; 0 for equal directions, 1 for right angles, 2 at most."""
    return 1 - (unit(projected) * unit(target)).sum(dim=1).mean()


def smooth_l1_loss(projected: Tensor, target: Tensor, beta: float) -> Tensor:
    """[] mean smooth L1 of [n, Q] from the target's rows [n, Q], which are standardised first.

    Of a deviation d: d^2 / (2 beta) up to beta, d - beta / 2 beyond.
    """
    wide = at_least_float32(target)
    return F.smooth_l1_loss(at_least_float32(projected), F.layer_norm(wide, wide.shape[-1:]), beta=beta)


class Distillation(Objective):
    """teacher: frozen, and in eval mode always."""

    views: ViewSpec = (("global", 2),)

    def __init__(self, config: DistillationConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: there is no teacher, it has no weights or takes another kind of data, or what begin_from
        refuses."""
        super().__init__()
        self.config = config
        self.teacher = _finished(config, encoder)
        self.head = mlp_head(encoder.feature_dim, config.hidden, self.teacher.feature_dim, config.layers)

    def train(self, mode: bool = True) -> "Distillation":
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: [], in [0, 2] for cosines.

        Raises:
            UserError: not two views.
        """
        if len(batch.views) != 2:
            raise UserError(
                "view-count-differs", f"distillation needs 2 views of each sample, got {len(batch.views)}"
            )
        with torch.no_grad():
            told = encode(self.teacher, [self._enlarged(view) for view in batch.views])
        target = torch.cat(told[::-1] if self.config.crossed else told)
        projected = self.head(torch.cat(encode(encoder, batch.views)))
        with torch.autocast(projected.device.type, enabled=False):
            if self.config.loss == "cosine":
                return Losses(cosine_loss(projected, target))
            return Losses(smooth_l1_loss(projected, target, self.config.beta))

    def _enlarged(self, view: Tensor) -> Tensor:
        """[B, C, S, S] -> [B, C, size, size], where a size is given."""
        side = self.config.size
        if side is None or view.shape[-1] == side:
            return view
        return F.interpolate(view, size=(side, side), mode="bilinear", antialias=True).clamp(0, 1)


def _finished(config: DistillationConfig, encoder: Encoder) -> Encoder:
    """The teacher with its weights, which learn no more; without them where nothing but shapes is asked."""
    start = getattr(config.teacher, "start", None)
    if config.teacher is None or start is None:
        raise UserError(
            "no-teacher",
            "distillation needs a teacher whose weights lie in a local file, got none; set teacher to an encoder with "
            "start: {weights: /path/file.safetensors, sha256: ...}",
        )
    if config.size is not None and encoder.packing.name != "image":
        raise UserError(
            "modality-unsuitable",
            f"distillation enlarges images alone, and the samples are of kind {encoder.packing.name}; take size out",
        )
    teacher = build_encoder(config.teacher, encoder.packing)
    if any(tensor.is_meta for tensor in teacher.parameters()):
        check_start(teacher, start)
        teacher = build_encoder(config.teacher, encoder.packing)
    else:
        teacher = begin_from(teacher, start.model_copy(update={"adapt": "full"}))
    return freeze(teacher).eval()
