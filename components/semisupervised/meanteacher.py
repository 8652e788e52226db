"""Mean Teacher: what the student says of one view should be what its average over time says of another.

Source: Tarvainen & Valpola 2017 (arXiv:1703.01780), equations 1 and 2; the weight's growth and the two paces
of the teacher: appendix B. The teacher normalises by its own batch, as in the authors' code, and takes no
gradient; the student does, which is the point. On the weight w_max and the share of labels see pimodel.
Letters: see base.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.teacher import follow, teacher_of
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig, encoded, squared_difference
from components.semisupervised.parts.ramps import gaussian


class MeanteacherConfig(ConsistencyConfig):
    """Options of Mean Teacher.

    The published values (weight 100, momentum 0.99, then 0.999) do not suit short trainings: a teacher with a memory of
    1,000 steps is no better than chance when a fine-tuning of 200 to 400 steps ends, and with that weight the student
    follows it, which ends below the labels alone (docs/few-labels.md, docs/log.md).
    """

    name: Literal["meanteacher"] = "meanteacher"
    """Selects Mean Teacher (Tarvainen & Valpola 2017, arXiv:1703.01780)."""

    weight: float = Field(default=10.0, ge=0)
    """w_max: largest weight of the unsupervised term (published: 100)."""

    rampup: float = Field(default=0.27, ge=0, le=1)
    """Share of training in which the weight grows (published: 40,000 of 150,000 steps)."""

    early: float = Field(default=0.9, ge=0, lt=1)
    """EMA momentum of the teacher while the weight grows (published: 0.99)."""

    momentum: float = Field(default=0.95, ge=0, lt=1)
    """EMA momentum of the teacher from then on (published: 0.999)."""

    student: Literal["weak", "strong"] = "weak"
    """View of unlabelled samples that the student learns from. `weak`, as published, helps only where two
    weak views differ much; `strong` is the later idea of Xie et al. 2019 (arXiv:1904.12848) with this
    teacher."""


def ema_decay(updates: int, progress: float, config: MeanteacherConfig) -> float:
    """tau of update number `updates`, from 1: 1/2, 2/3, ... (the mean of all so far) up to the given one."""
    tau = config.early if progress < config.rampup else config.momentum
    return min(1 - 1 / (updates + 1), tau)


class Meanteacher(Consistency):
    """The student sees the first weak view of every row, or the strong one of unlabelled rows, the teacher the second
    weak one.

    teacher: encoder and head. updates: [] int64, how often it followed; before the first step it is the
    student, whatever happened to that since this was built.
    """

    config: MeanteacherConfig
    weak = 2
    updates: Tensor

    def __init__(
        self,
        config: MeanteacherConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.strong = int(config.student == "strong")
        self.teacher = teacher_of(nn.Sequential(encoder, self.head))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        parts = self.parts(batch)
        if not self.updates:
            follow(self.teacher, nn.Sequential(encoder, self.head), 0.0)
        with torch.no_grad():
            target = self.teacher(parts.weak[1])
        first, known = parts.weak[0], len(parts.weights)
        features = encoded(encoder, first[:known], parts.strong[0]) if self.strong else encoder(first)
        student = self.head(features)
        with torch.autocast(student.device.type, enabled=False):
            unsupervised = squared_difference(student, at_least_float32(target).softmax(dim=1))
            own, others = student.split([known, len(parts.pseudo_weights)])
            ramp = gaussian(self.progress, self.config.rampup)
            return self.combined(parts, own, others, unsupervised, {"ramp": ramp}, ramp)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.updates += 1
        tau = ema_decay(int(self.updates), progress, self.config)
        follow(self.teacher, nn.Sequential(encoder, self.head), tau)
