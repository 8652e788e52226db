"""Features in two dimensions: t-SNE of some samples, and every other sample beside those that are nearest to it.

t-SNE (van der Maaten & Hinton 2008, JMLR 9) as scikit-learn computes it, of LANDMARKS samples at most: a sample more
than that costs the product of its features with theirs. A map is begun from the one before, where there is one: t-SNE
keeps the arrangement that it starts from (Kobak & Linderman 2021, doi:10.1038/s41587-020-00809-z), so places on a map
keep their meaning from run to run.
Letters: N samples, L landmarks, D feature size.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from components.arrays import Doubles, Floats, Ints

LANDMARKS = 5_000
NEAREST = 5  # landmarks between which another sample lies
CHUNK = 8_192  # rows looked up at once
START = 1e-4  # spread of a start, as scikit-learn's from principal components


def project(
    features: Floats, ids: Sequence[str], before: Mapping[str, tuple[float, float]], seed: int
) -> Doubles:
    """Places [N, 2] of samples with features [N, D] of unit length; N >= 4.

    Args:
        ids: of the samples; landmarks are the first LANDMARKS in their order, which for hashes is a random choice that
            new samples change little.
        before: id -> its place on an earlier map, where the new one begins.
    """
    from sklearn.manifold import TSNE

    landmarks = np.sort(np.argsort(np.asarray(ids), kind="stable")[:LANDMARKS]).astype(np.int64)
    chosen = np.ascontiguousarray(features[landmarks], dtype=np.float32)
    start = _start(chosen, [before.get(ids[row]) for row in landmarks])
    perplexity = min(30.0, (len(chosen) - 1) / 3)
    tsne = TSNE(random_state=seed, init=start, perplexity=perplexity, max_iter=500, metric="euclidean")
    flat = tsne.fit_transform(chosen).astype(np.float64)
    places = np.empty((len(features), 2))
    count = min(NEAREST, len(chosen))
    for low in range(0, len(features), CHUNK):
        cosine = features[low : low + CHUNK] @ chosen.T
        nearest = np.argpartition(-cosine, count - 1, axis=1)[:, :count].astype(np.int64)
        places[low : low + CHUNK] = _between(np.take_along_axis(cosine, nearest, axis=1), nearest, flat)
    places[landmarks] = flat
    return places


def _start(features: Floats, known: Sequence[tuple[float, float] | None]) -> Floats:
    """[L, 2] to begin from: the places on the map before, a new sample's that of the nearest one that was on it; the
    first two principal components where fewer than half were."""
    there = np.flatnonzero([place is not None for place in known])
    if 2 * len(there) < len(known):
        _, _, axes = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
        flat = (features - features.mean(axis=0)) @ axes[:2].T
    else:
        old = np.array([place for place in known if place is not None], dtype=np.float64)
        nearest = np.argmax(features @ features[there].T, axis=1)
        nearest[there] = np.arange(len(there))
        flat = old[nearest] - old.mean(axis=0)
    if flat.shape[1] < 2:  # features of one number
        flat = np.hstack([flat, np.zeros_like(flat)])
    start: Floats = (flat / max(float(flat[:, 0].std()), 1e-12) * START).astype(np.float32)
    return start


def _between(cosine: Floats, nearest: Ints, flat: Doubles) -> Doubles:
    """The mean place of a sample's nearest landmarks, weighted by the inverse of their squared distances."""
    weights = 1.0 / np.maximum(2.0 - 2.0 * cosine.astype(np.float64), 1e-9)
    weights /= weights.sum(axis=1, keepdims=True)
    found: Doubles = np.einsum("nk,nkd->nd", weights, flat[nearest])
    return found
