"""Pairs of an image and a caption in one space: which caption belongs to which image, and which class an image has by
the captions that stand for classes.

Sources: retrieval both ways by recall at k, as on Flickr30K (Karpathy & Fei-Fei 2015, arXiv:1412.2306, section 4.1);
zero-shot classification by prompts: CLIP (Radford et al. 2021, arXiv:2103.00020), section 3.1.4; ridge regression from
the features of one side to those of the other, its strength chosen by leaving one pair out (Allen 1974, PRESS).
Letters: M test pairs, N training pairs, E size of the common space, K classes, P prompts of a class, D, F features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrays import Doubles, Floats, Ints
from components.errors import UserError
from components.evaluation.classification.bootstrap import Interval, share_interval

Points = NDArray[np.floating]
KS = (1, 5, 10)
STRENGTHS = tuple(
    float(strength) for strength in np.logspace(-3, 4, 15)
)  # times the mean variance of the features


def ranks(queries: Points, gallery: Points) -> Ints:
    """[M] how many of the gallery are at least as near to query i, by cosine, as the gallery's own row i; 0 is best.

    Ties count against the query, so that a space in which all is one point finds nothing.
    """
    cosine = unit(queries) @ unit(gallery).T
    own = np.diagonal(cosine)[:, None]
    found: Ints = (cosine >= own).sum(axis=1).astype(np.int64) - 1
    return found


def recalls(queries: Points, gallery: Points, ks: Sequence[int] = KS) -> dict[int, Interval]:
    """k -> share of the M queries whose own row of the gallery is among the k nearest, with its Wilson interval.

    Raises:
        UserError: not two [M, E] of M >= 2.
    """
    if queries.shape != gallery.shape or queries.ndim != 2 or len(queries) < 2:
        raise UserError(
            "array-invalid",
            f"retrieval needs two sides [M, E] of at least 2 pairs, got {list(queries.shape)} and "
            f"{list(gallery.shape)}",
        )
    rank = ranks(queries, gallery)
    return {k: share_interval(int((rank < k).sum()), len(rank)) for k in ks}


def both_ways(image: Floats, text: Floats, ks: Sequence[int] = KS) -> dict[str, float]:
    """`image_to_text_K` and `text_to_image_K`, each with _low and _high."""
    found = {"image_to_text": recalls(image, text, ks), "text_to_image": recalls(text, image, ks)}
    return named({f"{way}_{k}": share for way, of in found.items() for k, share in of.items()})


def named(found: Mapping[str, Interval]) -> dict[str, float]:
    """Each figure under its name, and the ends of its interval behind it."""
    return {
        f"{name}{end}": float(value)
        for name, share in found.items()
        for end, value in (("", share.value), ("_low", share.low), ("_high", share.high))
    }


def zero_shot(images: Floats, prompts: Floats) -> Ints:
    """[M, E] images and [K, P, E] prompts -> [M] the class whose prompts' mean direction is the nearest by cosine."""
    classes = unit(unit(prompts).mean(axis=1))
    found: Ints = (unit(images) @ classes.T).argmax(axis=1).astype(np.int64)
    return found


@dataclass(frozen=True)
class Between:
    """Ridge regression from [_, D] to [_, F]. strength: the chosen one."""

    weight: Doubles
    shift: Doubles
    mean: Doubles
    strength: float

    def predict(self, features: Floats) -> Doubles:
        """[M, D] -> [M, F], less the mean over the training pairs."""
        found: Doubles = (features.astype(np.float64) - self.shift) @ self.weight
        return found


def fit_between(features: Floats, targets: Floats, strengths: Sequence[float] = STRENGTHS) -> Between:
    """Minimises |Y - X W|^2 + strength * v |W|^2 of centred X [N, D] and Y [N, F], v the mean squared singular value of
    X; the strength with the smallest squared error over pairs that are left out one at a time.

    Raises:
        ValueError: fewer than three pairs.
    """
    if len(features) != len(targets) or len(features) < 3:
        raise ValueError(f"three pairs at least are needed, got {len(features)} and {len(targets)}")
    x, y = np.asarray(features, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    shift, mean = x.mean(axis=0), y.mean(axis=0)
    u, s, v = np.linalg.svd(x - shift, full_matrices=False)
    along, size = u.T @ (y - mean), float((s**2).mean())
    best: tuple[float, float] | None = None
    for strength in strengths:
        shrunk = s**2 / (s**2 + strength * size)
        leverage = (u**2) @ shrunk + 1 / len(x)
        residual = (y - mean - u @ (shrunk[:, None] * along)) / np.maximum(1 - leverage, 1e-9)[:, None]
        error = float((residual**2).mean())
        if best is None or error < best[0]:
            best = error, strength
    assert best is not None
    weight = v.T @ ((s / (s**2 + best[1] * size))[:, None] * along)
    return Between(weight, shift, mean, best[1])


def by_ridge(
    own: tuple[Floats, Floats], asked: tuple[Floats, Floats], ks: Sequence[int] = KS
) -> dict[str, float]:
    """both_ways of features that were learnt apart: a regression from each side to the other, fitted on the training
    pairs `own` ([N, D], [N, F]), and the pairs `asked` ([M, D], [M, F])."""
    forth, back = fit_between(own[0], own[1]), fit_between(own[1], own[0])
    image, text = asked
    found = {
        "image_to_text": recalls(forth.predict(image), text - forth.mean, ks),
        "text_to_image": recalls(back.predict(text), image - back.mean, ks),
    }
    return named({f"{way}_{k}": share for way, of in found.items() for k, share in of.items()})


def unit(x: NDArray[np.floating]) -> Doubles:
    """[..., E] at length 1; a row of length 0 stays."""
    wide = np.asarray(x, dtype=np.float64)
    found: Doubles = wide / np.maximum(np.linalg.norm(wide, axis=-1, keepdims=True), 1e-12)
    return found
