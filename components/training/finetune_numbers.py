"""Train a network that predicts a number from few labels, in the one training loop.

Letters: N training samples, n labels, D features. Positions count the training samples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from components.arrays import Doubles, Ints
from components.encoders import Encoder
from components.semisupervised.regression import NumberMethodConfig, NumbersMethod, number_method
from components.training.finetune import FitConfig, Samples, epochs_of, train_config
from components.training.labelled_source import LabelledSource, Supervision
from components.training.learner import Learner, derive_seed
from components.training.loop import Trained, train
from components.training.training_log import Watch


@dataclass(frozen=True, kw_only=True)
class Numbers(Samples):
    """What there is to learn numbers from. labelled [n] positions; targets [n], (number - mean) / scale each."""

    labelled: Ints
    targets: Doubles
    mean: float
    scale: float

    def supervision(self, use: Ints) -> Supervision:
        """Labels number `use` (of n) and no others; -1 and weight 0 elsewhere."""
        targets = np.full(len(self.packed), -1.0, dtype=np.float32)
        weights = np.zeros(len(self.packed), dtype=np.float32)
        targets[self.labelled[use]], weights[self.labelled[use]] = self.targets[use], 1.0
        known = torch.from_numpy(self.labelled[use])
        return Supervision(
            torch.from_numpy(targets), torch.from_numpy(weights), known, torch.arange(len(targets))
        )


class NumberNetwork(NamedTuple):
    """encoder: a view [B, ...] -> [B, D]; head: -> [B, 1] standardised. config: what the encoder is."""

    encoder: Encoder
    head: nn.Linear
    config: Any


@dataclass(frozen=True)
class NumberJob:
    """One training. name: of its folder. use: which of the n labels it may see. head: weight [1, D] and bias [1] to
    begin with; None begins at random."""

    name: str
    method: NumberMethodConfig
    use: Ints
    steps: int
    rate: float
    encoder_rate: float = 1.0
    head: tuple[Doubles, Doubles] | None = None


def fit_numbers(
    job: NumberJob,
    config: FitConfig,
    material: Numbers,
    encoder: Encoder,
    watch: Watch,
    say: Callable[[str], None],
) -> Trained:
    """Train `encoder` in place, from the newest checkpoint of this job if there is one.

    The same bytes whatever was trained before it in this process.
    """
    torch.manual_seed(derive_seed(config.seed))
    method = number_method(job.method, encoder)
    if job.head is not None:
        with torch.no_grad():
            method.head.weight.copy_(torch.from_numpy(job.head[0]))
            method.head.bias.copy_(torch.from_numpy(job.head[1]))
    unlabelled = config.batch_size * config.ratio if method.uses_unlabelled else 0
    epochs = epochs_of(job.steps)
    source = LabelledSource(
        material.packed,
        material.views,
        material.supervision(job.use),
        (material.weak, method.weak),
        (material.strong, method.strong),
        labelled=config.batch_size,
        unlabelled=unlabelled,
        steps=job.steps // epochs,
        seed=config.seed,
        device=material.placement.device,
    )
    settings = train_config(config, epochs, config.batch_size + unlabelled, job.rate, job.encoder_rate)
    return train(
        Learner(encoder, method),
        source,
        settings,
        material.folder / job.name,
        watch,
        seed=config.seed,
        placement=material.placement,
        say=say,
    )


def final_network(trained: Trained, config: Any) -> NumberNetwork:
    """Of the averaged weights where there are such, else of the last ones. config: what the encoder is."""
    learner = trained.average or trained.learner
    method = learner.objective
    assert isinstance(method, NumbersMethod)
    return NumberNetwork(learner.encoder, method.head, config)


def predicted(network: NumberNetwork, material: Samples, positions: Ints) -> Doubles:
    """[len(positions)] standardised numbers of clean samples."""
    found = torch.from_numpy(material.features(network.encoder, positions)).to(material.placement.device)
    with torch.no_grad():
        return np.asarray(network.head(found).squeeze(1).double().cpu().numpy(), dtype=np.float64)
