"""Which files and rows of tables are images."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from components.data.reader import Reader, TableSample
from components.modalities.image import video
from components.modalities.image.check import check_images
from components.modalities.image.config import ImageConfig, ImageLimits
from components.modalities.image.dicom import decodes, frames, is_dicom
from components.modalities.image.file import (
    FORMATS,
    NEEDS,
    ImageError,
    has_decoder,
    is_heif_or_avif,
    opened,
    upright_size,
)
from components.modalities.image.values import as_picture, is_array, pages

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".heic", ".heif", ".avif"}
)  # fmt: skip
TIFFS = frozenset({".tif", ".tiff"})
DICOM = frozenset({".dcm", ".dicom"})
SEVERAL = 16  # how many times as large as a file of one sample a file of several may be


class ImageReader(Reader):
    """Image files, and Parquet files with a column of them. Files of several frames are read by `rows` where frames are
    samples, DICOM files always: their patients are groups."""

    noun = "images"
    wanted = "image files, folders of them, or Parquet files with a column `image` (bytes)"

    def __init__(self, limits: ImageLimits, config: ImageConfig | None = None) -> None:
        self.limits, self.max_bytes = limits, limits.max_bytes
        self.config = config or ImageConfig()
        several = TIFFS | video.SUFFIXES if self.config.frames else frozenset()
        self.suffixes = (SUFFIXES | ({".npy"} if self.config.kept else set())) - several
        self.containers = DICOM | several

    def begins_like(self, head: bytes) -> bool:
        if is_heif_or_avif(head):
            return True
        Image.init()
        accepting = (Image.OPEN[name][1] for name in FORMATS if name in Image.OPEN)
        return len(head) >= 8 and any(accept is not None and accept(head) is True for accept in accepting)

    def begins_several(self, head: bytes) -> bool:
        return is_dicom(head)

    def is_table(self, path: str, columns: set[str]) -> bool:
        return path.lower().endswith(".parquet") and bool({"image", "bytes"} & columns)

    def count(self, file: Path) -> int:
        if file.suffix.lower() == ".parquet":
            return super().count(file)
        return sum(1 for _ in self.rows(file, file.name, None))

    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        """Of a Parquet file, or the frames of a file: one is called DELIVERY@NUMBER, from 0, and DELIVERY where it is
        the only sample. The group of a DICOM file is its patient, of any other file the file itself."""
        suffix = file.suffix.lower()
        if suffix == ".parquet":
            yield from self._rows_of_table(file, delivery, source)
        elif suffix in video.SUFFIXES:
            for number, data in video.frames(file, self.config.frames or 1, self.limits.max_pixels):
                yield TableSample(f"{delivery}@{number}", data, group=delivery)
        elif suffix in TIFFS:
            for number, data in pages(self._read(file), self.config.frames or 1, self.limits.max_pixels):
                yield TableSample(f"{delivery}@{number}", data, group=delivery)
        else:
            for one in frames(
                self._read(file), self.config.frames, self.config.channels if self.config.kept else 1
            ):
                name = delivery if one.number is None else f"{delivery}@{one.number}"
                yield TableSample(name, one.data, group=one.group or ("" if one.number is None else delivery))

    def _read(self, file: Path) -> bytes:
        """The bytes of a file that holds several samples.

        Raises:
            ValueError: it is too large to be held in memory.
        """
        size, most = file.stat().st_size, SEVERAL * self.max_bytes
        if size > most:
            raise ValueError(
                f"too large a file: {size} bytes, allowed {most} ({SEVERAL} times limits.max_bytes)"
            )
        return file.read_bytes()

    def _rows_of_table(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        from components.data.tables import (
            parquet_samples,  # pyarrow, 0.2 s that image files need not wait for
        )

        return (TableSample(*row) for row in parquet_samples(file, delivery, source, self.group))

    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        if self.config.kept:
            return check_images(batch, self.limits, self.config)
        return check_images(batch, self.limits)

    def size(self, data: bytes) -> tuple[int, int] | None:
        try:
            if is_array(data):
                width, height = as_picture(data).bands[0].size
                return height, width
            with opened(data) as image:
                return upright_size(image)
        except ImageError:
            return None

    def mended(self, reason: str) -> bool:
        return decodes(reason) or any(
            reason.startswith(f"{name} needs") and has_decoder(name) for name in NEEDS
        )
