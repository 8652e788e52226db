"""What a recipe may say of vectors, and what is known of packed ones.

Letters: D numbers of a vector.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt

from components.arrays import Ints
from components.config import Config
from components.data.packed import PackedArray
from components.modalities.base import Packing


class VectorConfig(Config):
    """Samples are vectors."""

    name: Literal["vectors"] = "vectors"
    """Selects vectors."""

    size: PositiveInt = 8
    """Numbers of a sample, D."""


class VectorLimits(Config):
    """What ingest holds a vector to."""

    largest: float = Field(default=1e6, gt=0)
    """Largest number, without its sign."""


class VectorPacking(Packing):
    """mean, std: [D] of the training samples."""

    name: Literal["vectors"] = "vectors"
    read_as: VectorConfig
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def config(self) -> VectorConfig:
        return self.read_as

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> PackedArray:
        return PackedArray.open(files["vectors"], rows)

    def reads(self, other: Packing) -> bool:
        return isinstance(other, VectorPacking) and self.read_as == other.read_as
