"""What a k-means over shards draws: the points that it starts from, and its mini-batches.

Source: Arthur & Vassilvitskii 2007 (k-means++), on a sample of rows.
Letters: D dimensions, K clusters.
"""

import numpy as np

from components.arrays import Floats, Ints
from components.clustering.kmeans import plus_plus
from components.clustering.workers import Ask, merged
from components.errors import UserError


def first_of(ask: Ask, rows: list[int], clusters: int, rng: np.random.Generator) -> Floats:
    """[K, D]: k-means++ on a sample of max(16 K, 8192) points."""
    size = max(16 * clusters, 8192)
    everything = sum(rows)
    picked = (
        np.arange(everything) if everything <= size else np.sort(rng.choice(everything, size, replace=False))
    )
    ends = np.cumsum(rows)
    wanted = {
        s: own - (ends[s] - rows[s])
        for s, own in enumerate(np.split(picked, np.searchsorted(picked, ends)[:-1]))
    }
    taken = merged(ask("take", wanted))
    sample = np.concatenate([taken[s] for s in range(len(rows))])
    if everything <= size and len(np.unique(sample, axis=0)) < clusters:
        raise UserError("too-few-distinct-points", too_few(clusters))
    return plus_plus(sample, clusters, rng)


def mini_batch(
    parts: list[tuple[int, int]], batch: int, seed: int, done: int, shards: int
) -> dict[int, Ints]:
    """shard -> chunks of the mini-batch after `done` others; every chunk has its turn before one has two.

    parts: (shard, chunk) of every chunk there is.
    """
    rounds, at = np.divmod(np.arange(done * batch, (done + 1) * batch), len(parts))
    orders = {
        r: np.random.default_rng([seed, 1, r]).permutation(len(parts)) for r in np.unique(rounds).tolist()
    }
    picked = [parts[orders[r][i]] for r, i in zip(rounds.tolist(), at.tolist(), strict=True)]
    return {s: np.array(sorted(c for own, c in picked if own == s), dtype=np.int64) for s in range(shards)}


def too_few(clusters: int) -> str:
    return (
        f"k-means needs as many distinct points as clusters, got fewer than {clusters}; ask for fewer, or look "
        "whether the features have collapsed"
    )
