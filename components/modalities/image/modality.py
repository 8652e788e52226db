"""Images, bound to the interface of modalities.

Letters: B samples, C channels, S side in pixels.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from components.arrays import Ints, Pixels
from components.errors import coded
from components.modalities.base import Modality, Written
from components.modalities.image import pack, serve, show
from components.modalities.image.config import ARRAY, ImageConfig, ImageLimits, ImagePacking, image_packing
from components.modalities.image.near_duplicates import groups
from components.modalities.image.read import ImageReader
from components.modalities.image.suit import ImageLook

OUTSIDE = 0.01  # share of clipped values from which it is worth a warning


class Images(Modality[ImageConfig, ImagePacking]):
    """Packed as uint8 [N, C, S, S]; a view is [B, C, S, S] float in [0, 1]."""

    policies: ClassVar[Mapping[str, str]] = {
        "photo": "crops, mirror images and colour, as for photographs",
        "upright": "small crops, turns and shifts, no mirror images, as for glyphs and documents",
        "any_way_up": "every quarter turn and mirror image, as for textures and aerial views",
        "signal": "crops and shifts along the axes, no turns, as for spectrograms",
    }
    Limits = ImageLimits
    requirements = ("pillow",)
    columns = (serve.COLUMN,)

    def __init__(self, config: ImageConfig) -> None:
        super().__init__(config)

    def look(self) -> ImageLook:
        return ImageLook()

    def placeholder(self) -> ImagePacking:
        return image_packing(self.config.channels, size=self.config.size)

    def reader(self, limits: ImageLimits) -> ImageReader:
        return ImageReader(limits)

    def pack(
        self,
        encoded: Callable[[], Iterable[Sequence[bytes | Pixels]]],
        total: int,
        folder: Path,
        *,
        before: ImagePacking | None = None,
        progress: Callable[[float], None] = lambda done: None,
    ) -> Written:
        file = folder / f"{ARRAY}.npy"
        packed = pack.pack(encoded(), total, self.config, file, progress=progress)
        notes = []
        if packed.range is not None:
            low, high = packed.range
            notes.append(f"more than 8 bits a channel: values from {low:g} to {high:g} become black to white")
            if packed.outside > OUTSIDE:
                notes.append(
                    "warning "
                    + coded(
                        "values-clipped",
                        f"{packed.outside:.1%} of these values lie outside {low:g} to {high:g} and are clipped; "
                        "set modality.range in the recipe, e.g. to what `selfsup init` finds",
                    )
                )
        return Written({ARRAY: file.name}, packed.samples, packed.unreadable, packed.range, notes)

    def packing(self, written: Written, folder: Path, rows: Ints) -> ImagePacking:
        images = np.load(folder / written.files[ARRAY], mmap_mode="r")
        mean, std = pack.statistics(images, rows)
        return ImagePacking(
            size=self.config.size,
            channels=self.config.channels,
            mean=tuple(mean),
            std=tuple(std),
            range=written.found,
        )

    def near_duplicates(self, files: Mapping[str, Path]) -> Ints:
        return groups(np.load(files[ARRAY], mmap_mode="r"))

    def values(self, given: Any, packing: ImagePacking) -> list[Any]:
        return serve.images_of(given, packing.channels)

    def example(self, stored: Pixels, packing: ImagePacking) -> bytes:
        return serve.encode_png(stored)

    def to_sample(self, value: Any) -> bytes:
        return serve.encoded(value)

    def stored(self, data: bytes, packing: ImagePacking) -> Pixels:
        return pack.decode(data, packing.config)

    def row_of(self, value: Any, packing: ImagePacking) -> Pixels:
        return serve.pixels_of(value, packing)

    def show(self, stored: Pixels, packing: ImagePacking, size: int = 64) -> str:
        return show.img(show.thumbnail(stored, size))

    def sheet(self, rows: Sequence[Pixels], packing: ImagePacking, columns: int) -> str:
        return show.sheet(rows, columns)
