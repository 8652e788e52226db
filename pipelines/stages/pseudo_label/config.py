"""What pseudo-labels are made by, beside the references of what they are made from."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from components.config import Config


class PseudoLabelConfig(Config):
    """clusters: K, or "auto": the larger of 3 C and sqrt(N) / 2, at most N / 10 and at least 2
    (over-clustering). target_precision: share of the kept pseudo-labels that should be right, by the labels'
    own evidence. balance: class shares that the classes are aligned to: none, those of the labels, or
    uniform; give one only where it is known to hold, as a wrong one costs far more than a right one gains.
    cap: a class may have at most cap times its share of what is kept (its share: of the labels, smoothed).
    memory: MB that the features of the training rows may take, of which there are up to four copies at a time.
    Larger sets stay on disk and are clustered there by chunks, on the Ray workers where there are some; labels
    spread over as many rows as fit, which then name the others. A million rows of 256 numbers are 977 MB.
    """

    clusters: PositiveInt | Literal["auto"] = "auto"
    restarts: PositiveInt = 3
    iterations: PositiveInt = 25
    target_precision: float = Field(default=0.9, gt=0, le=1)
    balance: Literal["none", "labels", "uniform"] = "none"
    cap: PositiveFloat = 2.0
    folds: int = Field(default=5, ge=2)
    memory: PositiveFloat = 1024.0
    seed: NonNegativeInt = 0

    @field_validator("clusters")
    @classmethod
    def _several(cls, clusters: int | str) -> int | str:
        if clusters == 1:
            raise ValueError(
                'at least 2, or "auto", is needed, as one cluster tells no classes apart (got 1)'
            )
        return clusters


def auto_clusters(samples: int, classes: int) -> int:
    """max(3 C, sqrt(N) / 2), at most N / 10, at least 2 (1 for a single sample)."""
    wanted = max(3 * classes, round(samples**0.5 / 2))
    return int(min(max(2, min(wanted, samples // 10)), samples))
