"""Poisson learning: labels as sources and sinks of a flow through the graph of nearest neighbours, for few labels.

Source: Calder, Cook, Thorpe & Slepcev 2020 (arXiv:2006.11184), section 2: L u = sum over labels j of (y_j - mean y)
at j, L = D - W; and PoissonMBO (algorithm 2): steps of the heat equation with that source, then thresholding, in turn.
The harmonic solution is flat away from few labels; the flow between them has a slope everywhere.
Differs: each connected component is a problem of its own, with the mean of its own labels, as nothing flows between
components; potentials become probabilities by a softmax (the authors take the largest); MBO stops where no sample
changes its class, and without known class shares it thresholds plainly, with shares by `align`.
Letters: N samples, L labelled samples, C classes, G components.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from components.arrays import Bools, Doubles, Floats, Ints
from components.clustering.cluster_labels import align
from components.errors import UserError

SHARPNESS = 3.0
"""Of the softmax: logits are this many times the potentials by their root mean square. Expected calibration error on
the quickstart's features with 1, 10 and 40 labels a class: .14, .06, .08; with 2 in its place .07, .16, .18, with 4
.17, .05, .04. The stage calibrates further."""


@dataclass(frozen=True)
class Mbo:
    """Of PoissonMBO, as published: heat steps between thresholdings, thresholdings at most, weight of the source."""

    steps: int = 40
    rounds: int = 20
    source: float = 1.0


@dataclass(frozen=True)
class Flow:
    """A graph and its labels as a Poisson problem.

    weights: [N, N] W, diagonal 0. degree: [N]. component: [N] in [0, G). source: [N, C], sums to 0 in each component.
    held: [G, C] whether a component holds a label of the class.
    """

    weights: sparse.csr_array
    degree: Doubles
    component: Ints
    source: Doubles
    held: Bools

    @property
    def reached(self) -> Bools:
        """[N] whether there is a label in the sample's component."""
        return np.asarray(self.held.any(axis=1))[self.component]


def flow(weights: sparse.csr_array, rows: Ints, labels: Ints, classes: int) -> Flow:
    """The problem of labels [L] at rows [L].

    Raises:
        UserError: not one class in [0, C) for each row.
    """
    if len(rows) != len(labels) or (len(labels) and not 0 <= labels.min() <= labels.max() < classes):
        raise UserError(
            "lengths-differ",
            f"naming needs a class in [0, {classes}) for each labelled row, got {len(rows)} rows and "
            f"{len(labels)} labels",
        )
    wide = weights.astype(np.float64)
    count, component = csgraph.connected_components(wide, directed=False)
    given = np.zeros((count, classes))
    np.add.at(given, (component[rows], labels), 1.0)
    shares = given / np.maximum(given.sum(axis=1, keepdims=True), 1)
    source = np.zeros((wide.shape[0], classes))
    source[rows, labels] = 1.0
    source[rows] -= shares[component[rows]]
    degree = np.asarray(wide.sum(axis=1), dtype=np.float64).ravel()
    return Flow(wide, degree, component.astype(np.int64), source, given > 0)


def potentials(of: Flow, *, tolerance: float = 1e-6, iterations: int = 2000) -> Doubles:
    """[N, C] u with L u = source, of mean 0 in each component, weighted by degree; 0 where no labels differ."""
    root = np.where(of.degree > 0, of.degree, 1.0) ** -0.5
    scale = sparse.diags_array(root)
    spread = sparse.csr_array(scale @ of.weights @ scale)
    found = conjugate_gradient(
        lambda x: x - spread @ x, root[:, None] * of.source, tolerance=tolerance, iterations=iterations
    )
    u = root[:, None] * found
    groups = len(of.held)
    whole = np.maximum(np.bincount(of.component, of.degree, groups), 1e-300)
    for column in u.T:
        column -= (np.bincount(of.component, of.degree * column, groups) / whole)[of.component]
    return u


def poisson(
    weights: sparse.csr_array,
    rows: Ints,
    labels: Ints,
    classes: int,
    *,
    prior: NDArray[np.float64] | None = None,
) -> Floats:
    """[N, C] class probabilities by Poisson learning; rows sum to 1, uniform where no label reaches.

    Args:
        weights: [N, N] of `cluster_labels.affinities`. rows, labels: [L] the labelled samples and their classes.
        prior: [C] shares the classes are aligned to, or None.
    """
    problem = flow(weights, rows, labels, classes)
    return align(_probable(potentials(problem), problem), prior)


def poisson_mbo(
    weights: sparse.csr_array,
    rows: Ints,
    labels: Ints,
    classes: int,
    *,
    prior: NDArray[np.float64] | None = None,
    mbo: Mbo | None = None,
) -> Floats:
    """The same by PoissonMBO: how much of each class the last heat steps brought to a sample."""
    mbo, problem = mbo or Mbo(), flow(weights, rows, labels, classes)
    first = _probable(potentials(problem), problem)
    step = 1 / max(float(problem.degree.max(initial=0.0)), 1e-300)
    source, stays = mbo.source * step * problem.source, (1 - step * problem.degree)[:, None]
    reached, mass = problem.reached, first
    chosen = align(first, prior).argmax(axis=1)
    for _ in range(mbo.rounds):
        mass = np.eye(classes)[chosen]
        for _ in range(mbo.steps):
            mass = stays * mass + step * (problem.weights @ mass) + source
        before, chosen = chosen, align(np.clip(mass, 0, None), prior).argmax(axis=1)
        if np.array_equal(before, chosen):
            break
    return align(np.where(reached[:, None], np.clip(mass, 0, None), 1 / classes), prior)


def conjugate_gradient(
    apply: Callable[[Doubles], Doubles], wanted: Doubles, *, tolerance: float, iterations: int
) -> Doubles:
    """x [N, C] with apply(x) = wanted, each column by itself; apply symmetric and without negative eigenvalues.

    tolerance: of the residual's length, relative to that of the column of `wanted`.
    """
    x, residual = np.zeros_like(wanted), wanted.copy()
    direction, size = residual.copy(), (residual**2).sum(axis=0)
    enough = tolerance**2 * size
    for _ in range(iterations):
        if (size <= enough).all():
            break
        moved = apply(direction)
        length = np.where(size > enough, size / np.maximum((direction * moved).sum(axis=0), 1e-300), 0.0)
        x += length * direction
        residual -= length * moved
        before, size = size, (residual**2).sum(axis=0)
        direction = residual + size / np.maximum(before, 1e-300) * direction
    return x


def _probable(u: Doubles, of: Flow) -> Doubles:
    """Potentials [N, C] -> probabilities among the classes that a component holds; uniform where it holds none."""
    held, reached = of.held[of.component], of.reached
    differ = of.held.sum(axis=1)[of.component] > 1
    scale = float(np.sqrt((u[differ] ** 2).mean())) if differ.any() else 1.0
    logits = np.where(held | ~reached[:, None], SHARPNESS * u / max(scale, 1e-300), -np.inf)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))
