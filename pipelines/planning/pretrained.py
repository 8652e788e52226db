"""Whether the images of a snapshot were pretrained on before, where there is no champion yet: labels that arrive then
change the snapshot, and cost no pretraining."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from components.data.table import Table
from pipelines.manifest import Manifest
from pipelines.planning.standing import BESIDE
from pipelines.store import Artifact, Context, is_finished, read_manifest


def pretrained(
    snapshot: str, asked: dict[str, dict[str, Any]], code: dict[str, str], context: Context
) -> dict[str, str]:
    """Stage -> the newest run of pretrain that gives what a training from scratch on this snapshot would, and of embed
    with its features. Nothing where there is none, or where it is of this very snapshot: it is found by its own name.

    asked, code: by stage, as today.
    """
    for reference, made in _runs("pretrain", asked, code, context):
        over = str(made.given["snapshot"])
        if over == snapshot:
            return {}
        if not made.given.get("start") and _same_training_data(snapshot, over, context):
            return {"pretrain": reference, **_features(snapshot, reference, asked, code, context)}
    return {}


def _features(
    snapshot: str, pretrain: str, asked: dict[str, dict[str, Any]], code: dict[str, str], context: Context
) -> dict[str, str]:
    for reference, made in _runs("embed", asked, code, context):
        over = str(made.given["snapshot"])
        if made.given["pretrain"] == pretrain and _same_training_data(snapshot, over, context):
            return {"embed": reference}
    return {}


def _runs(
    stage: str, asked: dict[str, dict[str, Any]], code: dict[str, str], context: Context
) -> Iterator[tuple[str, Manifest]]:
    """The runs of a stage that were asked the same by this recipe and made by today's code, the newest first."""
    found = []
    for file in context.store.glob(f"{stage}/*/manifest.json"):
        made = read_manifest(reference := f"{stage}/{file.parent.name}", context.store)
        if (
            made.recipe == context.recipe
            and made.code.startswith(code[stage])
            and _own(made.given) == _own(asked[stage])
        ):
            found.append((made.started, reference, made))
    for _, reference, made in sorted(found, key=lambda one: one[:2], reverse=True):
        yield reference, made


def _own(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key not in (*BESIDE, "pretrain")}


def _same_training_data(one: str, other: str, context: Context) -> bool:
    """Whether two snapshots have the same pixels row by row, of which the same rows may be trained on."""
    if not is_finished(other, context.store):
        return False
    outputs = [read_manifest(reference, context.store).output for reference in (one, other)]
    if outputs[0]["images"]["sha256"] != outputs[1]["images"]["sha256"]:
        return False
    tables = [
        Table.load(context.file(reference, Artifact.model_validate(output["table"])))
        for reference, output in zip((one, other), outputs, strict=True)
    ]
    return all(
        np.array_equal(getattr(tables[0], name), getattr(tables[1], name)) for name in ("ids", "split")
    )
