"""Which labels to name as probably wrong, and how many of those named are: an estimated precision, or none named.

A weak model disagrees with right labels as well: of 99 right ones confident learning named 45. Disagreement speaks
against labels only as far as there is more of it than the model's own errors explain. A label is read as

    P(label = k | x) = (1 - s) q_k + s (1 - q_k) / (K - 1),    q proportional to p ** b,

b and s by maximum likelihood on the held-out labels: q is the model's calibrated probability of the true class, s the
share of labels that are of any other class. (A temperature that is fitted without s takes wrong labels for errors of
the model, and never finds one.) q says how many of the right labels would be disputed with such a margin; what is
named beyond that number is wrong:

    precision = 1 - (1 - s) (expected disputes of right labels) / (labels named).

Nothing is named where that is below what was asked for, where s is not above 0 for certain (likelihood ratio, 1 %
one-sided), or where the model is by q wrong on more than half of the samples.

What it assumes: wrong labels are of any other class, and the model's errors follow its probabilities. A model that
is sure of classes taken at random cannot be told from wrong labels by any use of these labels. With a handful of wrong
labels the estimate is too high, because as many are named as it allows: logistic regression on 100 of scikit-learn's
digits of which 5 % are flipped says .64 where .36 are wrong (20 draws), on 400 .53 where .51 are.

Sources: Northcutt et al. 2021 (arXiv:1911.00068) for the disputed labels and their order; the mixture is that of
Mnih & Hinton 2012, with one share for all classes.
Letters: n labels, K classes, m named, G exponents.
"""

from dataclasses import dataclass

import numpy as np

from components.arrays import Doubles, Ints
from components.evaluation.labels.label_errors import Suspects, confident, suspects

GRID = np.geomspace(0.05, 20, 61)  # exponents b that are tried
CERTAIN = (
    5.41  # likelihood ratio from which s > 0: the 98 % quantile of chi-squared with one degree of freedom
)
MOST_ERROR = 0.5  # share of the samples that a model may have wrong that judges labels
TINY = 1e-12


@dataclass(frozen=True)
class Noise:
    """q: [n, K] calibrated probabilities of the true class. share: of wrong labels. ratio: twice the gain in log
    likelihood over share 0."""

    q: Doubles
    share: float
    ratio: float

    @property
    def error(self) -> float:
        """Share of the samples on which the model is wrong about the true class, by its calibrated probabilities."""
        return float(1 - self.q.max(axis=1).mean())

    def wrong(self, labels: Ints, rows: Ints) -> Doubles:
        """[m] probability that the label of each row is wrong."""
        own = self.q[rows, labels[rows]]
        drawn = self.share * (1 - own) / (self.q.shape[1] - 1)
        return np.asarray(drawn / np.maximum((1 - self.share) * own + drawn, TINY), dtype=np.float64)


@dataclass(frozen=True)
class Named:
    """suspects: the labels that are named, those with the most negative margin first. wrong: [m] probability that
    each is wrong. precision: estimated share of them that is, None where none is named. disputed: labels that
    confident learning disputes. why: a sentence where some are disputed and none is named."""

    suspects: Suspects
    wrong: Doubles
    precision: float | None
    disputed: int
    why: str


def fit_noise(p: Doubles, labels: Ints) -> Noise:
    """Exponent and share of wrong labels by maximum likelihood. p: [n, K], K > 1; labels: [n]."""
    each = np.arange(len(p))
    own = np.stack([powered(p, b)[each, labels] for b in GRID])  # [G, n]
    other = (1 - own) / (p.shape[1] - 1)
    low, high = np.zeros(len(GRID)), np.full(len(GRID), 0.5)
    for _ in range(40):  # the likelihood is concave in the share
        middle = (low + high) / 2
        slope = ((other - own) / np.maximum(own + middle[:, None] * (other - own), TINY)).sum(axis=1)
        low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    likelihood = np.log(np.maximum(own + low[:, None] * (other - own), TINY)).sum(axis=1)
    best = int(likelihood.argmax())
    without = np.log(np.maximum(own, TINY)).sum(axis=1).max()
    return Noise(powered(p, GRID[best]), float(low[best]), 2 * float(likelihood[best] - without))


def powered(p: Doubles, exponent: float) -> Doubles:
    """[n, K] p ** exponent, each row divided by its sum: softmax of logits that are multiplied by the exponent."""
    logits = exponent * np.log(np.maximum(p, TINY))
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


def expected_disputes(p: Doubles, labels: Ints, q: Doubles, margin: Doubles) -> Doubles:
    """[m] how many of n labels drawn from q would be disputed with at most each margin.

    p, labels: what the disputes and their margins are computed from. margin: [m], ascending.
    """
    found, top = confident(p, labels), p.argmax(axis=1)
    rows = np.flatnonzero(found >= 0)
    disputed = np.ones((len(rows), p.shape[1]), dtype=bool)
    disputed[np.arange(len(rows)), found[rows]] = disputed[np.arange(len(rows)), top[rows]] = False
    of = (p[rows] - p[rows].max(axis=1, keepdims=True))[disputed]
    order = np.argsort(of, kind="stable")
    mass = np.concatenate([[0.0], np.cumsum(q[rows][disputed][order])])
    return np.asarray(mass[np.searchsorted(of[order], margin, side="right")], dtype=np.float64)


def named(p: Doubles, labels: Ints, least: float = 0.5) -> Named:
    """The labels to name: of the disputed ones, in their order, as many as have an estimated precision of `least`.

    Args:
        p: [n, K] probabilities of each sample by a model that was not given its label. labels: [n].

    Raises:
        UserError: shapes do not fit, or p are no probabilities.
    """
    found = suspects(p, labels)
    p, labels = np.asarray(p, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    disputed = len(found.rows)
    if not disputed:
        return Named(found, np.empty(0), None, 0, "")
    noise = fit_noise(p, labels)
    count = np.arange(1, disputed + 1)
    right = (1 - noise.share) * expected_disputes(p, labels, noise.q, found.margin)
    precision = np.clip(1 - right / count, 0, 1)
    enough = np.flatnonzero(precision >= least)
    if noise.ratio <= CERTAIN or noise.error > MOST_ERROR or not len(enough):
        none = Suspects(found.rows[:0], found.likely[:0], found.margin[:0])
        return Named(none, np.empty(0), None, disputed, _silence(noise, disputed, len(labels), least))
    last = int(enough[-1]) + 1
    rows = found.rows[:last]
    kept = Suspects(rows, found.likely[:last], found.margin[:last])
    return Named(kept, noise.wrong(labels, rows), float(precision[last - 1]), disputed, "")


def _silence(noise: Noise, disputed: int, labels: int, least: float) -> str:
    models = f"models that had not seen them dispute {disputed} of {labels} labels"
    error = f"{noise.error:.0%}"
    if noise.error > MOST_ERROR:
        return (
            f"{models}, but by their calibrated probabilities are wrong on {error} of the samples themselves"
        )
    if noise.ratio <= CERTAIN:
        return f"{models}, which their own error rate of {error} explains without a wrong label"
    return f"{models}, but fewer than {least:.0%} of those are estimated to be wrong, at any margin"
