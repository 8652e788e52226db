"""Vectors, bound to the interface of modalities.

Letters: N samples, D numbers of a vector.
"""

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from components.arrays import Floats, Ints, write_header
from components.errors import UserError
from components.modalities.base import Modality, Written
from vectors.config import VectorConfig, VectorLimits, VectorPacking
from vectors.read import VectorReader, parse
from vectors.suit import VectorLook


class Vectors(Modality[VectorConfig, VectorPacking]):
    config: VectorConfig
    policies: ClassVar[Mapping[str, str]] = {"noise": "Gaussian noise, and numbers that are left out"}
    Limits = VectorLimits
    columns = ("vector",)

    def look(self) -> VectorLook:
        return VectorLook()

    def placeholder(self) -> VectorPacking:
        ones = (1.0,) * self.config.size
        return VectorPacking(read_as=self.config, mean=ones, std=ones)

    def reader(self, limits: VectorLimits) -> VectorReader:
        return VectorReader(self.config, limits)

    def pack(
        self,
        encoded: Callable[[], Iterable[Sequence[bytes | Floats]]],
        total: int,
        folder: Path,
        *,
        before: VectorPacking | None = None,
        progress: Callable[[float], None] = lambda done: None,
    ) -> Written:
        unreadable, place, count = dict[int, str](), 0, 0
        with open(folder / "vectors.npy", "wb") as out:
            write_header(out, np.float32, (total, self.config.size))
            for batch in encoded():
                for sample in batch:
                    try:
                        row = sample if isinstance(sample, np.ndarray) else parse(sample, self.config.size)
                        out.write(row.tobytes())
                        count += 1
                    except ValueError as error:
                        unreadable[place] = str(error)
                    place += 1
                progress(place / max(1, total))
            write_header(out, np.float32, (count, self.config.size))
        return Written(files={"vectors": "vectors.npy"}, samples=count, unreadable=unreadable)

    def packing(self, written: Written, folder: Path, rows: Ints) -> VectorPacking:
        if not len(rows):
            raise UserError("no-samples", "there are no vectors to learn from; deliver some")
        array = np.load(folder / "vectors.npy", mmap_mode="r")[rows].astype(np.float64)
        std = np.maximum(array.std(0), 1e-6)
        return VectorPacking(read_as=self.config, mean=tuple(array.mean(0).tolist()), std=tuple(std.tolist()))

    def example(self, stored: Floats, packing: VectorPacking) -> str:
        return " ".join(str(number) for number in stored.tolist())

    def to_sample(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise ValueError(f"numbers as text are required, got {type(value).__name__}")
        return value.encode()

    def stored(self, data: bytes, packing: VectorPacking) -> Floats:
        return parse(data, self.config.size)

    def show(self, stored: Floats, packing: VectorPacking, size: int = 64) -> str:
        return f"<code>{html.escape(' '.join(f'{number:.3g}' for number in stored))}</code>"
