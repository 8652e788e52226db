"""Images, bound to the interface of modalities.

Letters: B samples, C channels, S side in pixels.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from components.arrays import Ints, Pixels
from components.errors import coded
from components.modalities.base import Modality, Written
from components.modalities.image import kept, pack, serve, show
from components.modalities.image.config import ARRAY, ImageConfig, ImageLimits, ImagePacking, image_packing
from components.modalities.image.near_duplicates import groups
from components.modalities.image.read import ImageReader
from components.modalities.image.suit import ImageLook

OUTSIDE = 0.01  # share of clipped values from which it is worth a warning


class Images(Modality[ImageConfig, ImagePacking]):
    """Packed as [N, C, S, S], uint8 unless values are kept; a view is [B, C, S, S] float in [0, 1]. Type and scale of
    kept values stay as they were found first."""

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
        self.founded = config.kept

    def look(self) -> ImageLook:
        return ImageLook(self.config)

    def placeholder(self) -> ImagePacking:
        return image_packing(self.config.channels, size=self.config.size)

    def reader(self, limits: ImageLimits) -> ImageReader:
        return ImageReader(limits, self.config)

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
        if self.config.kept:
            return self._keep(encoded, total, file, before, progress)
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

    def _keep(
        self,
        encoded: Callable[[], Iterable[Sequence[bytes | Pixels]]],
        total: int,
        file: Path,
        before: ImagePacking | None,
        progress: Callable[[float], None],
    ) -> Written:
        known = before.kind if before is not None else None
        packed, kind = kept.pack(encoded(), total, self.config, file, kind=known, progress=progress)
        scale = before.scale if before is not None else None
        scale = scale or kept.scale_of(np.load(file, mmap_mode="r"), self.config)
        ends = ", ".join(f"{low:g} to {high:g}" for low, high in dict.fromkeys(scale))
        notes = [f"values are kept as {kind}; in views {ends} become black to white"]
        return Written({ARRAY: file.name}, packed.samples, packed.unreadable, (kind, scale), notes)

    def packing(self, written: Written, folder: Path, rows: Ints) -> ImagePacking:
        images = np.load(folder / written.files[ARRAY], mmap_mode="r")
        if self.config.kept:
            kind, scale = written.found
            mean, std = kept.statistics(images, rows, scale)
            return ImagePacking(
                size=self.config.size, channels=self.config.channels, mean=tuple(mean), std=tuple(std), kind=kind,
                scale=scale,
            )  # fmt: skip
        mean, std = pack.statistics(images, rows)
        return ImagePacking(
            size=self.config.size,
            channels=self.config.channels,
            mean=tuple(mean),
            std=tuple(std),
            range=written.found,
        )

    def near_duplicates(self, files: Mapping[str, Path]) -> Ints:
        images = np.load(files[ARRAY], mmap_mode="r")
        if not self.config.kept:
            return groups(images)
        scale = kept.scale_of(images, self.config)
        return groups(images, lambda rows: 255 * kept.levels(rows, scale))

    def values(self, given: Any, packing: ImagePacking) -> list[Any]:
        return serve.images_of(given, packing.channels)

    def example(self, stored: Pixels, packing: ImagePacking) -> bytes:
        return serve.encode_png(stored) if packing.scale is None else serve.encode_npy(stored)

    def to_sample(self, value: Any) -> bytes:
        return serve.encoded(value)

    def stored(self, data: bytes, packing: ImagePacking) -> Pixels:
        return serve.decoded(data, packing)

    def row_of(self, value: Any, packing: ImagePacking) -> Pixels:
        return serve.pixels_of(value, packing)

    def show(self, stored: Pixels, packing: ImagePacking, size: int = 64) -> str:
        return show.img(show.thumbnail(shown(stored, packing), size))

    def sheet(self, rows: Sequence[Pixels], packing: ImagePacking, columns: int) -> str:
        return show.sheet([shown(row, packing) for row in rows], columns)


def shown(stored: NDArray[Any], packing: ImagePacking) -> Pixels:
    """A row as uint8 of one or three channels, as views scale it; other channels as their mean."""
    pixels = stored
    if packing.scale is not None:
        pixels = np.rint(255 * kept.levels(stored, packing.scale)).astype(np.uint8)
    if len(pixels) in (1, 3):
        return pixels
    mean: Pixels = np.rint(pixels.mean(axis=0, keepdims=True)).astype(np.uint8)
    return mean
