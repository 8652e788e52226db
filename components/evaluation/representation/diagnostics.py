"""Is the representation alive? Figures that need no labels; the verdict on them is in `symptoms`.

Sources: standard deviation of normalised embeddings, Chen & He 2021 (arXiv:2011.10566), section 4.1;
RankMe, Garrido et al. 2023 (arXiv:2210.02885), equation 3; alignment and uniformity, Wang & Isola 2020
(arXiv:2005.10242), equations 1 and 2. More of them in `spectrum` and `churn`.
Letters: n samples, D feature size.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from components.evaluation.representation.spectrum import correlation, decay, lidar, spectrum

FIGURES = (
    "spread", "rank", "centred_rank", "decay", "lidar", "correlation", "scale", "alignment", "uniformity",
)  # fmt: skip


def feature_std(features: Tensor) -> float:
    """[n, D] -> mean over dimensions of the (population) standard deviation of the normalised rows.

    1 / sqrt(D) when they are spread evenly over the sphere, 0 when they are one point.
    """
    return float(F.normalize(features.double(), dim=1).std(dim=0, correction=0).mean())


def effective_rank(features: Tensor) -> float:
    """[n, D] -> RankMe: exp of the entropy of the normalised singular values, 1 to min(n, D).

    p_k = s_k / sum s + 1e-7, as published. The identity of size 8 gives 8.0000069.
    """
    return _entropy_rank(torch.linalg.svdvals(features.double()))


def alignment(first: Tensor, second: Tensor) -> float:
    """Two views [n, D] of the same samples -> mean squared distance of the normalised pairs; 0 best, 4
    worst."""
    return float(
        (F.normalize(first.double(), dim=1) - F.normalize(second.double(), dim=1)).square().sum(1).mean()
    )


def uniformity(features: Tensor) -> float:
    """[n, D] -> log mean exp(-2 |x - x'|^2) over the pairs of normalised rows; 0 when all are equal."""
    distances = torch.pdist(F.normalize(features.double(), dim=1)).square()
    return float(torch.logsumexp(-2 * distances, dim=0) - math.log(len(distances)))


def diagnose(clean: Tensor, views: tuple[Tensor, Tensor]) -> dict[str, float]:
    """Features [n, D] of clean samples and [m, D] twice of two augmented views of samples -> named figures.

    spread: feature_std * sqrt(D), so that 1 is the healthy limit for every D. rank: of the features.
    centred_rank: of the features less their mean, which tells one line from many directions even far from
    the origin. scale: root mean square of the features. decay, lidar, correlation: see `spectrum`.
    All are nan where a feature is not finite. What each is of a dead representation: `symptoms.levels`.
    """
    if not bool(torch.isfinite(torch.cat([clean, *views])).all()):
        return dict.fromkeys(FIGURES, math.nan)
    return {
        "spread": feature_std(clean) * math.sqrt(clean.shape[1]),
        "rank": effective_rank(clean),
        "centred_rank": _entropy_rank((values := spectrum(clean)).sqrt()),
        "decay": decay(values),
        "lidar": lidar(torch.stack(views, dim=1)),
        "correlation": correlation(clean),
        "scale": float(clean.double().square().mean().sqrt()),
        "alignment": alignment(*views),
        "uniformity": uniformity(clean),
    }


def health(features: Tensor) -> dict[str, float]:
    """Frozen features [n, D] -> std of the normalised ones, spread (std * sqrt D: 1 healthy, 0 one point),
    effective_rank, effective_rank_fraction (of the largest there can be), centred_rank, uniformity, dimensions."""
    return {
        "std": (std := feature_std(features)),
        "spread": std * math.sqrt(features.shape[1]),
        "effective_rank": (rank := effective_rank(features)),
        "effective_rank_fraction": rank / min(features.shape),
        "centred_rank": effective_rank(features - features.mean(dim=0)),
        "uniformity": uniformity(features),
        "dimensions": float(features.shape[1]),
    }


def _entropy_rank(singular: Tensor) -> float:
    shares = singular / singular.sum().clamp_min(torch.finfo(torch.float64).tiny) + 1e-7
    return math.exp(-float((shares * shares.log()).sum()))
