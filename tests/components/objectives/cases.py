"""Every objective in the small settings that the one list of checks runs it in.

A line here for each name in OBJECTIVES, and one more for every state whose checks differ.
"""

from dataclasses import dataclass

import torch

from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.encoders.text_bag import TextBagConfig
from components.encoders.text_transformer import TextTransformerConfig
from components.encoders.vit import VitConfig
from components.modalities.image.config import image_packing
from components.objectives import OBJECTIVES
from components.objectives.autoencoder import AutoencoderConfig
from components.objectives.barlow import BarlowConfig
from components.objectives.base import Batch
from components.objectives.bigan import BiganConfig
from components.objectives.byol import ByolConfig
from components.objectives.capi import CapiConfig
from components.objectives.causal_lm import CausalLmConfig
from components.objectives.clip import ClipConfig
from components.objectives.cola import ColaConfig
from components.objectives.colour import ColourConfig
from components.objectives.deepcluster import DeepclusterConfig
from components.objectives.deepclusterv2 import Deepclusterv2Config
from components.objectives.denoising import DenoisingConfig
from components.objectives.dino import DinoConfig
from components.objectives.distillation import DistillationConfig
from components.objectives.electra import ElectraConfig
from components.objectives.ibot import IbotConfig
from components.objectives.ijepa import IjepaConfig
from components.objectives.inpainting import InpaintingConfig
from components.objectives.jigsaw import JigsawConfig
from components.objectives.lejepa import LejepaConfig
from components.objectives.location import LocationConfig
from components.objectives.mae import MaeConfig
from components.objectives.masked_spectrogram import MaskedSpectrogramConfig
from components.objectives.maskfeat import MaskfeatConfig
from components.objectives.mlm import MlmConfig
from components.objectives.moco import MocoConfig
from components.objectives.mocov3 import Mocov3Config
from components.objectives.nnclr import NnclrConfig
from components.objectives.rotation import RotationConfig
from components.objectives.scan import ScanConfig
from components.objectives.sela import SelaConfig
from components.objectives.siglip import SiglipConfig
from components.objectives.simclr import SimclrConfig
from components.objectives.simcse import SimcseConfig
from components.objectives.simsiam import SimsiamConfig
from components.objectives.supcon import SupconConfig
from components.objectives.swav import SwavConfig
from components.objectives.tsdae import TsdaeConfig
from components.objectives.vae import VaeConfig
from components.objectives.vicreg import VicregConfig
from components.objectives.wav2vec2 import Wav2vec2LossConfig
from tests.components.objectives import pairs, sounds, texts
from tests.components.objectives.teachers import teacher

ROWS, B, SIDE = 24, 12, 8
SIDES = {"global": SIDE, "plain": SIDE, "local": 4}  # of the views of each role
ENCODERS = {
    "resnet": ResnetConfig(widths=(4, 8), blocks=(1, 1)),
    "vit": VitConfig(width=16, depth=2, heads=2, patch=2),
    "text": TextTransformerConfig(width=12, depth=1, heads=2),
    "text, causal": TextTransformerConfig(width=12, depth=1, heads=2, causal=True),
    "text, bag": TextBagConfig(width=12),
    "sound, vit": sounds.VIT,
    "sound, wave": sounds.WAVE,
    "pair": pairs.TOWERS,
}
GREY = image_packing(1, [0.5], [0.3])


@dataclass(frozen=True)
class Case:
    """encoder: a name in ENCODERS. still: beginnings of the names of parameters that must not learn.

    pairs: whether the loss compares views of a sample, so that true pairs must cost less than shuffled ones.
    unseen: numbers of the views that take no gradient, because they are a target.
    anywhere: whether it can be built for every kind of data where its objective needs nothing but views.
    channels: of the images. Where the encoder's name begins with text, sound or pair, the samples are such.
    """

    config: object
    encoder: str = "resnet"
    still: tuple[str, ...] = ()
    pairs: bool = True
    unseen: tuple[int, ...] = ()
    anywhere: bool = True
    channels: int = 1


