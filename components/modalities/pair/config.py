"""What a recipe may say of pairs of an image and a caption, and what is known of packed ones.

Letters: B samples, C channels, S side in pixels, T most tokens of a caption.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from components.arrays import Ints
from components.config import Config
from components.modalities.base import Packing
from components.modalities.image.config import ImageConfig, ImageLimits, ImagePacking
from components.modalities.pair.packed import PackedPairs
from components.modalities.text.config import TextConfig, TextLimits, TextPacking

CAPTION = 32  # tokens of a caption, unless the recipe says otherwise
CLASS = "{}"  # in a prompt, in place of the name of a class


class PairConfig(Config):
    """Samples are pairs of an image and its caption."""

    name: Literal["pair"] = "pair"
    """Selects pairs of an image and a caption."""

    image: ImageConfig = ImageConfig.model_validate({})
    """How images are read."""

    text: TextConfig = TextConfig(length=CAPTION)
    """How captions are read; `text.column` is the column of a table that holds them."""

    prompts: tuple[str, ...] = Field(default=(CLASS,), min_length=1)
    """Sentences that stand for a class in zero-shot classification, with {} in place of its name; the mean of their
    embeddings is the class's."""

    @field_validator("image")
    @classmethod
    def _of_eight_bits(cls, given: ImageConfig) -> ImageConfig:
        if given.kept:
            raise ValueError(
                "images of pairs have 8 bits and 1 or 3 channels; leave out keep and window, and set channels to 1 or 3"
            )
        return given

    @field_validator("prompts")
    @classmethod
    def _with_a_place_for_the_class(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for prompt in given:
            if prompt.count(CLASS) != 1:
                raise ValueError(f"a prompt must contain {CLASS} once, in place of the class, got {prompt!r}")
        return given


class PairLimits(Config):
    """Limits on a pair; one that exceeds them is quarantined."""

    image: ImageLimits = ImageLimits()
    """Limits on the image."""

    text: TextLimits = TextLimits()
    """Limits on the caption."""


class PairPacking(Packing):
    """Packed pairs: the image's row and the caption's tokens, each as its own kind packs them."""

    name: Literal["pair"] = "pair"
    """Selects pairs of an image and a caption."""

    image: ImagePacking
    """What is known of the images."""

    text: TextPacking
    """What is known of the captions."""

    prompts: tuple[str, ...] = (CLASS,)
    """As in the recipe."""

    @property
    def config(self) -> PairConfig:
        return PairConfig(image=self.image.config, text=self.text.config, prompts=self.prompts)

    @property
    def pixels(self) -> int:
        """C * S * S: where the caption begins in a stored row."""
        return self.image.channels * self.image.size**2

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> PackedPairs:
        return PackedPairs(self.image.open(files, rows), self.text.open(files, rows), self.text.length)

    def reads(self, other: Packing) -> bool:
        """Both sides do; prompts say nothing of the samples."""
        return (
            isinstance(other, PairPacking) and self.image.reads(other.image) and self.text.reads(other.text)
        )
