"""Every semi-supervised method in the small settings that the one list of checks runs it in.

A line here for each name in METHODS, and one more for every state whose checks differ.
"""

from dataclasses import dataclass

import torch

from components.collectives import rank, world
from components.encoders.base import ImageEncoder
from components.encoders.norm import BatchNorm
from components.modalities.image.config import image_packing
from components.objectives.base import Batch
from components.semisupervised import build_method
from components.semisupervised.adamatch import AdamatchConfig
from components.semisupervised.coral import CoralConfig
from components.semisupervised.dann import DannConfig
from components.semisupervised.distillation import DistillationConfig
from components.semisupervised.feature_mixup import FeatureMixupConfig
from components.semisupervised.fixmatch import FixmatchConfig
from components.semisupervised.flexmatch import FlexmatchConfig
from components.semisupervised.freematch import FreematchConfig
from components.semisupervised.m2 import M2Config
from components.semisupervised.meanteacher import MeanteacherConfig
from components.semisupervised.mixmatch import MixmatchConfig
from components.semisupervised.mmd import MmdConfig
from components.semisupervised.parts.loss import LossConfig
from components.semisupervised.parts.mixing import MixConfig
from components.semisupervised.pimodel import PimodelConfig
from components.semisupervised.pseudolabel import PseudolabelConfig
from components.semisupervised.s4l import S4lConfig
from components.semisupervised.selftraining import SelftrainingConfig
from components.semisupervised.setfit import SetfitConfig
from components.semisupervised.simmatch import SimmatchConfig
from components.semisupervised.softmatch import SoftmatchConfig
from components.semisupervised.ssgan import SsganConfig
from components.semisupervised.supervised import SupervisedConfig
from components.semisupervised.temporal import TemporalConfig
from components.semisupervised.uda import UdaConfig
from components.semisupervised.vat import VatConfig
from components.semisupervised.vime_semi import VimeSemiConfig

K, D, L, U = 3, 8, 6, 10
ROWS = 30


@dataclass(frozen=True)
class Case:
    """still: beginnings of the names of the method's parameters that must take no gradient (a teacher's).

    quiet_weak: whether weak views of unlabelled rows are targets alone, so that no gradient reaches them.
    against: beginnings of the names of parameters that play against the rest: no one loss falls for all.
    ready: whether it first takes a step on another batch, for what it remembers or for its weight's growth.
    """

    config: object
    still: tuple[str, ...] = ()
    quiet_weak: bool = True
    against: tuple[str, ...] = ()
    ready: bool = False


CASES = {
    "adamatch": Case(AdamatchConfig(threshold=0.5), ready=True),
    "flexmatch": Case(FlexmatchConfig(threshold=0.4)),
    "flexmatch, later": Case(FlexmatchConfig(threshold=0.4), ready=True),
    "freematch": Case(FreematchConfig(fairness=0.1)),
    "meanteacher": Case(MeanteacherConfig(), still=("teacher",), quiet_weak=False),
    "meanteacher, later": Case(MeanteacherConfig(), still=("teacher",), quiet_weak=False, ready=True),
    "meanteacher, strong": Case(MeanteacherConfig(student="strong"), still=("teacher",), ready=True),
    "mixmatch": Case(MixmatchConfig(), quiet_weak=False, ready=True),
    "pimodel": Case(PimodelConfig(), quiet_weak=False),
    "simmatch": Case(SimmatchConfig(threshold=0.4, embedding=6, temperature=0.5), ready=True),
    "softmatch": Case(SoftmatchConfig()),
    "temporal": Case(TemporalConfig(), quiet_weak=False, ready=True),
    "uda": Case(UdaConfig(threshold=0.4)),
    "uda, annealed": Case(UdaConfig(threshold=0.4, annealing="linear"), ready=True),
    "vat": Case(VatConfig(), quiet_weak=False),
    "fixmatch": Case(FixmatchConfig(threshold=0.4)),
    "fixmatch, apart": Case(FixmatchConfig(threshold=0.4, together=False)),
    "supervised": Case(SupervisedConfig()),
    "supervised, entropy": Case(SupervisedConfig(entropy=0.5), quiet_weak=False),
    "supervised, early": Case(SupervisedConfig(loss=LossConfig(name="elr", smoothing=0.1, adjustment=1.0))),
    "supervised, mixup": Case(SupervisedConfig(mix=MixConfig())),
    "supervised, cutmix": Case(SupervisedConfig(mix=MixConfig(name="cutmix"), loss=LossConfig(name="gce"))),
    "pseudolabel": Case(PseudolabelConfig(), quiet_weak=False, ready=True),
    "selftraining": Case(SelftrainingConfig()),
    "s4l": Case(S4lConfig(), quiet_weak=False),
    "m2": Case(M2Config(side=8, latent=4, width=8), quiet_weak=False),
    "ssgan": Case(SsganConfig(side=8, latent=4, width=8), quiet_weak=False, against=("generator",)),
    "dann": Case(DannConfig(hidden=6), quiet_weak=False, ready=True),
    "coral": Case(CoralConfig(), quiet_weak=False),
    "distillation": Case(DistillationConfig(alpha=0.5), still=("teacher",), quiet_weak=False),
    "mmd": Case(MmdConfig(), quiet_weak=False),
    "feature_mixup": Case(FeatureMixupConfig(), quiet_weak=False, ready=True),
    "setfit": Case(SetfitConfig()),
    "vime_semi": Case(VimeSemiConfig()),
}


class Small(ImageEncoder):
    feature_dim = D

    def __init__(self):
        super().__init__(image_packing(1, size=8))
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(1, D, 3, bias=False),
            BatchNorm(D),
            torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
        )

    def forward(self, x):
        return self.layers(x)


def encoder():
    torch.manual_seed(0)
    return Small()


def make(case):
    torch.manual_seed(1)
    made = build_method(case.config, encoder(), K, ROWS)
    with torch.no_grad():
        made.head.weight.mul_(10)  # sure enough for the mask
    if case.ready:
        made(e := encoder(), part(batch(made, seed=7), rank(), world()))
        made.after_step(e, 0.3)
    return made


def batch(method, seed=0):
    g = torch.Generator().manual_seed(seed)
    views = [torch.rand(L + U, 1, 8, 8, generator=g) for _ in range(method.weak)]
    views += [torch.rand(U, 1, 8, 8, generator=g) for _ in range(method.strong)]
    targets = torch.cat([torch.arange(L) % K, torch.arange(U) % (K + 1) - 1])
    return Batch(views, torch.arange(L + U), targets, torch.rand(L + U, generator=g), L)


def part(whole, rank, world, dtype=torch.float32):
    """A process's labelled rows and its unlabelled ones of a batch."""
    rows = [*torch.arange(L).chunk(world)[rank].tolist(), *(L + torch.arange(U).chunk(world)[rank]).tolist()]
    own, strong = torch.tensor(rows), torch.arange(U).chunk(world)[rank]
    views = [view[own if len(view) == L + U else strong].to(dtype) for view in whole.views]
    return Batch(views, whole.index[own], whole.targets[own], whole.weights[own], L // world)