CASES = {
    "deepcluster": Case(DeepclusterConfig(clusters=4, hidden=8, components=0)),
    "moco": Case(MocoConfig(embedding=6, queue=30), still=("objective.teacher",), unseen=(1,)),
    "moco, symmetric": Case(MocoConfig(embedding=6, queue=30, symmetric=True), still=("objective.teacher",)),
    "mocov3": Case(Mocov3Config(hidden=8, embedding=6), still=("objective.teacher", "objective.head.4")),
    "nnclr": Case(NnclrConfig(hidden=8, embedding=6, queue=30), still=("objective.head.7",)),
    "supcon": Case(SupconConfig(embedding=6)),
    "byol": Case(ByolConfig(hidden=8, embedding=6), still=("objective.teacher",)),
    "simsiam": Case(SimsiamConfig(embedding=8, bottleneck=4), still=("objective.head.7",)),
    "cola": Case(ColaConfig(embedding=8)),
    "clip": Case(ClipConfig(), encoder="pair", pairs=False),
    "siglip": Case(SiglipConfig(), encoder="pair", pairs=False),
    "masked_spectrogram": Case(
        MaskedSpectrogramConfig(width=16, depth=1, heads=2), encoder="sound, vit", pairs=False
    ),
    "wav2vec2": Case(
        Wav2vec2LossConfig(span=2, begin=0.2, distractors=5, entries=4, embedding=8),
        encoder="sound, wave",
        pairs=False,
    ),
    "barlow": Case(BarlowConfig(hidden=8, embedding=6)),
    "vicreg": Case(VicregConfig(hidden=8, embedding=6)),
    "dino": Case(DinoConfig(hidden=8, bottleneck=6, outputs=12, freeze=0.0), still=("objective.teacher",)),
    "dino, local": Case(  # a corner of four pixels tells too little for the check of pairs
        DinoConfig(
            locals=2,
            hidden=8,
            bottleneck=6,
            outputs=12,
            freeze=0.0,
            koleo=0.1,
        ),
        still=("objective.teacher",),
        pairs=False,
    ),
    "dino, frozen": Case(
        DinoConfig(hidden=8, bottleneck=6, outputs=12, freeze=1.0),
        still=("objective.teacher", "objective.head.last"),
    ),
    "mae": Case(MaeConfig(width=16, depth=1, heads=2), encoder="vit", pairs=False),
    "maskfeat": Case(MaskfeatConfig(), encoder="vit", pairs=False),
    "ibot": Case(
        IbotConfig(dino=DinoConfig(hidden=8, bottleneck=6, outputs=12, freeze=0.0)),
        encoder="vit",
        still=("objective.teacher",),
    ),
    "ijepa": Case(
        IjepaConfig(width=16, depth=1, heads=2),
        encoder="vit",
        still=("objective.teacher",),
        pairs=False,
    ),
    "capi": Case(
        CapiConfig(width=16, depth=1, heads=2, clusters=4),
        encoder="vit",
        still=("objective.teacher",),
        pairs=False,
    ),
    "lejepa": Case(LejepaConfig(hidden=8, embedding=6, directions=16)),
    "lejepa, local": Case(LejepaConfig(hidden=8, embedding=6, directions=16, locals=2)),
    "distillation": Case(  # a teacher that never learnt hardly tells samples apart: no check of pairs
        DistillationConfig(teacher=teacher(ResnetConfig(widths=(4, 6), blocks=(1, 1)), GREY)),
        still=("objective.teacher",),
        pairs=False,
        anywhere=False,
    ),
    "distillation, crossed": Case(
        DistillationConfig(
            teacher=teacher(ResnetConfig(widths=(4, 6), blocks=(1, 1)), GREY),
            loss="smooth_l1",
            layers=2,
            hidden=8,
            crossed=True,
            size=12,
        ),
        still=("objective.teacher",),
        pairs=False,
        anywhere=False,
    ),
    "simclr, vit": Case(SimclrConfig(embedding=6), encoder="vit"),
    "simclr": Case(SimclrConfig(embedding=6)),
    "deepclusterv2": Case(Deepclusterv2Config(embedding=6, prototypes=4)),
    "deepclusterv2, local": Case(Deepclusterv2Config(locals=1, embedding=6, prototypes=4, heads=2)),
    "sela": Case(SelaConfig(clusters=4)),
    "sela, heads": Case(SelaConfig(views=2, clusters=3, heads=3)),
    "scan": Case(
        ScanConfig(pretext=SimclrConfig(embedding=6), clusters=3, neighbours=3),
        still=("objective.top",),
    ),
    "scan, neighbours": Case(
        ScanConfig(pretext=SimclrConfig(embedding=6), pretext_until=0.0, clusters=3, neighbours=3),
        still=("objective.pretext",),
        pairs=False,
    ),
    "scan, self-labels": Case(
        ScanConfig(
            pretext=SimclrConfig(embedding=6),
            pretext_until=0.0,
            neighbours_until=0.0,
            clusters=3,
            neighbours=3,
            confidence=0.3,
        ),
        still=("objective.pretext",),
        unseen=(0,),
    ),
    "rotation": Case(RotationConfig(), pairs=False),
    "jigsaw": Case(JigsawConfig(grid=2, cell=4, permutations=6, hidden=8), pairs=False),
    "location": Case(LocationConfig(patch=2, gap=0, hidden=8), pairs=False),
    "colour": Case(ColourConfig(bin=20, memory=0.5), pairs=False, channels=3),
    "inpainting": Case(InpaintingConfig(blocks=2, width=8), pairs=False),
    "autoencoder": Case(AutoencoderConfig(width=8), pairs=False),
    "denoising": Case(DenoisingConfig(width=8), pairs=False),
    "vae": Case(VaeConfig(code=3, width=8), pairs=False),
    "bigan": Case(BiganConfig(code=3, width=8), pairs=False),
    "mlm": Case(MlmConfig(hidden=0.5), encoder="text", pairs=False),
    "causal_lm": Case(CausalLmConfig(), encoder="text, causal", pairs=False),
    "electra": Case(ElectraConfig(hidden=0.5, width=8, heads=2), encoder="text", pairs=False),
    "simcse": Case(SimcseConfig(), encoder="text", pairs=False),
    "simcse, bag": Case(SimcseConfig(), encoder="text, bag", pairs=False),
    "tsdae": Case(TsdaeConfig(heads=2), encoder="text", pairs=False),
    "swav": Case(SwavConfig(embedding=6, prototypes=5, freeze=0.0)),
    "swav, queue": Case(SwavConfig(embedding=6, prototypes=5, freeze=0.0, queue=30, queue_from=0.0)),
    "swav, frozen": Case(SwavConfig(embedding=6, prototypes=5, freeze=1.0), still=("objective.prototypes",)),
}

