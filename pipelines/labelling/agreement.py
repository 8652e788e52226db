"""How far two annotators agree on the samples that both labelled."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.evaluation.classification.kappa import kappa


@dataclass(frozen=True)
class Agreement:
    """Of an annotator with another. both: samples that both labelled. same: of them with equal labels. kappa: Cohen's,
    None where both labelled none."""

    annotator: str
    both: int
    same: int
    kappa: float | None


def annotator_agreement(annotator: str, own: Mapping[str, str], other: Mapping[str, str]) -> Agreement:
    """own, other: id -> label; "" counts as none. annotator: the other one's name."""
    both = sorted(id for id in own.keys() & other.keys() if own[id] and other[id])
    classes = sorted({label for id in both for label in (own[id], other[id])})
    place = {label: k for k, label in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    for id in both:
        counts[place[own[id]], place[other[id]]] += 1
    found = float(kappa(counts)) if both else None
    return Agreement(annotator, len(both), int(counts.trace()), found)
