"""Train a classifier from few labels: any semi-supervised method in the one training loop.

Letters: N training samples, n labels, m pseudo-labels, D features, K classes. Positions count the training
samples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from torch import Tensor, nn

from components.arrays import Doubles, Ints
from components.config import Config
from components.data.packed import Packed
from components.encoders import Encoder
from components.forks import run_all
from components.modalities.view_maker import ViewMaker
from components.semisupervised import MethodConfig, build_method
from components.semisupervised.base import Method
from components.semisupervised.distillation import Distillation
from components.semisupervised.parts.adjustment import unadjusted
from components.training.device import Placement, Precision
from components.training.labelled_source import LabelledSource, Supervision, domains_of
from components.training.learner import Learner, derive_seed, features
from components.training.loop import TrainConfig, Trained, train
from components.training.optimiser import AdamwConfig
from components.training.training_log import Watch

TOGETHER = 1024  # samples whose features one process computes at a time: two batches


class FitConfig(Config):
    """Options that all trainings on the same labels share."""

    batch_size: PositiveInt = 50
    """Labelled samples in each step."""

    ratio: PositiveInt = 4
    """Unlabelled samples in each step for each labelled one."""

    weight_decay: NonNegativeFloat = 1e-3
    """Weight decay of AdamW."""

    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps in which the learning rate rises."""

    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    """Decay of the moving average of the weights, which is the result; 0: no average is kept."""

    precision: Precision = "auto"
    """Number format of the computations: `float32`, `bfloat16` (autocast) or `auto`: bfloat16 where the
    device computes in it natively, else float32."""

    checkpoint_seconds: NonNegativeFloat = 30.0
    """Shortest time between two checkpoints of a training in seconds."""

    seed: NonNegativeInt = 0
    """Seed of the trainings."""


@dataclass(frozen=True, kw_only=True)
class Samples:
    """packed: the samples for training, which positions count. views: what makes views of them; weak, strong: how.
    folder: of checkpoints. cores: processes that may compute at the same time."""

    packed: Packed
    views: ViewMaker[Any, Any]
    weak: Any
    strong: Any
    placement: Placement
    folder: Path
    cores: int = 1

    def clean(self, positions: Ints) -> Callable[[Tensor], Tensor]:
        """A function: index [B] into `positions` -> a clean view of those samples, on the device."""

        def clean(index: Tensor) -> Tensor:
            stored = self.packed.gather(torch.from_numpy(positions)[index])
            return self.views.clean(stored.to(self.placement.device))

        return clean

    def features(self, encoder: nn.Module, positions: Ints) -> NDArray[np.float32]:
        """[len(positions), D] of clean samples."""

        def part(at: Ints) -> NDArray[np.float32]:
            found = features(encoder, self.clean(at), len(at), self.placement)
            return np.asarray(found.numpy(), dtype=np.float32)

        cores = self.cores if self.placement.device.type == "cpu" else 1
        if cores == 1 or len(positions) < 2 * TOGETHER:
            return part(positions)
        parts = np.split(positions, range(TOGETHER, len(positions), TOGETHER))
        return np.concatenate(run_all([partial(part, at) for at in parts], cores))


@dataclass(frozen=True, kw_only=True)
class Material(Samples):
    """What there is to learn classes from.

    labelled [n] positions, labels [n]; kept [m] positions of pseudo-labels, kept_labels [m] their classes,
    confidence [m]. source: [N] where each sample comes from, None where nobody says.
    """

    classes: int
    labelled: Ints
    labels: Ints
    kept: Ints
    kept_labels: Ints
    confidence: Doubles
    source: Ints | None = None

    def supervision(self, use: Ints, pseudo: bool) -> Supervision:
        """Labels number `use` (of n) and no others; the pseudo-labels too if `pseudo`."""
        targets = np.full(len(self.packed), -1, dtype=np.int64)
        weights = np.zeros(len(self.packed), dtype=np.float32)
        if pseudo:
            targets[self.kept], weights[self.kept] = self.kept_labels, self.confidence
        targets[self.labelled[use]], weights[self.labelled[use]] = self.labels[use], 1.0
        known = torch.from_numpy(self.labelled[use])
        domains = None if self.source is None else domains_of(torch.from_numpy(self.source), known)
        return Supervision(
            torch.from_numpy(targets), torch.from_numpy(weights), known, torch.arange(len(targets)), domains
        )


