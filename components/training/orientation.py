"""Can mirrored and turned images be told from those that are as they came? Measured without labels.

A small network learns, on half of the samples, which of the eight symmetries of the square was applied (the pretext
task of rotation prediction, Gidaris et al. 2018, arXiv:1803.07728, with mirror images). On the other half it must tell
a sample from its mirror image, and so on, pair by pair. Where it cannot, the symmetry leads to samples of the same
kind, so views may use it; where it can, such views show what never comes. What it cannot see is a symmetry that maps
one class onto another (arrows to the left and to the right, as many of each): that takes labels
(components.training.view_choice).
Letters: N samples, C channels, S side in pixels.
"""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from components.arrays import Ints
from components.config import Config
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.modalities.image.config import image_packing
from components.modalities.image.policies import Policy
from components.modalities.samples import Samples
from components.training.device import place
from components.training.learner import derive_seed
from components.training.optimiser import AdamwConfig, build_optimiser, set_rate

SAMPLES = 4000  # at most, half to learn from and half to measure on
SIDE = 32  # larger images are averaged down to it
STEPS, BATCH, RATE = 250, 64, 4e-3
LIKE = 0.6  # share of pairs told apart up to which a symmetry counts as one of the data
FEWEST = 100  # samples under which nothing is measured


class Orientation(Config):
    """Share of pairs told apart, .5 by chance: a sample and its mirror image, the same upside down, after a quarter
    turn. error: standard error of each."""

    mirror: float
    upside_down: float
    quarter_turn: float
    error: float

    @property
    def policy(self) -> Policy:
        """The boldest policy whose symmetries the data have."""
        if self.mirror > LIKE:
            return "upright"
        return "any_way_up" if max(self.upside_down, self.quarter_turn) <= LIKE else "photo"

    def line(self) -> str:
        """For a person."""
        named = (
            ("mirror images", self.mirror),
            ("upside down", self.upside_down),
            ("quarter turns", self.quarter_turn),
        )
        told = ", ".join(f"{name} {share:.0%}" for name, share in named)
        return f"told from the samples as they came (50% is chance, standard error {self.error:.0%}): {told}"


def orientation(images: NDArray[np.uint8], seed: int = 0) -> Orientation | None:
    """Measure on images [N, C, S, S]; 8 s of one core for 4,000 of 28 x 28. None where there are fewer than FEWEST."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(images))[:SAMPLES]
    if len(chosen) < FEWEST:
        return None
    x = torch.from_numpy(np.ascontiguousarray(images[np.sort(chosen)])).float() / 255
    if x.shape[-1] > SIDE:
        x = F.adaptive_avg_pool2d(x, SIDE)
    x = x[torch.from_numpy(rng.permutation(len(x)))]
    learn, judge = x[: len(x) // 2], x[len(x) // 2 :]
    network = _learn(learn, seed)
    with torch.inference_mode():
        logits = torch.stack([_logits(network, transformed(judge, g)) for g in range(8)])
    # logits[g]: of samples transformed by g. [g, i, h]: how much sample i looks like transformed by h.
    shares = {g: _share_told_apart(logits, g) for g in (1, 3, 4, 6)}
    error = 0.5 / len(judge) ** 0.5
    quarter = (shares[1] + shares[3]) / 2
    return Orientation(mirror=shares[4], upside_down=shares[6], quarter_turn=quarter, error=error)


def suggested(samples: Samples, rows: Ints, seed: int = 0) -> tuple[str, Orientation | None]:
    """The policy that suits the samples at `rows`, and what it rests on; the usual one and None where their kind has no
    such symmetries, or there are too few samples."""
    if not samples.views.symmetries:
        return samples.views.usual, None
    some = np.sort(np.random.default_rng(seed).permutation(rows)[:SAMPLES])
    found = orientation(samples.images(some), seed)
    return (found.policy if found is not None else samples.views.usual), found


def transformed(x: Tensor, g: int) -> Tensor:
    """x [N, C, S, S] by symmetry g: g % 4 quarter turns, after left and right were exchanged where g >= 4.

    0 leaves x as it is, 4 is the mirror image, 6 is upside down.
    """
    return torch.rot90(x.flip(3) if g >= 4 else x, g % 4, dims=(2, 3))


def _logits(network: nn.Module, x: Tensor) -> Tensor:
    """[N, 8]"""
    with place("cpu").autocast():
        return torch.cat([network(part).float() for part in torch.split(x, 512)])


def _share_told_apart(logits: Tensor, g: int) -> float:
    """Share of the pairs (sample, transformed by g) in which each is taken for what it is."""
    own, other = logits[0][:, 0] - logits[0][:, g], logits[g][:, g] - logits[g][:, 0]
    right = torch.cat([own, other])
    return float(((right > 0).float() + 0.5 * (right == 0).float()).mean())


def _learn(x: Tensor, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed))
        mean, std = x.mean((0, 2, 3)).tolist(), x.std((0, 2, 3)).clamp(min=0.05).tolist()
        stride: Literal[1, 2] = 2 if x.shape[-1] >= 24 else 1
        config = ResnetConfig(widths=(16, 32, 64), blocks=(1, 1, 1), stem_stride=stride)
        encoder = build_encoder(config, image_packing(x.shape[1], mean, std, x.shape[-1]))
        network = nn.Sequential(encoder, nn.Linear(encoder.feature_dim, 8))
        place("cpu").put(network)
        optimiser = build_optimiser(AdamwConfig(learning_rate=RATE, weight_decay=0.01), [(network, 1.0)])
        for step in range(STEPS):
            set_rate(optimiser, 1 - step / STEPS)
            rows = torch.randint(len(x), (BATCH,))
            batch = torch.cat([transformed(x[part], g) for g, part in enumerate(rows.chunk(8))])
            target = torch.arange(8).repeat_interleave(BATCH // 8)
            optimiser.zero_grad()
            with place("cpu").autocast():
                loss = F.cross_entropy(network(batch), target)
            torch.autograd.backward(loss)
            optimiser.step()
    return network.eval()
