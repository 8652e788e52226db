"""Train on samples in memory, by the pipeline's own stages, in this process and below one folder.

Samples become a finished snapshot in a store of their own: packed by their modality, all of them for training. Ingest
and DVC have no part in it, since nothing is delivered and nothing has a version.

Letters: N samples, K classes.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter

from components.data.table import Table
from components.errors import UserError
from components.modalities.base import Modality
from components.modalities.registry import ModalityConfig, build_modality
from components.registry.served import load_model
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Identity, Manifest, write
from pipelines.engine.run_once import identify, run_once
from pipelines.engine.store import is_finished, part_of, publish, read_manifest
from pipelines.onboarding.kinds import policies_of
from pipelines.onboarding.label_survey import Labels
from pipelines.onboarding.recipe_template import render, suited
from pipelines.onboarding.survey import LOOK, Found
from pipelines.recipe import Recipe, load
from pipelines.settings import Settings
from pipelines.stages.snapshot import stage as snapshot_stage
from selfsup.models import Model

STAGES = ("pretrain", "embed", "pseudo_label", "finetune")
NAME = "samples"  # of the recipe


@dataclass(frozen=True)
class Job:
    """What a training is given. samples: each as a value of a request. labels: [N] places in `classes`, -1 where there
    is none. classes: K names, sorted."""

    recipe: Recipe
    samples: Sequence[Any]
    labels: NDArray[np.int64]
    classes: Sequence[str]


def suited_recipe(
    modality: Mapping[str, Any], samples: Sequence[Any], labels: NDArray[np.int64], budget: float
) -> Recipe:
    """The recipe that `selfsup init` would write for samples that are all for training.

    Args:
        modality: kind of the samples, as a recipe has it. labels: [N], -1 where there is none.
        budget: seconds of a whole run to aim at on two cores.

    Raises:
        UserError: samples cannot be read, or are all the same.
    """
    kind = _modality(modality)
    look = kind.look()
    looked = samples[:: -(-len(samples) // LOOK)]
    reasons = look.add([kind.to_sample(value) for value in looked])
    for place, reason in enumerate(reasons):
        if reason is not None:
            raise UserError(
                "samples-unreadable", f"sample {place} of those looked at cannot be read: {reason}"
            )
    if look.useless is not None:
        raise UserError("samples-all-alike", f"all {len(samples)} samples {look.useless}")
    counts = Counter(str(label) for label in labels[labels >= 0].tolist())
    found = Found(str(modality["name"]), look, len(samples), len(looked), labels=Labels(classes=counts))
    text = render(NAME, "inbox", found, suited(found, budget), policies_of(found.kind))
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{NAME}.yaml"
        file.write_text(text, encoding="utf-8")
        return load(file).with_overrides({"modality": dict(modality)})


def train(job: Job, folder: Path, processes: int) -> Model:
    """The model that the stage finetune gives. What is finished in `folder` is found and not repeated.

    Raises:
        UserError: the recipe does not suit the samples, or too little is labelled.
    """
    if processes > 1 and torch.get_num_threads() > 1:
        raise UserError(
            "invalid-option",
            f"more than one process requires one thread each, and torch has {torch.get_num_threads()}: set "
            "OMP_NUM_THREADS=1 before torch is imported, or leave n_jobs at 1",
        )
    folder = folder.absolute()
    settings = Settings(home=folder, data=folder / "data", cpus=processes)
    settings.store.mkdir(parents=True, exist_ok=True)
    done: dict[str, str] = {}
    with (folder / "log.txt").open("a") as log, redirect_stdout(log), torch.random.fork_rng():
        done["snapshot"] = _snapshot(job, settings)
        for stage in STAGES:
            identity = identify(stage, job.recipe.request(stage, done), settings, job.recipe.name)
            done[stage], _ = run_once(identity, settings)
        return _model(done["finetune"], job.recipe, settings)


def _model(reference: str, recipe: Recipe, settings: Settings) -> Model:
    made = read_manifest(reference, settings.store).output
    if made.get("skipped"):
        raise UserError("labels-too-few", f"no model was trained: {made['skipped']}")
    context = Context(store=settings.store, settings=settings, recipe=recipe.name)
    files = [Artifact.model_validate(made[name]) for name in ("model", "config")]
    places = [context.file(reference, file) for file in files]
    digests = {place.name: file.sha256 for place, file in zip(places, files, strict=True)}
    return Model(load_model(places[0].parent, digests), recipe.name, reference)


def _snapshot(job: Job, settings: Settings) -> str:
    """The reference of the samples as a finished snapshot."""
    modality = _modality(job.recipe.modality)
    encoded = [modality.to_sample(value) for value in job.samples]
    ids = [hashlib.sha256(data).hexdigest() for data in encoded]
    digest = hashlib.sha256(repr((ids, job.labels.tolist(), list(job.classes))).encode()).hexdigest()
    identity = Identity(
        stage="snapshot", version=snapshot_stage.VERSION, recipe=job.recipe.name,
        given={"modality": job.recipe.modality}, observed={"samples": digest}, code="",
    )  # fmt: skip
    if is_finished(identity.reference, settings.store):
        return identity.reference
    started, part = time.time(), part_of(identity.reference, settings.store)
    part.mkdir(parents=True, exist_ok=True)
    output = _packed(job, modality, encoded, ids, digest, part)
    request = snapshot_stage.Request.model_validate(identity.given)
    manifest = Manifest(
        **identity.model_dump(),
        request=request.model_dump(mode="json"),
        output=output.model_dump(mode="json"),
        started=started,
        seconds=time.time() - started,
    )
    write(part, manifest)
    publish(identity.reference, settings.store)
    return identity.reference


def _packed(
    job: Job, modality: Modality[Any, Any], encoded: list[bytes], ids: list[str], digest: str, folder: Path
) -> snapshot_stage.Output:
    """Arrays and table in `folder`, as the stage snapshot writes them."""
    rows = np.arange(len(encoded))
    written = modality.pack(lambda: [encoded], len(encoded), folder)
    if written.unreadable:
        place, reason = next(iter(written.unreadable.items()))
        raise UserError(
            "samples-unreadable", f"sample {place} of {len(encoded)} cannot be read: {reason}; leave it out"
        )
    unique = [
        f"{id[:52]}{place:012d}" for place, id in enumerate(ids)
    ]  # equal samples may have different labels
    split = np.full(len(rows), "train")
    Table(np.array(unique), np.full(len(rows), "memory", object), split, job.labels).save(
        folder / "table.parquet"
    )
    return snapshot_stage.Output(
        version="memory",
        files=0,
        bytes=0,
        digest=digest,
        folders={},
        samples=len(rows),
        labelled=int((job.labels >= 0).sum()),
        tests=0,
        classes=list(job.classes),
        packing=modality.packing(written, folder, rows),
        arrays={name: Artifact.of(folder / file, folder) for name, file in written.files.items()},
        table=Artifact.of(folder / "table.parquet", folder),
    )


def _modality(given: Mapping[str, Any]) -> Modality[Any, Any]:
    return build_modality(TypeAdapter(ModalityConfig).validate_python(dict(given)))
