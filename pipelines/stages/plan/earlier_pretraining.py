"""Whether the images of a snapshot were pretrained on before, where there is no champion yet: labels that arrive then
change the snapshot, and cost no pretraining."""

from collections.abc import Iterator

import numpy as np

from components.data.table import Table
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import is_finished, read_manifest
from pipelines.inference.samples import arrays_digest
from pipelines.stages.plan.champion_runs import BESIDE, Today, differing


def pretrained(snapshot: str, today: Today, context: Context) -> dict[str, str]:
    """Stage -> the newest run of pretrain that gives what a training from scratch on this snapshot would, and of embed
    with its features. Nothing where there is none, or where it is found by its own name.
    """
    for reference, made in _runs("pretrain", today, context):
        over = str(made.given["snapshot"])
        if over == snapshot and today.same_code(made):
            return {}
        if not made.given.get("start") and _same_training_data(snapshot, over, context):
            return {"pretrain": reference, **_features(snapshot, reference, today, context)}
    return {}


def _features(snapshot: str, pretrain: str, today: Today, context: Context) -> dict[str, str]:
    for reference, made in _runs("embed", today, context):
        over = str(made.given["snapshot"])
        if made.given["pretrain"] == pretrain and _same_training_data(snapshot, over, context):
            return {"embed": reference}
    return {}


def _runs(stage: str, today: Today, context: Context) -> Iterator[tuple[str, Manifest]]:
    """The runs of a stage that were asked the same by this recipe and stand for today's code, the newest first."""
    found = []
    for file in context.store.glob(f"{stage}/*/manifest.json"):
        made = read_manifest(reference := f"{stage}/{file.parent.name}", context.store)
        if (
            made.recipe == context.recipe
            and today.made(made)
            and not differing(made.given, today.asked[stage], (*BESIDE, "pretrain"))
        ):
            found.append((made.started, reference, made))
    for _, reference, made in sorted(found, key=lambda one: one[:2], reverse=True):
        yield reference, made


def _same_training_data(one: str, other: str, context: Context) -> bool:
    """Whether two snapshots have the same samples row by row, of which the same rows may be trained on."""
    if not is_finished(other, context.store):
        return False
    outputs = [read_manifest(reference, context.store).output for reference in (one, other)]
    if arrays_digest(outputs[0]) != arrays_digest(outputs[1]):
        return False
    tables = [
        Table.load(context.file(reference, Artifact.model_validate(output["table"])))
        for reference, output in zip((one, other), outputs, strict=True)
    ]
    return all(
        np.array_equal(getattr(tables[0], name), getattr(tables[1], name)) for name in ("ids", "split")
    )
