"""Which policy of views keeps the classes? Measured on the labels by cross-validation with a network that trains in
seconds.

Each policy trains the same small network on the same labels and is judged on the same labels that were held out in
turn, so differences are paired. The policy that the data suggest without labels (components.training.orientation)
stands unless another one is better by more than a standard error: with few labels the evidence is thin. Only its
neighbours are tried beside it, for each costs seconds (RIVALS).
Letters: n labels, C channels, S side in pixels, K classes, R repeats.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from components.arrays import Ints
from components.config import Config
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.evaluation.classification.folds import possible_folds, stratified_folds
from components.forks import run_all
from components.modalities.image.augment import augment
from components.modalities.image.config import image_packing
from components.modalities.image.policies import views
from components.training.device import place
from components.training.learner import derive_seed
from components.training.optimiser import AdamwConfig, build_optimiser, set_rate

STEPS, BATCH, RATE = 120, 64, 4e-3
FOLDS, REPEATS = 3, 1
RIVALS: dict[str, tuple[str, ...]] = {
    "photo": ("upright",),
    "upright": ("photo", "signal"),
    "any_way_up": ("photo",),
    "signal": ("upright",),
}
MOST = 600  # labels that are looked at
LARGEST = 32  # side; larger images are averaged down to it

Bytes = NDArray[np.uint8]


class Evidence(Config):
    """Of one policy: accuracy on held-out labels, its difference to the suggested one and that one's standard error."""

    policy: str
    accuracy: float
    difference: float
    error: float


class ViewChoice(Config):
    """policy: that is taken. suggested: by the data without labels. evidence: empty where nothing was measured."""

    policy: str
    suggested: str
    reason: str
    labels: int = 0
    evidence: list[Evidence] = Field(default_factory=list)


def choose_views(
    images: Callable[[Ints], Bytes],
    rows: Ints,
    labels: Ints,
    classes: int,
    suggested: str,
    *,
    cores: int = 1,
    seed: int = 0,
) -> ViewChoice:
    """Choose on the images at `rows` [n], with labels [n]. images: gives those at some rows, [B, C, S, S].

    Takes about 2.5 s of one core for each policy and fold (six to nine in all) at 28 x 28.
    """
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(labels))[:MOST])
    x, y = _small(images(rows[chosen])), labels[chosen]
    folds = possible_folds(y, FOLDS)
    several = np.flatnonzero(np.bincount(y, minlength=classes)[y] > 1)
    if not folds or len(np.unique(y)) < 2:
        reason = "no class has two labels, so nothing could be measured: the suggested policy is taken"
        return ViewChoice(policy=suggested, suggested=suggested, reason=reason, labels=len(y))
    tried = (suggested, *RIVALS[suggested])
    cells = [(policy, repeat, fold) for policy in tried for repeat in range(REPEATS) for fold in range(folds)]
    of = np.full((REPEATS, len(y)), -1)
    for repeat in range(REPEATS):
        of[repeat, several] = stratified_folds(y[several], folds, seed + repeat)
    jobs = [
        partial(_right, x, y, classes, of[repeat] == fold, policy, seed + repeat)
        for policy, repeat, fold in cells
    ]
    right = np.zeros((len(tried), REPEATS, len(y)))
    for (policy, repeat, fold), found in zip(cells, run_all(jobs, cores), strict=True):
        right[tried.index(policy), repeat, of[repeat] == fold] = found
    return decide(tried, right.mean(axis=1)[:, several])


def decide(tried: Sequence[str], right: NDArray[np.float64]) -> ViewChoice:
    """The policy to take.

    Args:
        tried: the suggested one first. right: [len(tried), n] share of the repeats in which a held-out label was
            predicted right.
    """
    suggested, base, n = tried[0], right[0], right.shape[1]
    evidence = []
    for policy, own in zip(tried, right, strict=True):
        difference = own - base
        error = float(difference.std(ddof=1) / n**0.5) if n > 1 else 1.0
        evidence.append(
            Evidence(
                policy=policy, accuracy=float(own.mean()), difference=float(difference.mean()), error=error
            )
        )
    best = max(evidence, key=lambda e: e.difference - e.error)
    if best.difference - best.error <= 1e-9:  # of the suggested one it is 0
        reason = f"none is better than the suggested one by more than a standard error, on {n} labels"
        return ViewChoice(policy=suggested, suggested=suggested, reason=reason, labels=n, evidence=evidence)
    reason = f"{best.difference:+.1%} accuracy over the suggested one (standard error {best.error:.1%}), on {n} labels"
    return ViewChoice(policy=best.policy, suggested=suggested, reason=reason, labels=n, evidence=evidence)


def _small(images: Bytes) -> Tensor:
    x = torch.from_numpy(np.ascontiguousarray(images)).float() / 255
    return F.adaptive_avg_pool2d(x, LARGEST) if x.shape[-1] > LARGEST else x


def _right(
    x: Tensor, y: Ints, classes: int, out: NDArray[np.bool_], policy: str, seed: int
) -> NDArray[np.float64]:
    """[h] 1 where a held-out label is predicted right by a network that was trained on the others."""
    network = _learn(x[torch.from_numpy(~out)], torch.from_numpy(y[~out]), classes, policy, seed)
    with torch.inference_mode(), place("cpu").autocast():
        predicted = torch.cat([network(part) for part in torch.split(x[torch.from_numpy(out)], 512)]).argmax(
            1
        )
    return np.asarray(predicted.numpy() == y[out], dtype=np.float64)


def _learn(x: Tensor, y: Tensor, classes: int, policy: str, seed: int) -> nn.Module:
    """Half of each batch in weak views, half in strong ones, as a semi-supervised training sees them."""
    side, channels = x.shape[-1], x.shape[1]
    made = views(policy, side, channels)
    stride: Literal[1, 2] = 2 if side >= 24 else 1
    generator = torch.Generator().manual_seed(derive_seed(seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed))
        mean, std = x.mean((0, 2, 3)).tolist(), x.std((0, 2, 3)).clamp(min=0.05).tolist()
        config = ResnetConfig(widths=(16, 32, 64), blocks=(1, 1, 1), stem_stride=stride)
        encoder = build_encoder(config, image_packing(channels, mean, std, side))
        network = nn.Sequential(encoder, nn.Linear(encoder.feature_dim, classes))
    place("cpu").put(network)
    optimiser = build_optimiser(AdamwConfig(learning_rate=RATE, weight_decay=0.01), [(network, 1.0)])
    for step in range(STEPS):
        set_rate(optimiser, 1 - step / STEPS)
        rows = torch.randint(len(x), (BATCH,), generator=generator)
        weak, strong = x[rows].chunk(2)
        batch = torch.cat([augment(weak, made.weak, generator), augment(strong, made.strong, generator)])
        optimiser.zero_grad()
        with place("cpu").autocast():
            loss: Tensor = F.cross_entropy(network(batch), y[rows])
        torch.autograd.backward(loss)
        optimiser.step()
    return network.eval()


def table(choice: ViewChoice) -> Sequence[str]:
    """A line for each policy, for a person."""
    return [
        f"{e.policy}: {e.accuracy:.1%}"
        + ("" if e.policy == choice.suggested else f" ({e.difference:+.1%}, standard error {e.error:.1%})")
        for e in choice.evidence
    ]
