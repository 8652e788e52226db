"""Is the representation alive? Figures that need no labels, and the verdict on them.

Sources: standard deviation of normalised embeddings, Chen & He 2021 (arXiv:2011.10566), section 4.1;
RankMe, Garrido
et al. 2023 (arXiv:2210.02885), equation 3; alignment and uniformity, Wang & Isola 2020 (arXiv:2005.10242),
eq. 1, 2.
Letters: n samples, D feature size.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

FLAT = 0.02  # spread below which features are one point: healthy ones lie between .2 and 1
THIN = 1.5  # effective rank of centred features below which they vary along one line only
STUCK = 0.01  # share of ln K within which a clustering loss has learnt nothing


def feature_std(features: Tensor) -> float:
    """[n, D] -> mean over dimensions of the (population) standard deviation of the normalised rows.

    1 / sqrt(D) when they are spread evenly over the sphere, 0 when they are one point.
    """
    return float(F.normalize(features.double(), dim=1).std(dim=0, correction=0).mean())


def effective_rank(features: Tensor) -> float:
    """[n, D] -> RankMe: exp of the entropy of the normalised singular values, 1 to min(n, D).

    p_k = s_k / sum s + 1e-7, as published. The identity of size 8 gives 8.0000069.
    """
    values = torch.linalg.svdvals(features.double())
    shares = values / values.sum().clamp_min(torch.finfo(torch.float64).tiny) + 1e-7
    return math.exp(-float((shares * shares.log()).sum()))


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
    """Features [n, D] of the clean samples and of two augmented views of them -> named figures.

    spread: feature_std * sqrt(D), so that 1 is the healthy limit for every D. rank: of the features;
        centred_rank:
    of the features less their mean, which tells one line from many directions even far from the origin.
    """
    return {
        "spread": feature_std(clean) * math.sqrt(clean.shape[1]),
        "rank": effective_rank(clean),
        "centred_rank": effective_rank(clean - clean.mean(dim=0)),
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


def symptoms(figures: dict[str, float], *, loss: float, collapse_loss: float | None) -> list[str]:
    """What is wrong, each with its figure and its bound; empty for a live run.

    Args:
        figures: of `diagnose`.
        loss: mean training loss since the last check.
        collapse_loss: what the loss is when nothing is told apart (ln K for a clustering objective), None
            if unknown.
    """
    found = []
    if figures["spread"] < FLAT:
        found.append(f"all features are nearly equal: spread {figures['spread']:.2g}, alive above {FLAT}")
    elif figures["centred_rank"] < THIN:
        found.append(f"features vary along one line: rank {figures['centred_rank']:.2f}, alive above {THIN}")
    if collapse_loss and abs(loss - collapse_loss) < STUCK * collapse_loss:
        found.append(
            f"the loss {loss:.4f} stays at {collapse_loss:.4f}, its value when nothing is told apart"
        )
    return found


REMEDIES = (
    "try a smaller learning rate, a larger batch, weaker views (larger scale, less jitter) or, if the loss was "
    "low from the start, stronger ones; for SwAV epsilon .03, about 3 prototypes a class and a longer freeze"
)
