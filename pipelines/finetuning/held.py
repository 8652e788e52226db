"""Cross-fitting: every label answered by a training that was not given it, so that none is held out for good."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.evaluation.calibration import fit_temperature, log_loss
from components.evaluation.folds import possible_folds, stratified_folds
from components.training.fewlabels import Material, logits
from components.training.loop import Trained

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """Labels that were held out in turn: logits [h, K] of trainings that did not see them, labels [h]."""

    logits: Doubles
    labels: Ints

    @property
    def accuracy(self) -> float:
        return float((self.logits.argmax(axis=1) == self.labels).mean())

    @property
    def loss(self) -> float:
        return log_loss(self.logits, self.labels)

    @property
    def temperature(self) -> float:
        return fit_temperature(self.logits, self.labels)


def hold_out(one: Callable[[Ints, int], Trained], wanted: int, seed: int, material: Material) -> Held | None:
    """Every label that is not alone in its class, answered by the training that was not given it."""
    folds = possible_folds(material.labels, wanted) if wanted >= 2 else 0
    if not folds:
        return None
    fold = np.full(len(material.labels), -1, dtype=np.int64)
    several = np.flatnonzero(np.bincount(material.labels)[material.labels] > 1)
    fold[several] = stratified_folds(material.labels[several], folds, seed)
    held = np.zeros((len(fold), material.classes))
    for k in range(folds):
        held[fold == k] = logits(one(np.flatnonzero(fold != k), k), material, material.labelled[fold == k])
    return Held(held[fold >= 0], material.labels[fold >= 0])
