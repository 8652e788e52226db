"""Which files and rows of tables are images."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from components.data.reader import Reader, TableSample
from components.modalities.image.check import check_images
from components.modalities.image.config import ImageLimits
from components.modalities.image.file import (
    FORMATS,
    NEEDS,
    ImageError,
    has_decoder,
    is_heif_or_avif,
    opened,
    upright_size,
)

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".heic", ".heif", ".avif"}
)  # fmt: skip


class ImageReader(Reader):
    """Image files, and Parquet files with a column of them."""

    noun = "images"
    wanted = "image files, folders of them, or Parquet files with a column `image` (bytes)"
    suffixes = SUFFIXES

    def __init__(self, limits: ImageLimits) -> None:
        self.limits, self.max_bytes = limits, limits.max_bytes

    def begins_like(self, head: bytes) -> bool:
        if is_heif_or_avif(head):
            return True
        Image.init()
        accepting = (Image.OPEN[name][1] for name in FORMATS if name in Image.OPEN)
        return len(head) >= 8 and any(accept is not None and accept(head) is True for accept in accepting)

    def is_table(self, path: str, columns: set[str]) -> bool:
        return path.lower().endswith(".parquet") and bool({"image", "bytes"} & columns)

    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        from components.data.tables import (
            parquet_samples,  # pyarrow, 0.2 s that image files need not wait for
        )

        return (TableSample(*row) for row in parquet_samples(file, delivery, source, self.group))

    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        return check_images(batch, self.limits)

    def size(self, data: bytes) -> tuple[int, int] | None:
        try:
            with opened(data) as image:
                return upright_size(image)
        except ImageError:
            return None

    def mended(self, reason: str) -> bool:
        return any(reason.startswith(f"{name} needs") and has_decoder(name) for name in NEEDS)
