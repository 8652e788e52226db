"""How much each of several models has a say in their mean: by what they answered on labels that they had not seen.

Stacking of predictive distributions (Yao et al. 2018, arXiv:1704.02030, equation 7 with the logarithmic score): the
mixture of the models' probabilities that makes the held-out labels likeliest. Deviation: a Dirichlet prior of
`strength` pseudo-labels holds the weights near `prior`, so that few labels choose nothing and many labels choose
everything. The problem is concave, and is solved by expectation maximisation.
Letters: C models, n labels, K classes.
"""

import numpy as np
from numpy.typing import NDArray

from components.arrays import Doubles

STEPS, CLOSE = 2000, 1e-10


def stacked(held: Doubles, labels: NDArray[np.int64], prior: Doubles, strength: float) -> Doubles:
    """[C] weights, of sum 1.

    Args:
        held: [C, n, K] probabilities of labels that the models had not seen. labels: [n]. prior: [C] of sum 1, each
            above 0. strength: >= 0, in labels.

    Two models that give the truth .8 and .2 on every one of 10 labels, equal priors: at strength 0 (1, 0); as
    strength grows (.5, .5).

    Raises:
        ValueError: the shapes do not fit.
    """
    if held.ndim != 3 or len(prior) != len(held) or len(labels) != held.shape[1]:
        raise ValueError(f"[C, n, K], [n] and [C] needed, got {held.shape}, {labels.shape} and {prior.shape}")
    likelihood = np.maximum(held[:, np.arange(len(labels)), labels], 1e-12)
    weight = prior.astype(np.float64)
    for _ in range(STEPS):
        share = weight[:, None] * likelihood
        share /= share.sum(axis=0)
        better = (strength * prior + share.sum(axis=1)) / (strength + len(labels))
        moved = float(np.abs(better - weight).max())
        weight = better
        if moved < CLOSE:
            break
    return np.asarray(weight / weight.sum(), dtype=np.float64)
