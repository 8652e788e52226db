"""What a fine-tuning for numbers learns from: labels and views; never a test row.

Letters: N training samples, n labels.
"""

from pathlib import Path
from typing import Any

import numpy as np

from components.arrays import Doubles, Ints
from components.data.table import Table
from components.training.device import place
from components.training.finetune_numbers import Numbers
from components.wording import counted
from pipelines.engine.context import Context
from pipelines.inference.samples import samples_of
from pipelines.stages.finetune.regression.config import NumberFinetuneConfig

FEWEST = 10  # labels below which nothing is learnt: no interval of theirs says anything


def lacking(table: Table) -> str | None:
    """Why nothing can be learnt from the labels, and what to do; None where something can."""
    rows = table.labelled_rows()
    if len(rows) < FEWEST:
        tests = len(table.test_rows())
        beside = f" (and {tests} of test samples, which are never trained on)" if tests else ""
        return f"{counted(len(rows), 'label')} to learn from{beside}, and {FEWEST} are needed; label more samples"
    assert table.target is not None
    values = table.target[rows]
    if values.max() == values.min():
        return (
            f"all {len(rows)} labels are the same number, {values[0]:g}, so there is nothing to predict; check that "
            "the right column is the target"
        )
    return None


def numbers_of(
    request: NumberFinetuneConfig,
    snapshot_of: str,
    snapshot: Any,
    table: Table,
    folder: Path,
    context: Context,
) -> Numbers:
    """snapshot_of: reference of the snapshot; snapshot: its output."""
    samples = samples_of(snapshot_of, snapshot, context)
    rows = table.train_rows()
    usual = samples.views.policy(request.views or samples.views.usual)
    assert table.target is not None
    own = table.labelled_rows()
    values = table.target[own].astype(np.float64)
    mean, scale = float(values.mean()), float(values.std())
    return Numbers(
        packed=samples.open(rows),
        views=samples.views,
        weak=request.weak or usual.weak,
        strong=request.strong or usual.strong,
        placement=place(context.settings.device, request.precision),
        folder=folder / "checkpoints",
        cores=context.settings.cores,
        labelled=np.searchsorted(rows, own),
        targets=(values - mean) / scale,
        mean=mean,
        scale=scale,
    )


def folds_of(targets: Doubles, folds: int, seed: int) -> Ints:
    """[n] the fold in which each label is held out: neighbours in size lie in different folds, by chance.

    Raises:
        ValueError: fewer labels than folds.
    """
    if len(targets) < folds:
        raise ValueError(f"as many labels as folds are needed, got {len(targets)} labels and {folds} folds")
    rng, order = np.random.default_rng(seed), np.argsort(targets, kind="stable")
    of = np.empty(len(targets), dtype=np.int64)
    for start in range(0, len(order), folds):
        rows = order[start : start + folds]
        of[rows] = rng.permutation(folds)[: len(rows)]
    return of
