"""Views of sounds, bound to the interface of modalities.

Letters: B sounds, C channels, T frames of a view.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from components.modalities.sound.augment import SoundView, augment
from components.modalities.sound.config import SoundPacking
from components.modalities.sound.packed import GAP, Frames, fill
from components.modalities.view_maker import Role, ViewMaker, Views

POLICIES = {
    "waveform": Views(
        weak=SoundView(crop=(0.9, 1.0), gain=3),
        strong=SoundView(crop=(0.7, 1.0), speed=(0.9, 1.1), gain=6, noise=(5, 30), spans=2, bands=1),
        pretrain=SoundView(crop=(0.5, 1.0), speed=(0.9, 1.1), gain=6, noise=(5, 30), spans=1, bands=1),
    )
}
LOCAL = (0.15, 0.4)  # bounds of the part that a local view is of


class SoundViews(ViewMaker[SoundPacking, SoundView]):
    """[B, C, T] float32 in [-1, 1], NaN behind the end of a sound."""

    View = SoundView
    policies = tuple(POLICIES)
    usual = "waveform"
    encoder = "sound_cnn"

    def collate(self, rows: Sequence[Frames]) -> Tensor:
        shape = (len(rows), self.packing.channels, self.packing.length)
        out = torch.full(shape, GAP, dtype=torch.int16)
        fill(out.numpy(), rows)
        return out

    def clean(self, stored: Tensor) -> Tensor:
        return (stored.float() / -GAP).masked_fill(stored == GAP, torch.nan)

    def augment(self, view: Tensor, how: SoundView, generator: torch.Generator) -> Tensor:
        return augment(view, how, self.length(how), self.packing.rate, generator)

    def policy(self, name: str) -> Views[SoundView]:
        return POLICIES[name]

    def roles(
        self, given: SoundView | str | None, local: SoundView | None, patch: int = 1
    ) -> Mapping[Role, SoundView]:
        """global: those of a policy (`waveform` where none is named) or these options. plain: parts as the global ones,
        for the rest as the sound is. local: a part of .15 to .4 of the sound, for the rest as the global ones."""
        policy = given if isinstance(given, str) and given in POLICIES else self.usual
        whole = given if isinstance(given, SoundView) else self.policy(policy).pretrain
        part = local if local is not None else whole.model_copy(update={"crop": LOCAL})
        return {"global": whole, "plain": SoundView(crop=whole.crop), "local": part}

    def length(self, how: SoundView) -> int:
        return max(1, round(self.packing.length * how.crop[1]))

    def blank(self, count: int) -> Tensor:
        return torch.zeros(count, self.packing.channels, self.packing.length)

    def baseline(self) -> dict[str, Any]:
        return {"name": "mfcc"}
