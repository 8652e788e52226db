"""Pairs of an image and a caption, bound to the interface of modalities."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from components.arrays import Ints
from components.modalities.base import Modality, Written
from components.modalities.image.modality import Images
from components.modalities.pair import serve
from components.modalities.pair.config import PairConfig, PairLimits, PairPacking
from components.modalities.pair.container import join, sides
from components.modalities.pair.pack import one_side, pack_pairs
from components.modalities.pair.packed import Row, joined
from components.modalities.pair.read import PairReader
from components.modalities.pair.show import pair
from components.modalities.pair.suit import PairLook
from components.modalities.text.modality import Texts
from components.modalities.text.tokenizer import tokenizer_of


class Pairs(Modality[PairConfig, PairPacking]):
    """Packed as an image and the tokens of its caption; a view is [B, C S S + T] float32, pixels before tokens."""

    config: PairConfig
    founded = True
    policies: ClassVar[Mapping[str, str]] = {
        name: f"{what}; captions lose a tenth of their words" for name, what in Images.policies.items()
    }
    beside = 6
    Limits = PairLimits
    requirements = (*Images.requirements, *Texts.requirements)
    columns = serve.COLUMNS

    def __init__(self, config: PairConfig) -> None:
        super().__init__(config)
        self.image, self.text = Images(config.image), Texts(config.text)

    def look(self) -> PairLook:
        return PairLook(self.config)

    def placeholder(self) -> PairPacking:
        return PairPacking(
            image=self.image.placeholder(), text=self.text.placeholder(), prompts=self.config.prompts
        )

    def reader(self, limits: PairLimits) -> PairReader:
        return PairReader(self.config, limits)

    def pack(
        self,
        encoded: Callable[[], Iterable[Sequence[bytes | Row]]],
        total: int,
        folder: Path,
        *,
        before: PairPacking | None = None,
        progress: Callable[[float], None] = lambda done: None,
    ) -> Written:
        return pack_pairs(encoded, total, folder, self.config, before, progress)

    def packing(self, written: Written, folder: Path, rows: Ints) -> PairPacking:
        return PairPacking(
            image=self.image.packing(one_side(written, images=True), folder, rows),
            text=self.text.packing(one_side(written, images=False), folder, rows),
            prompts=self.config.prompts,
        )

    def near_duplicates(self, files: Mapping[str, Path]) -> Ints:
        """By the image alone: the same image with other words is still the same image on both sides of a split."""
        return self.image.near_duplicates(files)

    def values(self, given: Any, packing: PairPacking) -> list[Any]:
        return serve.pairs_of(given, packing.image.channels)

    def request(self, values: Sequence[Any]) -> dict[str, list[Any]]:
        return {column: [value[column] for value in values] for column in self.columns}

    def example(self, stored: Row, packing: PairPacking) -> dict[str, Any]:
        image, text = self.columns
        shape = (packing.image.channels, packing.image.size, packing.image.size)
        pixels = stored[: packing.pixels].astype(np.uint8).reshape(shape)
        return {
            image: self.image.example(pixels, packing.image),
            text: self.text.example(stored[packing.pixels :], packing.text),
        }

    def to_sample(self, value: Any) -> bytes:
        image, caption = serve.sides_of(value)
        return join(self.image.to_sample(image), caption)

    def stored(self, data: bytes, packing: PairPacking) -> Row:
        image, caption = sides(data)
        return joined(self.image.stored(image, packing.image), self._tokens(caption, packing))

    def row_of(self, value: Any, packing: PairPacking) -> Row:
        image, caption = serve.sides_of(value)
        return joined(self.image.row_of(image, packing.image), self._tokens(caption, packing))

    def _tokens(self, caption: bytes, packing: PairPacking) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Of a pair without a caption only the token before the first word."""
        if caption.strip():
            return self.text.stored(caption, packing.text)
        return tokenizer_of(packing.text).encode([""])[0]

    def show(self, stored: Row, packing: PairPacking, size: int = 64) -> str:
        return pair(stored, packing, size)
