"""What pseudo-labels are made by, beside the references of what they are made from."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from components.config import Config


class PseudoLabelConfig(Config):
    """What a recipe's section pseudo_label may contain."""

    clusters: PositiveInt | Literal["auto"] = "auto"
    """Number of clusters K; `auto` (over-clustering): the larger of 3 C for C classes and sqrt(N) / 2 for N
    samples, at most N / 10 and at least 2."""

    restarts: PositiveInt = 3
    """Initialisations of k-means, of which the best result is kept."""

    iterations: PositiveInt = 25
    """Iterations of k-means."""

    target_precision: float = Field(default=0.9, gt=0, le=1)
    """Share of the kept pseudo-labels that should be right, estimated on held-out labels."""

    propagation: Literal["spreading", "poisson", "poisson_mbo"] = "spreading"
    """How labels reach other samples over the graph of nearest neighbours: `spreading` (Zhou et al. 2004), `poisson`
    (Poisson learning, Calder et al. 2020) or `poisson_mbo` (the same, then heat steps and thresholding in turn). The
    last two are for a few labels a class whose shares are known (`balance`)."""

    balance: Literal["none", "labels", "uniform"] = "none"
    """Class shares to which the predictions are aligned: `none`, those of the `labels`, or `uniform`. Use one
    only where it is known to hold: a wrong one costs far more than a right one gains."""

    cap: PositiveFloat = 2.0
    """Largest number of kept pseudo-labels of a class, relative to its share of the labels (smoothed)."""

    folds: int = Field(default=5, ge=2)
    """Folds of the labels on which the confidence is calibrated."""

    memory: PositiveFloat = 1024.0
    """Megabytes that the features of the training samples may take, of which there are up to four copies at a
    time; a million samples of 256 features take 977 MB. Larger sets stay on disk and are clustered there in
    chunks, on the Ray workers where there are some; labels are spread over as many samples as fit, which then
    label the others."""

    seed: NonNegativeInt = 0
    """Seed of k-means and of the folds."""

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
