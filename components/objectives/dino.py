"""DINO: from any view, predict what a slow teacher makes of the global ones; centring and sharpening in place
of negatives.

Source: Caron et al. 2021 (arXiv:2104.14294), equations 1 to 4 and algorithm 1; KoLeo: see koleo.
Published: 65536 outputs, head 2048-2048-256, temperatures .1 and .04 (rising to .07 over 30 of 100 epochs for
long runs), momentum .996 rising to 1, centre .9, last layer frozen for one epoch of 100. Here: 1024 outputs,
hidden 512, bottleneck 128, and momentum .99 for short runs (see byol); the last layer is frozen for 5 %, one
epoch of twenty.
Differs: ReLU in the head; batch norm in it, which the authors' code has as a choice (use_bn_in_head) and leaves out.
Without, short runs end where every target is uniform (teacher entropy 6.93 of ln 1024 after 125 steps of 256) and
the features stay an untrained encoder's (docs/objectives.md).
Letters: B samples on this rank, D feature size, E bottleneck, K outputs, V views of which the first two are
global.
"""

import math
from typing import Literal, cast

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.collectives import all_reduce_sum, world
from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.errors import UserError
from components.objectives.base import Batch, Losses, Objective
from components.objectives.parts.koleo import koleo
from components.objectives.parts.multicrop import encode, multicrop
from components.objectives.parts.teacher import follow, rising, teacher_of
from components.objectives.parts.two_views import unit
from components.objectives.swav import swapped_prediction
from components.precision import at_least_float32


class DinoConfig(Config):
    """Options of DINO."""

    name: Literal["dino"] = "dino"
    """Selects DINO (Caron et al. 2021, arXiv:2104.14294)."""

    locals: NonNegativeInt = 0
    """Number of local (small) views of a sample."""

    hidden: PositiveInt = 512
    """Width of the head's hidden layers (published: 2048)."""

    bottleneck: PositiveInt = 128
    """Size E of the head's bottleneck (published: 256)."""

    outputs: int = Field(default=1024, ge=2)
    """Number of outputs K of the head (published: 65536)."""

    norm: bool = True
    """Batch norm in the head (use_bn_in_head in the authors' code)."""

    temperature: PositiveFloat = 0.1
    """Temperature of the student (published: 0.1)."""

    teacher_temperature: tuple[PositiveFloat, PositiveFloat] = (0.04, 0.07)
    """First and last temperature of the teacher (published: 0.04 and 0.07)."""

    warm: float = Field(default=0.3, ge=0, le=1)
    """Share of training in which the teacher's temperature rises from the first to the last (published:
    0.3)."""

    momentum: float = Field(default=0.99, ge=0, le=1)
    """EMA momentum of the teacher at the start; it rises to 1 (published: 0.996)."""

    centre: float = Field(default=0.9, ge=0, le=1)
    """Momentum of the centre of the teacher's outputs (published: 0.9)."""

    freeze: float = Field(default=0.05, ge=0, le=1)
    """Share of training in which the head's last layer is not trained (published: 0.01)."""

    koleo: NonNegativeFloat = 0.0
    """Weight of the KoLeo regulariser; 0: off."""


def targets(scores: Tensor, centre: Tensor, temperature: float | Tensor) -> Tensor:
    """[B, K] = softmax((scores - centre) / temperature), no gradient. scores: [B, K]; centre: [K].

    Equal to the uniform 1 / K where the scores are the centre.
    """
    return ((at_least_float32(scores.detach()) - centre) / temperature).softmax(dim=1)


def warmed(bounds: tuple[float, float], warm: float, progress: Tensor) -> Tensor:
    """From bounds[0] at progress [] 0 in a line to bounds[1] at `warm`, and so on. .055 half way for .04, .07."""
    done = (progress / warm).clamp(max=1) if warm else torch.ones_like(progress)
    return bounds[0] + (bounds[1] - bounds[0]) * done


def health(codes: Tensor, loss: Tensor) -> Tensor:
    """[3] without gradient, means over this rank: entropy of the codes [n, K], divergence of the predictions
    from them if `loss` [] is their cross-entropy, and 1, so that sums of it say how many they are of."""
    entropy = -torch.xlogy(codes, codes).sum(dim=1).mean()
    return torch.stack([entropy, loss.detach() - entropy, torch.ones_like(entropy)])


