"""What suits somebody's vectors."""

from collections.abc import Sequence

from components.modalities.look import Look, Suited
from vectors.config import VectorConfig, VectorLimits
from vectors.read import VectorReader


class VectorLook(Look):
    """good: how many can be used. size: of the first of them, which the others must have."""

    good = 0

    def __init__(self) -> None:
        self.size: int | None = None

    def add(self, batch: Sequence[bytes]) -> list[str | None]:
        reasons = list[str | None]()
        for data in batch:
            size = self.size or max(1, len(data.split()))
            reasons += VectorReader(VectorConfig(size=size), VectorLimits()).check([data])
            if reasons[-1] is None:
                self.size, self.good = size, self.good + 1
        return reasons

    def lines(self) -> list[str]:
        return [f"{self.size} numbers each"]

    def suited(self, samples: int) -> Suited:
        return Suited(
            modality=f"{{name: vectors, size: {self.size}}}",
            why="as the first sample has",
            encoder="{name: vector_mlp}",
            objective="{name: simclr}",
            speed=20_000,
        )
