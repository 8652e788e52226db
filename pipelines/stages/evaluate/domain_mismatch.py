"""Are the unlabelled samples of the labelled ones' kind? Where most are not, a gain over labels alone is not theirs.

Letters: n labelled, U unlabelled, M test samples, D features.
"""

import math
from dataclasses import replace

import numpy as np

from components.arrays import Floats
from components.errors import coded
from components.evaluation.classification.outliers import fit_neighbours, limit
from pipelines.stages.evaluate.benefit import Benefit

RATE = 0.05  # share of the test samples that may lie as far from all others with a label
MOST, EACH = 10, 100  # neighbours at most, and samples for one more of them
OTHERS = 0.5  # share of the unlabelled samples that lie farther, above which they are of another kind


def unlike(labelled: Floats, test: Floats, unlabelled: Floats) -> float | None:
    """Share of the unlabelled samples [U, D] that lie farther from those with a label than 95 % of the test samples
    [M, D] do: near .05 where all are of one kind, 1 where none is. By the angle between features, to the tenth
    neighbour where there are a thousand.

    Samples with a label are the [n, D] to learn from and the test samples too: one label a class knows little of what
    is usual. Not to the nearest neighbour, for a single odd test sample can lie where all foreign ones fall
    (docs/log.md).

    None where there is no unlabelled sample, or fewer than 19 test samples.
    """
    if not len(unlabelled) or not len(labelled):
        return None
    bank = np.concatenate([labelled, test])
    near = fit_neighbours(bank, k=min(MOST, 1 + len(bank) // EACH))
    others = replace(near, k=near.k + 1)  # of a test sample, the first is itself
    bound = limit(others.scores(test), RATE)
    return float((near.scores(unlabelled) > bound).mean()) if math.isfinite(bound) else None


def with_domain_mismatch(judged: Benefit, share: float | None) -> Benefit:
    """The verdict, with what follows from the share of unlabelled samples that are unlike all labelled ones."""
    if share is None or share < OTHERS:
        return judged
    warning = coded(
        "domain-mismatch",
        f"{share:.0%} of the unlabelled samples are unlike all labelled ones (5 % are usual), so they do not help; "
        "deliver samples of the kind that is to be told apart",
    )
    gain = "; the unlabelled samples are of another kind and have no part in that" * (judged.word == "better")
    return judged.model_copy(update={"line": judged.line + gain, "warnings": [*judged.warnings, warning]})
