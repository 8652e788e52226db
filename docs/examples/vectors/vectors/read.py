"""Which files are vectors, and what is wrong with one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from components.arrays import Floats
from components.data.reader import Reader, TableSample
from vectors.config import VectorConfig, VectorLimits


def parse(data: bytes, size: int) -> Floats:
    """Raises ValueError: the bytes are not `size` numbers."""
    try:
        found = np.array(data.decode("ascii").split(), dtype=np.float32)
    except ValueError:
        raise ValueError("not numbers: a .vec file holds numbers with blanks between them") from None
    if len(found) != size:
        raise ValueError(f"wrong size: {size} numbers are required, got {len(found)}")
    if not np.isfinite(found).all():
        raise ValueError("not finite: one of the numbers is nan or infinite")
    return found


class VectorReader(Reader):
    noun = "vectors"
    wanted = ".vec files of numbers with blanks between them"
    suffixes = frozenset({".vec"})
    max_bytes = 1 << 20

    def __init__(self, config: VectorConfig, limits: VectorLimits) -> None:
        self.config, self.limits = config, limits

    def is_table(self, path: str, columns: set[str]) -> bool:
        return False

    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        raise ValueError("vectors come as .vec files, not as rows of a table")

    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        return [self._reason(data) for data in batch]

    def _reason(self, data: bytes) -> str | None:
        try:
            largest = float(np.abs(parse(data, self.config.size)).max())
        except ValueError as error:
            return str(error)
        return f"too large: {largest:g}" if largest > self.limits.largest else None
