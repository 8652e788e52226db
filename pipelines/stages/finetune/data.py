"""What a fine-tuning learns from: labels, kept pseudo-labels, views; never a test row."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from components.arrays import Ints
from components.data.table import Table
from components.training.device import place
from components.training.finetune import Material
from components.wording import counted
from pipelines.engine.context import Context
from pipelines.inference.samples import samples_of
from pipelines.stages.finetune.config import FinetuneConfig


def material_of(
    request: FinetuneConfig,
    pseudo_label: str,
    snapshot_of: str,
    snapshot: Any,
    table: Table,
    folder: Path,
    context: Context,
) -> Material:
    """snapshot_of, pseudo_label: references of the snapshot and of the pseudo-labels. Views that the recipe does not
    say itself are the usual ones until they are measured."""
    samples = samples_of(snapshot_of, snapshot, context)
    rows, usual = table.train_rows(), samples.views.policy(samples.views.usual)
    labelled = np.searchsorted(rows, table.labelled_rows())
    pseudo = context.output(pseudo_label)
    columns = ["row", "class", "confidence", "kept", "source"]
    given = pq.read_table(context.file(pseudo_label, pseudo.pseudo_labels), columns=columns)
    kept = given["kept"].to_numpy() & (np.array(given["source"].to_pylist()) != "label")
    if not np.isin(given["row"].to_numpy()[kept], rows).all():
        raise AssertionError("a pseudo-label of a row that is not for training")
    number = {name: i for i, name in enumerate(snapshot.classes)}
    names = [name for name, keep in zip(given["class"].to_pylist(), kept, strict=True) if keep]
    return Material(
        packed=samples.open(rows),
        views=samples.views,
        classes=len(snapshot.classes),
        labelled=labelled,
        labels=table.label[rows[labelled]].astype(np.int64),
        kept=np.searchsorted(rows, given["row"].to_numpy()[kept]),
        kept_labels=np.array([number[name] for name in names], dtype=np.int64),
        confidence=given["confidence"].to_numpy()[kept].astype(np.float64),
        weak=request.weak or usual.weak,
        strong=request.strong or usual.strong,
        placement=place(context.settings.device, request.precision),
        folder=folder / "checkpoints",
        cores=context.settings.cores,
        source=None if table.source is None else table.source[rows],
    )


def with_views(material: Material, request: FinetuneConfig, policy: str) -> Material:
    """The same with the views of a policy, where the recipe does not say them itself."""
    chosen = material.views.policy(policy)
    return replace(material, weak=request.weak or chosen.weak, strong=request.strong or chosen.strong)


def warn(classes: Sequence[str], present: Ints, context: Context) -> str:
    missing = [name for i, name in enumerate(classes) if i not in present]
    if not missing:
        return ""
    names = ", ".join(missing)[:200]
    note = f"no label to learn from, so never predicted: {counted(len(missing), 'class')}, {names}"
    context.say(note)
    return note
