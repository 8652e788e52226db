"""Cross-fitting: every label answered by a training that was not given it, so that none is held out for good."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.evaluation.calibration import fit_temperature, log_loss, softmax
from components.evaluation.conformal import Sets, fit_sets
from components.evaluation.folds import possible_folds, stratified_folds
from components.training.fewlabels import Material, logits
from components.training.loop import Trained
from pipelines.finetuning.config import CrossFitConfig

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """Labels that were held out in turn: logits [h, K] of trainings that did not see them, labels [h], and their
    rows [h] among all labels."""

    logits: Doubles
    labels: Ints
    rows: Ints

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
        """Parquet: row of the snapshot's table, label, logit_0 .. (without the temperature)."""
        columns: dict[str, NDArray[np.generic]] = {"row": table_rows[self.rows], "label": self.labels}
        columns |= {f"logit_{k}": self.logits[:, k] for k in range(self.logits.shape[1])}
        pq.write_table(pa.table(columns), file, compression="zstd")


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
    return Held(held[fold >= 0], material.labels[fold >= 0], several)
