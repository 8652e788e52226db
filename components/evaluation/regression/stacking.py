"""How much each of several models has a say in their mean: by what they predicted for labels that they had not seen.

Stacking (Wolpert 1992; Breiman 1996) on the simplex: the weighted mean of predictions with the largest likelihood of
the held-out labels under Gaussian errors, whose variance is that of the best model. Deviation: a Dirichlet prior of
`strength` pseudo-labels holds the weights near `prior`, so that few labels choose nothing and many labels choose
everything, as components.evaluation.classification.stacking does for classes. The variance is what makes the rule know
its noise: a difference between models that is small beside the errors of all of them moves the weights little. The
problem is convex, and is solved by Newton's method.
Letters: C models, n labels.
"""

import numpy as np

from components.arrays import Doubles

STEPS, CLOSE, LEAST = 200, 1e-10, 1e-3


def stacked_numbers(held: Doubles, targets: Doubles, prior: Doubles, strength: float) -> Doubles:
    """[C] weights, of sum 1, each above 0.

    Args:
        held: [C, n] predictions for labels that the models had not seen. targets: [n]. prior: [C] of sum 1, each above
            0. strength: > 0, in labels; the smallest is 0.001.

    Two models of which one is always right and the other wrong by 1, equal priors: the weight of the second falls as
    labels become more. Two models that predict the same: the prior.

    Raises:
        ValueError: the shapes do not fit.
    """
    if held.ndim != 2 or len(prior) != len(held) or len(targets) != held.shape[1]:
        raise ValueError(f"[C, n], [n] and [C] needed, got {held.shape}, {targets.shape} and {prior.shape}")
    strength = max(strength, LEAST)
    variance = max(float(((held - targets) ** 2).mean(axis=1).min()), 1e-12)
    square, along = held @ held.T / variance, held @ targets / variance

    def cost(w: Doubles) -> float:
        return float(w @ square @ w / 2 - along @ w - strength * prior @ np.log(w))

    weight = prior.astype(np.float64)
    count = len(weight)
    for _ in range(STEPS):
        gradient = square @ weight - along - strength * prior / weight
        system = np.zeros((count + 1, count + 1))
        system[:count, :count] = square + np.diag(strength * prior / weight**2)
        system[:count, count] = system[count, :count] = 1.0
        step = np.linalg.solve(system, np.append(-gradient, 0.0))[:count]
        falling = step < 0
        reach = min(1.0, 0.99 * float(np.min(-weight[falling] / step[falling], initial=np.inf)))
        before, slope = cost(weight), float(gradient @ step)
        while cost(weight + reach * step) > before + 1e-4 * reach * slope and reach > CLOSE:
            reach /= 2
        weight = weight + reach * step
        if -slope < CLOSE:
            break
    return np.asarray(weight / weight.sum(), dtype=np.float64)
