"""What suits somebody's pairs: what suits the images, and what suits the captions."""

import json
from collections.abc import Sequence

import yaml

from components.modalities.image.suit import ImageLook
from components.modalities.look import Look, Suited
from components.modalities.pair.check import check_pairs
from components.modalities.pair.config import PairConfig, PairLimits
from components.modalities.pair.container import sides
from components.modalities.text.suit import TextLook


class PairLook(Look):
    """image, text: what was seen of each side of the good pairs."""

    def __init__(self, config: PairConfig, limits: PairLimits | None = None) -> None:
        self.limits = limits or PairLimits()
        self.image, self.text = ImageLook(config.image, self.limits.image), TextLook(config.text)

    def add(self, batch: Sequence[bytes]) -> list[str | None]:
        reasons = check_pairs(batch, self.limits)
        good = [sides(data) for data, reason in zip(batch, reasons, strict=True) if reason is None]
        self.image.add([pair.image for pair in good])
        self.text.add([pair.caption for pair in good])
        return reasons

    @property
    def good(self) -> int:
        return self.image.good

    @property
    def useless(self) -> str | None:
        return self.image.useless or self.text.useless

    def lines(self) -> list[str]:
        return [*self.image.lines(), *(f"captions: {line}" for line in self.text.lines())]

    def suited(self, samples: int) -> Suited:
        image, text = self.image.suited(samples), self.text.suited(samples)
        found = {
            "name": "pair",
            "image": yaml.safe_load(image.modality),
            "text": yaml.safe_load(text.modality),
        }
        return Suited(
            modality=json.dumps(found, ensure_ascii=False),
            why=f"{image.why}; {text.why}",
            encoder=f"{{name: two_towers, image: {image.encoder}, text: {text.encoder}}}",
            objective="{name: clip}",
            speed=2 * image.speed,  # one view of each sample, not two
        )
