"""Which files, and which rows of tables, are pairs.

In a folder NAME.txt is the caption of NAME.png (or of another image of that name). A table has a column of captions
(`text`, or what `modality.text.column` says) and one of paths (`path`, `file_name`, `image`): beside the table, else
below the inbox; or, in Parquet, a column `image` of bytes. What lacks a side becomes a pair without it, which is
quarantined.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from components.data.label_files import is_table
from components.data.reader import Reader, TableSample
from components.data.walk import suffix_of
from components.modalities.image.read import SUFFIXES, ImageReader
from components.modalities.pair.check import check_pairs
from components.modalities.pair.config import PairConfig, PairLimits
from components.modalities.pair.container import join

CAPTIONS = ".txt"
PATHS = ("path", "file_name", "image")


class PairReader(Reader):
    """Images with a caption beside each, and tables of both."""

    noun = "pairs"
    suffixes = SUFFIXES | {CAPTIONS}
    joins = True

    def __init__(self, config: PairConfig, limits: PairLimits) -> None:
        self.column, self.limits = config.text.column.lower(), limits
        self.max_bytes = max(limits.image.max_bytes, limits.text.max_bytes)
        self.images = ImageReader(limits.image)
        self.wanted = (
            f"folders in which NAME{CAPTIONS} is the caption of NAME.png, tables (CSV, TSV, JSON lines, Parquet) with "
            f"columns `path` and `{config.text.column}` beside the images, or Parquet files with columns `image` "
            f"(bytes) and `{config.text.column}`"
        )

    def begins_like(self, head: bytes) -> bool:
        """Whether an image does; a caption without a suffix is not looked for."""
        return self.images.begins_like(head)

    def is_table(self, path: str, columns: set[str]) -> bool:
        return self.column in columns and bool(columns.intersection(PATHS))

    def names_files(self, path: str, columns: set[str]) -> bool:
        return not (path.lower().endswith(".parquet") and "image" in columns)

    def whole(self, files: Sequence[str]) -> int:
        if files and is_table(files[0]):
            return 2 * (len(files) - 1)
        return 2 * sum(bool(image and caption) for image, caption in _paired(files))

    def alone(self, files: Sequence[str]) -> list[str]:
        return [image or caption for image, caption in _paired(files) if not (image and caption)]

    def named(self, row: dict[str, str], table: str) -> tuple[str, ...]:
        path = next((row[key] for key in PATHS if row.get(key)), "")
        if not path:
            return ()
        beside = (PurePosixPath(table).parent / path).as_posix()
        return tuple(dict.fromkeys((beside, PurePosixPath(path).as_posix())))

    def count_joined(self, folder: Path, files: Sequence[str]) -> int:
        return self.count(folder / files[0]) if is_table(files[0]) else len(_paired(files))

    def joined(
        self, folder: Path, files: Sequence[str], read: Callable[[str, int], bytes], source: str | None
    ) -> Iterator[TableSample]:
        """See Reader.joined. A pair of a folder is called as its image, or as its caption where there is none."""
        if is_table(files[0]):
            yield from self._rows_with_files(folder, files, read, source)
            return
        for image, caption in _paired(files):
            yield TableSample(image or caption, self._pair(image, self._caption(caption, read), read))

    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        """Of a Parquet file that holds the images as well."""
        from components.data.tables import (  # pyarrow, 0.2 s that files need not wait for
            parquet_samples,
            read_rows,
        )

        captions = (row.get(self.column, "") for row in read_rows(file))
        images = parquet_samples(file, delivery, source, self.group)
        for (name, data, label, origin, group), caption in zip(images, captions, strict=True):
            yield TableSample(name, join(data, caption.encode()), label, origin, group)

    def _rows_with_files(
        self, folder: Path, files: Sequence[str], read: Callable[[str, int], bytes], source: str | None
    ) -> Iterator[TableSample]:
        from components.data.tables import LABEL, read_rows  # pyarrow, 0.2 s that files need not wait for

        table, there = files[0], set(files[1:])
        for number, row in enumerate(read_rows(folder / table)):
            places = self.named(row, table)
            image = next((place for place in places if place in there), "")
            label = next((row[key] for key in LABEL if key in row), "")
            yield TableSample(
                image or (places[0] if places else f"{table}#{number}"),
                self._pair(image, row.get(self.column, "").encode(), read),
                label,
                row.get(source.lower(), "") if source else "",
                row.get(self.group.lower(), "") if self.group else "",
            )

    def _caption(self, path: str, read: Callable[[str, int], bytes]) -> bytes:
        return read(path, self.limits.text.max_bytes + 1) if path else b""

    def _pair(self, image: str, caption: bytes, read: Callable[[str, int], bytes]) -> bytes:
        return join(read(image, self.limits.image.max_bytes + 1) if image else b"", caption)

    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        return check_pairs(batch, self.limits)

    def mended(self, reason: str) -> bool:
        return reason.startswith("image ") and self.images.mended(reason.removeprefix("image "))


def _paired(files: Sequence[str]) -> list[tuple[str, str]]:
    """(image, caption) of each pair of a folder, "" for a side that is missing; in order of name.

    "a.jpg", "a.txt", "b.png", "c.txt": ("a.jpg", "a.txt"), ("b.png", ""), ("", "c.txt").
    """
    captions = {_stem(path): path for path in files if suffix_of(path) == CAPTIONS}
    images = [path for path in files if suffix_of(path) != CAPTIONS]
    found = [(path, captions.get(_stem(path), "")) for path in images]
    named = {_stem(path) for path in images}
    found += [("", path) for stem, path in captions.items() if stem not in named]
    return sorted(found, key=lambda pair: pair[0] or pair[1])


def _stem(path: str) -> str:
    return path.removesuffix(path[len(path) - len(suffix_of(path)) :])