ANYWHERE = [
    name for name, case in CASES.items() if OBJECTIVES[case.config.name].needs == "any" and case.anywhere
]


def encoder_of(name):
    case = CASES[name]
    channels = case.channels
    images = image_packing(channels, [0.5] * channels, [0.3] * channels)
    kind = case.encoder.partition(",")[0]
    return build_encoder(
        ENCODERS[case.encoder],
        {"text": texts.PACKING, "sound": sounds.PACKING, "pair": pairs.PACKING}.get(kind, images),
    )


def views(spec=(("global", 2),), rows=ROWS, seed=0, case=None):
    """Noisy views of distinct samples, as many and as large as the objective asks: each [rows, C, S, S]; of texts
    [rows, T], of sounds [rows, 1, T] and of pairs, not changed."""
    kind = "" if case is None else case.encoder.partition(",")[0]
    if kind in ("text", "sound", "pair"):
        made = {"text": texts.texts, "sound": sounds.sounds, "pair": pairs.pairs}[kind]
        return [made(rows, seed=seed) for _, count in spec for _ in range(count)]
    channels = case.channels if case is not None else 1
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(rows, channels, SIDE, SIDE, generator=generator)
    made = []
    for role, count in spec:
        for _ in range(count):
            noisy = (x + 0.05 * torch.randn(x.shape, generator=generator)).clamp(0, 1)
            made.append(noisy[..., : SIDES[role], : SIDES[role]])
    return made


def batch(index, objective=None, dtype=torch.float32, rows=ROWS):
    """The given rows, as the objective wants to see them; labels for two thirds where it uses any."""
    spec = objective.views if objective is not None else (("global", 2),)
    targets = None
    if objective is not None and objective.uses_labels:
        targets = torch.where(index % 3 == 2, -1, index % 2)
    config = getattr(objective, "config", None)
    case = next((case for case in CASES.values() if case.config is config), None)
    seen = [v[index] for v in views(spec, rows, case=case)]
    return Batch([v.to(dtype) if v.is_floating_point() else v for v in seen], index, targets)
