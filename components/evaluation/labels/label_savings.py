"""How many labels does learning without labels save? Accuracy against the number of labels, for two kinds of features.

The user's own labels are taken away again: nested, stratified subsets of them, the head fitted on each and measured
on the same test samples, on our features and on what supervised learning alone has (the pixels). The curve is made
monotone (more labels do not harm: pooled adjacent violators) and read backwards, linear in the logarithm of the
number of labels. The interval is a bootstrap over the draws of subsets and the test samples together.
Letters: n labels, M test samples, D features, K classes, S sizes, R draws, B resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrays import Bools, Doubles, Ints
from components.evaluation.classification.logistic import Linear, fit_logistic
from components.evaluation.classification.probe import Probe

Floats = NDArray[np.floating]


def nested(labels: Ints, seed: int = 0) -> Ints:
    """[n] an order of the labels in which every beginning has the classes as equally as their counts allow."""
    rng = np.random.default_rng(seed)
    turn = np.empty(len(labels))
    for one in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == one))
        turn[rows] = np.arange(len(rows))
    return np.lexsort((rng.random(len(labels)), turn)).astype(np.int64)


def sizes_of(labels: Ints, steps: int = 5) -> list[int]:
    """At most `steps` numbers of labels: from one a class to all, each about the same factor above the one before."""
    least, most = max(2, len(np.unique(labels))), len(labels)
    if most <= least:
        return [most]
    return sorted({round(float(s)) for s in np.geomspace(least, most, steps)})


def right_by_size(
    probe: Probe,
    train: Floats,
    labels: Ints,
    test: Floats,
    truth: Ints,
    *,
    sizes: Sequence[int],
    draws: int = 5,
    seed: int = 0,
) -> Bools:
    """[R, S, M] whether a test sample is named right by logistic regression on so many of the labels.

    probe: fitted on all labels: its scaling and its strength serve every size, and with all labels it is the
    answer itself. train: [n, D], labels [n]; test: [M, D], truth [M].
    """
    scaled = (train - probe.mean) / probe.scale
    asked = ((test - probe.mean) / probe.scale).astype(np.float32)
    whole = _named(probe.linear, asked) == truth
    found = np.zeros((draws, len(sizes), len(truth)), dtype=bool)
    for draw in range(draws):
        order = nested(labels, seed + draw)
        for s, size in enumerate(sizes):
            if size == len(labels):
                found[draw, s] = whole
                continue
            rows = order[:size]
            linear = fit_logistic(
                scaled[rows], labels[rows], len(probe.linear.bias), strength=probe.choice.strength
            )
            found[draw, s] = _named(linear, asked) == truth
    return found


def monotone(values: Doubles) -> Doubles:
    """[S] -> the nearest [S] (least squares) that never falls: (1, 3, 2) becomes (1, 2.5, 2.5)."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        total, count = float(value), 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    return np.concatenate([np.full(count, total / count) for total, count in blocks])


def labels_for(accuracy: float, sizes: Sequence[int], curve: Doubles) -> float:
    """How many labels the monotone curve [S] needs for an accuracy: infinity above its end, and the first size
    where it begins above.

    Sizes 10 and 1000 with .5 and .7: .6 needs 100.
    """
    if accuracy > curve[-1]:
        return float("inf")
    at = int(np.searchsorted(curve, accuracy))  # the first that reaches it
    if at == 0:
        return float(sizes[0])
    low, high = curve[at - 1], curve[at]
    share = (accuracy - low) / (high - low)
    return float(np.exp((1 - share) * np.log(sizes[at - 1]) + share * np.log(sizes[at])))


@dataclass(frozen=True)
class Saving:
    """labels: how many of ours give what all of them give supervised learning; low, high: 95 % interval, infinity:
    more than there are. needed: how many supervised learning needs for what ours give with all; likewise."""

    labels: float
    low: float
    high: float
    needed: float
    needed_low: float
    needed_high: float


def saving(ours: Bools, alone: Bools, sizes: Sequence[int], *, resamples: int = 500, seed: int = 0) -> Saving:
    """From [R, S, M] of both on the same test samples."""
    draws, _, samples = ours.shape
    rng = np.random.default_rng(seed)
    counts = (
        rng.multinomial(samples, np.full(samples, 1 / samples), size=resamples).astype(np.float32).T / samples
    )
    drawn = rng.multinomial(draws, np.full(draws, 1 / draws), size=resamples) / draws  # [B, R]
    both = [np.einsum("br,rsb->bs", drawn, side.astype(np.float32) @ counts) for side in (ours, alone)]
    found = np.array([_read(a, b, sizes) for a, b in zip(*both, strict=True)])
    value = _read(ours.mean(axis=(0, 2)), alone.mean(axis=(0, 2)), sizes)
    low, high = np.quantile(found, [0.025, 0.975], axis=0, method="nearest")
    return Saving(value[0], float(low[0]), float(high[0]), value[1], float(low[1]), float(high[1]))


def _named(linear: Linear, x: Floats) -> Ints:
    found: Ints = (x @ linear.weight.T.astype(x.dtype) + linear.bias.astype(x.dtype)).argmax(axis=1)
    return found


def _read(ours: Doubles, alone: Doubles, sizes: Sequence[int]) -> tuple[float, float]:
    a, b = monotone(ours), monotone(alone)
    return labels_for(float(b[-1]), sizes, a), labels_for(float(a[-1]), sizes, b)
