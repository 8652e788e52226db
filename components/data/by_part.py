"""Rows of many samples in a file without a name, of which those of some thousand samples at a time are read.

What is worked out sample by sample needs no more than that in memory, however many there are. Ids are spread evenly, so
equal ranges of ids hold about equally many.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

PART = 1 << 12  # samples a part; what is made of one sample's labels takes about 4 kB
MOST = 256  # parts
AHEAD = 1 << 15  # rows in memory until they are written


class ByPart:
    """Context manager: rows by the range of their ids.

    Args:
        folder: on whose disk the file is. parts: how many, see parts_for. rows: their first value is the sample's id in
            hexadecimal, the others are text or numbers.
    """

    def __init__(self, folder: Path, parts: int, rows: Iterable[tuple[Any, ...]]) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed on exit
        self._blocks: list[list[tuple[int, int]]] = [[] for _ in range(parts)]  # offset and bytes of each
        held: list[list[tuple[Any, ...]]] = [[] for _ in range(parts)]
        for number, row in enumerate(rows, 1):
            held[part_of(row[0], parts)].append(row)
            if number % AHEAD == 0:
                self._write(held)
        self._write(held)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    def _write(self, held: list[list[tuple[Any, ...]]]) -> None:
        for blocks, rows in zip(self._blocks, held, strict=True):
            if rows:
                blocks.append((self._file.tell(), self._file.write(json.dumps(rows).encode())))
                rows.clear()

    def __len__(self) -> int:
        return len(self._blocks)

    def __getitem__(self, part: int) -> list[list[Any]]:
        """The rows of a part, in the order in which they came."""
        return list(self._read(part))

    def _read(self, part: int) -> Iterator[list[Any]]:
        for offset, size in self._blocks[part]:
            self._file.seek(offset)
            yield from json.loads(self._file.read(size))


def parts_for(rows: int) -> int:
    """In how many parts to look at so many rows."""
    return min(MOST, max(1, -(-rows // PART)))


def part_of(id: str, parts: int) -> int:
    """The number of the part that an id is in; ascending with the id."""
    return int(id[:8], 16) * parts >> 32
