"""Tiny pairs of an image and a caption for the objectives of two towers."""

import string

import torch

from components.encoders.resnet import ResnetConfig
from components.encoders.text_bag import TextBagConfig
from components.encoders.two_towers import TwoTowersConfig
from components.modalities.image.config import image_packing
from components.modalities.pair.config import PairPacking
from components.modalities.pair.views import as_view
from components.modalities.text.config import TextConfig, TextPacking
from components.modalities.text.tokenizer import BEGINS, CLS, SPECIAL

SIDE, LENGTH = 8, 6
WORDS = tuple(f"{BEGINS}{letter}" for letter in string.ascii_lowercase)
PACKING = PairPacking(
    image=image_packing(1, [0.5], [0.3], size=SIDE),
    text=TextPacking(read_as=TextConfig(length=LENGTH, vocabulary=128), vocabulary=(*SPECIAL, *WORDS)),
)
TOWERS = TwoTowersConfig(
    image=ResnetConfig(widths=(4, 8), blocks=(1, 1)), text=TextBagConfig(width=8), embedding=6
)


def pairs(rows=6, seed=0):
    """[rows, 64 + LENGTH] noisy images, and captions of two to five words that no other row has in this order."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(rows, 1, SIDE, SIDE, generator=generator)
    words = torch.randint(len(SPECIAL), len(SPECIAL) + len(WORDS), (rows, LENGTH - 1), generator=generator)
    ends = torch.randint(2, LENGTH, (rows, 1), generator=generator)
    words = words.masked_fill(torch.arange(LENGTH - 1) >= ends, 0)
    text = torch.cat([torch.full((rows, 1), CLS), words], dim=1)
    return as_view(image, text, LENGTH)