class DinoHead(nn.Module):
    """[B, D] -> scores [B, K]: three layers to a bottleneck at length 1, then its cosines with K directions.

    The last layer is weight-normalised without a gain: only its rows' directions count.
    """

    def __init__(self, inputs: int, hidden: int, bottleneck: int, outputs: int, norm: bool) -> None:
        super().__init__()
        self.body = mlp_head(inputs, hidden, bottleneck, layers=3, norm=norm)
        self.last = nn.Parameter(torch.randn(outputs, bottleneck))

    def forward(self, features: Tensor, frozen: Tensor | None = None) -> Tensor:
        """frozen: [] bool, whether the last layer takes gradient 0."""
        embeddings = self.body(features)
        with torch.autocast(embeddings.device.type, enabled=False):
            last = self.last if frozen is None else torch.where(frozen, self.last.detach(), self.last)
            return unit(embeddings) @ unit(last).T


class Dino(Objective):
    """teacher: encoder and head that follow the student's. centre: [K]. sums: [3] entropy of the targets, KL
    of the student from them, and steps since the epoch began."""

    centre: Tensor
    sums: Tensor

    def __init__(self, config: DinoConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.config = config
        self.views = multicrop(config.locals)
        self.head = DinoHead(
            encoder.feature_dim, config.hidden, config.bottleneck, config.outputs, config.norm
        )
        self.teacher = teacher_of(nn.Sequential(encoder, self.head))
        self.register_buffer("centre", torch.zeros(config.outputs))
        self.register_buffer("sums", torch.zeros(3))
        self._seen: tuple[Tensor, Tensor] | None = None

    @property
    def collapse_loss(self) -> float | None:
        """ln K: the loss when student and teacher are uniform; with the KoLeo term it has no fixed value."""
        return None if self.config.koleo else math.log(self.config.outputs)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two global views a sample, then any number of local ones -> total: [] nats.

        Raises:
            UserError: fewer than two views; one sample alone where there is a KoLeo term.
        """
        if len(batch.views) < 2:
            raise UserError(
                "view-count-differs", f"dino needs 2 views or more of each sample, got {len(batch.views)}"
            )
        config = self.config
        temperature = warmed(config.teacher_temperature, config.warm, self.progress)
        with torch.no_grad():
            answers = encode(self.teacher, batch.views[:2])
            codes = [targets(answer, self.centre, temperature) for answer in answers]
        features = encode(encoder, batch.views)
        scores = self.head(torch.cat(features), frozen=self.progress < config.freeze)
        each = list(torch.split(scores, [len(f) for f in features]))
        loss = swapped_prediction(each, codes, temperature=config.temperature)
        if self.training:
            self._seen = at_least_float32(torch.cat(answers)).mean(dim=0), health(torch.cat(codes), loss)
        return self.with_koleo(loss, {"dino": loss.detach()}, features)

    def with_koleo(self, total: Tensor, parts: dict[str, Tensor], features: list[Tensor]) -> Losses:
        """These losses and, where it has a weight, the KoLeo term of the two global views' features."""
        if self.config.koleo:
            spread = torch.stack([koleo(f) for f in features[:2]]).mean()
            total, parts["koleo"] = total + self.config.koleo * spread, spread.detach()
        return Losses(total, parts)

    @torch.no_grad()
    def after_step(self, encoder: Encoder, progress: float) -> None:
        """The teacher follows, and its centre follows its answers to this step."""
        super().after_step(encoder, progress)
        follow(self.teacher, nn.Sequential(encoder, self.head), rising(self.config.momentum, progress))
        if self._seen is None:
            return
        answer, figures = self._seen
        self._seen = None
        joined = all_reduce_sum(torch.cat([answer.flatten(), figures.to(answer.dtype)])) / world()
        self.centre.lerp_(joined[:-3].view_as(self.centre).to(self.centre.dtype), 1 - self.config.centre)
        self.sums += joined[-3:].to(self.sums.dtype)

    def before_epoch(self, epoch: int, features: object) -> None:
        self.sums.zero_()

    def figures(self) -> dict[str, float]:
        """Means over this epoch, in nats: collapse shows as an entropy of 0, as information (ln K less the entropy)
        of 0, or as a divergence of 0."""
        entropy, divergence, steps = self.sums.tolist()
        entropy /= max(steps, 1)
        return {
            "teacher_entropy": entropy,
            "teacher_information": math.log(self.config.outputs) - entropy,
            "divergence": divergence / max(steps, 1),
        }

    def exported(self, encoder: Encoder) -> Encoder:
        """The teacher's encoder: it is the better one, as in the paper."""
        return cast(Encoder, self.teacher[0])
