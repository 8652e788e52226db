"""Distillation: the student says of every sample what a teacher that is done with learning says of it.

Source: Chen et al. 2020 (arXiv:2006.10029), equations 2 and 3: the third step after pretraining and fine-tuning.
Teacher and student see the same weak view, both softmaxes are taken at one temperature, the teacher never moves.
Deviation: both terms are means over their rows, not sums over the two sets, so that alpha does not depend on how
many of either are in a batch. Pseudo-labels of the stage before are not looked at: the teacher has learnt from them.
Letters: see base; B = L + U.
"""

from typing import Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor, nn

from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.teacher import teacher_of
from components.precision import at_least_float32
from components.semisupervised.base import Method, Settings


class DistillationConfig(Settings):
    """Options of distillation."""

    name: Literal["distillation"] = "distillation"
    """Selects distillation (Chen et al. 2020, arXiv:2006.10029)."""

    temperature: PositiveFloat = 1.0
    """Temperature of teacher and student (published: 1, or 0.1 for targets close to the teacher's
    classes)."""

    alpha: float = Field(default=1.0, ge=0, le=1)
    """Weight of the teacher's term; that of the labels is 1 - alpha (published: 1, as the teacher has seen
    the labels)."""


def distillation_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Mean over rows of the cross-entropy of softmax(student / t) with softmax(teacher / t).

    Args:
        student, teacher: [B, K] logits; gradient goes to the student alone.

    Returns:
        [] nats, never below the teacher's entropy. Teacher (0, log 3), student (log 3, 0): 1.1116412890 at t = 1,
        2.0828626352 at t = .5.
    """
    target = (at_least_float32(teacher).detach() / temperature).softmax(dim=1)
    return -(target * (at_least_float32(student) / temperature).log_softmax(dim=1)).sum(dim=1).mean()


class Distillation(Method):
    """teacher: encoder and head, in eval mode whatever the student is in; the student as it was built unless
    learn_from gives another, which may be of any shape."""

    strong = 0

    def __init__(
        self,
        config: DistillationConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(encoder, classes, prior, config, rows)
        self.config = config
        self.learn_from(nn.Sequential(encoder, self.head))

    def learn_from(self, teacher: nn.Module) -> None:
        """teacher: [B, C, S, S] -> [B, K] logits; a copy of it is kept."""
        self.teacher = teacher_of(teacher).eval()

    def train(self, mode: bool = True) -> "Distillation":
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        parts, alpha = self.parts(batch), self.config.alpha
        with torch.no_grad():
            told = self.teacher(parts.weak[0])
        logits = self.head(encoder(parts.weak[0]))
        own, others = logits.split([len(parts.weights), len(parts.pseudo_weights)])
        with torch.autocast(logits.device.type, enabled=False):
            imitation = distillation_loss(logits, told, self.config.temperature)
            supervised = self.label_loss(own, parts)
            total = alpha * imitation + (1 - alpha) * supervised
            found = {"supervised": supervised, "distillation": imitation}
            if self.settings.entropy:
                found["entropy"] = self.entropy_loss(others)
                total = total + found["entropy"]
        return Losses(total, {name: value.detach() for name, value in found.items()})
