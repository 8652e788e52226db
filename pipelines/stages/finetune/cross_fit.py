"""Cross-fitting: every label predicted by a training that was not given it, so that none is held out for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.arrays import Doubles, Ints
from components.evaluation.classification.calibration import fit_temperature, log_loss, softmax
from components.evaluation.classification.conformal import Sets, fit_sets
from components.evaluation.classification.folds import possible_folds, stratified_folds
from components.training.finetune import Material
from pipelines.stages.finetune.config import CrossFitConfig


@dataclass(frozen=True)
class Held:
    """Labels that were held out in turn: logits [h, K] of trainings that did not see them, labels [h], their rows [h]
    among all labels, and the fold [h] each was in."""

    logits: Doubles
    labels: Ints
    rows: Ints
    fold: Ints

    @property
    def accuracy(self) -> float:
        return float((self.logits.argmax(axis=1) == self.labels).mean())

    @property
    def loss(self) -> float:
        return log_loss(self.logits, self.labels)

    @property
    def temperature(self) -> float:
        return fit_temperature(self.logits, self.labels)

    def sets(self, config: CrossFitConfig, temperature: float) -> Sets:
        """Sets of classes that lack the true one in a share `miss` of the samples at most, of a model that answers at
        `temperature`."""
        p = softmax(self.logits / temperature)
        return fit_sets(p, self.labels, miss=config.miss, score=config.score, by_class=config.by_class)

    def save(self, file: Path, table_rows: Ints) -> None:
        """Parquet: row of the snapshot's table, label, fold, logit_0 .. (without the temperature)."""
        columns: dict[str, NDArray[np.generic]] = {
            "row": table_rows[self.rows],
            "label": self.labels,
            "fold": self.fold,
        }
        columns |= {f"logit_{k}": self.logits[:, k] for k in range(self.logits.shape[1])}
        pq.write_table(pa.table(columns), file, compression="zstd")


def lead_of(one: Held, other: Held, errors: float = 1.0) -> tuple[float, float] | None:
    """By how much more of the same held-out labels `one` has right, and the standard error of that; None where it is
    not ahead by more than so many standard errors. .1 and .03 where of 100 labels 10 differ, all in favour of one."""
    ahead = (one.logits.argmax(axis=1) == one.labels) * 1.0 - (other.logits.argmax(axis=1) == other.labels)
    error = float(ahead.std(ddof=1) / len(ahead) ** 0.5) if len(ahead) > 1 else 1.0
    gain = float(ahead.mean())
    return None if gain <= errors * error + 1e-9 else (gain, error)


def folds_of(labels: Ints, wanted: int, seed: int) -> Ints | None:
    """[n] the fold in which each label is held out, -1 for one that is alone in its class; None where none can be."""
    folds = possible_folds(labels, wanted) if wanted >= 2 else 0
    if not folds:
        return None
    of = np.full(len(labels), -1, dtype=np.int64)
    several = np.flatnonzero(np.bincount(labels)[labels] > 1)
    of[several] = stratified_folds(labels[several], folds, seed)
    return of


def held_out(of: Ints, parts: Sequence[Doubles], material: Material) -> Held:
    """Every label that is not alone in its class, as predicted by the training that was not given it.

    Args:
        of: [n] as folds_of gives it. parts: for each fold, logits [h, K] of its labels, in order.
    """
    held = np.zeros((len(of), material.classes))
    for fold, part in enumerate(parts):
        held[of == fold] = part
    return Held(held[of >= 0], material.labels[of >= 0], np.flatnonzero(of >= 0), of[of >= 0])
