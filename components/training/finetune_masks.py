"""Train a network that gives each pixel a class from few masks, in the one training loop.

Letters: N training samples, n masks, S side in pixels, K classes. Positions count the training samples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from components.arrays import Floats, Ints, Pixels
from components.encoders.base import MapEncoder
from components.encoders.decoder import mapping
from components.encoders.dense_head import DenseHead, scores_of
from components.semisupervised.segmentation import MaskMethod, MaskMethodConfig
from components.training.finetune import FitConfig, Samples, epochs_of, train_config
from components.training.learner import Learner, derive_seed
from components.training.loop import Trained, train
from components.training.mask_source import MaskSource
from components.training.training_log import Watch

BATCH = 64  # images that are answered at once


@dataclass(frozen=True, kw_only=True)
class Masks(Samples):
    """What there is to learn from. labelled: [n] positions; masks: uint8 [n, S, S]; unlabelled: positions of images
    without a mask. weak, strong: how the tone of views is changed. mirror, shift: see MaskSource."""

    classes: int
    labelled: Ints
    masks: Pixels
    unlabelled: Ints
    mirror: bool
    shift: float


class MaskNetwork(NamedTuple):
    """encoder and head: [B, C, S, S] in [0, 1] -> scores [B, K, S, S]."""

    encoder: MapEncoder
    head: DenseHead

    def scores(self, x: Tensor) -> Tensor:
        return scores_of(self.encoder, self.head, x)[0]


@dataclass(frozen=True)
class MaskJob:
    """One training. name: of its folder. use: which of the n masks it may see. frozen: whether the encoder stays as it
    is. consistent: whether unlabelled images are learnt from."""

    name: str
    use: Ints
    steps: int
    rate: float
    encoder_rate: float = 1.0
    frozen: bool = False
    consistent: bool = False


def fit_masks(
    job: MaskJob,
    config: FitConfig,
    method: MaskMethodConfig,
    width: int,
    material: Masks,
    encoder: MapEncoder,
    watch: Watch,
    say: Callable[[str], None],
) -> Trained:
    """Train `encoder` in place, from the newest checkpoint of this job if there is one. width: of the head.

    The same bytes whatever was trained before it in this process.
    """
    torch.manual_seed(derive_seed(config.seed))
    learner = Learner(
        encoder,
        MaskMethod(method, encoder, material.classes, width, frozen=job.frozen, consistent=job.consistent),
    )
    unlabelled = config.batch_size * config.ratio if job.consistent else 0
    epochs = epochs_of(job.steps)
    source = MaskSource(
        material.packed,
        material.views,
        torch.from_numpy(material.labelled[job.use]),
        torch.from_numpy(material.masks[job.use]),
        torch.from_numpy(material.unlabelled),
        tone=material.weak,
        strong=material.strong,
        mirror=material.mirror,
        shift=material.shift,
        sizes=(config.batch_size, unlabelled),
        steps=job.steps // epochs,
        seed=config.seed,
        device=material.placement.device,
    )
    encoder_rate = 0.0 if job.frozen else job.encoder_rate
    settings = train_config(config, epochs, config.batch_size + unlabelled, job.rate, encoder_rate)
    return train(
        learner,
        source,
        settings,
        material.folder / job.name,
        watch,
        seed=config.seed,
        placement=material.placement,
        say=say,
    )


def final_masks(trained: Trained) -> MaskNetwork:
    """Of the averaged weights where there are such, else of the last ones; in eval mode."""
    learner = (trained.average or trained.learner).eval()
    method = learner.objective
    assert isinstance(method, MaskMethod)
    return MaskNetwork(mapping(learner.encoder, "segmentation"), method.head)


@torch.no_grad()
def answered(network: MaskNetwork, material: Samples, positions: Ints) -> Floats:
    """[len(positions), K, S, S] scores of clean images."""
    parts = []
    for start in range(0, len(positions), BATCH):
        part = positions[start : start + BATCH]
        parts.append(network.scores(material.clean(part)(torch.arange(len(part)))).float().cpu().numpy())
    return np.concatenate(parts)