class Network(NamedTuple):
    """A classifier: encoder: [B, C, S, S] in [0, 1] -> [B, D]; head: -> [B, K]."""

    encoder: Encoder
    head: nn.Linear

    def whole(self) -> nn.Module:
        """[B, C, S, S] -> [B, K] logits."""
        return nn.Sequential(*self)


@dataclass(frozen=True)
class Job:
    """One training. name: of its folder. use: which of the n labels it may see. pseudo: whether pseudo-labels
    too.

    head: weight [K, D] and bias [K] to begin with, fitted with no margin for rare classes; None begins at random.
    teacher: [B, C, S, S] -> [B, K] logits, of a distillation; None is the network as it begins.
    """

    name: str
    method: MethodConfig
    use: Ints
    pseudo: bool
    steps: int
    rate: float
    encoder_rate: float = 1.0
    head: tuple[Doubles, Doubles] | None = None
    teacher: nn.Module | None = None


def fit(
    job: Job,
    config: FitConfig,
    material: Material,
    encoder: Encoder,
    watch: Watch,
    say: Callable[[str], None],
) -> Trained:
    """Train `encoder` in place, from the newest checkpoint of this job if there is one.

    The same bytes whatever was trained before it in this process.
    """
    torch.manual_seed(derive_seed(config.seed))
    counts = np.bincount(material.labels[job.use], minlength=material.classes)
    prior = torch.from_numpy(counts.astype(np.float32))
    method = build_method(job.method, encoder, material.classes, len(material.packed), prior)
    if job.head is not None:
        with torch.no_grad():
            method.head.weight.copy_(torch.from_numpy(job.head[0]))
            fitted = torch.from_numpy(job.head[1]).to(method.prior)
            method.head.bias.copy_(unadjusted(fitted, method.prior, job.method.loss.adjustment))
    if isinstance(method, Distillation):
        method.learn_from(job.teacher or nn.Sequential(encoder, method.head))
    unlabelled = config.batch_size * config.ratio if method.uses_unlabelled else 0
    epochs = epochs_of(job.steps)
    source = LabelledSource(
        material.packed,
        material.views,
        material.supervision(job.use, job.pseudo),
        (material.weak, method.weak),
        (material.strong, method.strong),
        labelled=config.batch_size,
        unlabelled=unlabelled,
        steps=job.steps // epochs,
        seed=config.seed,
        device=material.placement.device,
    )
    settings = train_config(config, epochs, config.batch_size + unlabelled, job.rate, job.encoder_rate)
    folder, seed = material.folder / job.name, config.seed
    learner = Learner(encoder, method)
    return train(
        learner,
        source,
        settings,
        folder,
        watch,
        seed=seed,
        placement=material.placement,
        say=say,
    )


def epochs_of(steps: int) -> int:
    """Into how many equal parts a training of so many steps is cut, for its log: 10 or fewer."""
    return max(parts for parts in range(1, 11) if steps % parts == 0)


def train_config(config: FitConfig, epochs: int, batch: int, rate: float, encoder_rate: float) -> TrainConfig:
    """Options of the training loop. batch: samples a step, with a label and without."""
    return TrainConfig(
        epochs=epochs,
        batch_size=batch,
        optimiser=AdamwConfig(learning_rate=rate, weight_decay=config.weight_decay),
        encoder_rate=encoder_rate,
        warmup=config.warmup,
        floor=0.0,
        ema_decay=config.ema_decay,
        precision=config.precision,
        checkpoint_seconds=config.checkpoint_seconds,
        watch_steps=5,
    )


def cost(job: Job, config: FitConfig, unlabelled: bool) -> float:
    """Views that a job passes through the network: what its time goes with."""
    return float(job.steps * config.batch_size * (1 + 2 * config.ratio * unlabelled))


def final_parts(trained: Trained) -> Network:
    """Of the averaged weights where there are such, else of the last ones."""
    learner = trained.average or trained.learner
    method = learner.objective
    assert isinstance(method, Method)
    return Network(learner.encoder, method.head)


def logits(network: Network, material: Material, positions: Ints) -> Doubles:
    """[len(positions), K] of clean samples."""
    found = torch.from_numpy(material.features(network.encoder, positions)).to(material.placement.device)
    with torch.no_grad():
        return np.asarray(network.head(found).double().cpu().numpy(), dtype=np.float64)
