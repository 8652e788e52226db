"""Register: the fine-tuned model becomes a version in MLflow's registry, and answers in a clean process. Where there is
none, for want of labels, the pretrained encoder does, as NAME-encoder: it gives embeddings, and is no challenger.

Killed anywhere and started again it ends with one run, one logged model and one version: each is found by
the tag that carries this stage's reference. Most of its seconds are imports, so the clean process makes
its own while this one makes its.
"""

import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, PositiveInt

from components.config import Config
from components.crash import point
from components.errors import UserError
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.registry.champion import DIGEST, FILES, combined
from components.registry.journal import CHALLENGER, CHAMPION
from components.registry.mlflow_registry import REFERENCE, experiment, make_run, quoted
from components.registry.smoke_test import Smoke
from components.tasks.registry import USUAL, TaskConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import key_of, read_manifest
from pipelines.inference.samples import samples_of
from pipelines.registry import model_card, record
from pipelines.registry.data_card import label_counts
from pipelines.registry.provenance import lineage, origin
from pipelines.registry.registry import registry_of

if TYPE_CHECKING:
    from components.modalities.samples import Samples
    from components.registry.served import Served

VERSION = 4
RUN_TAG = 5000  # letters; of a version MLflow takes longer ones
SAVED = "saved"  # the MLflow model, until it lies in MLflow
ENCODER = "-encoder"  # after the model's name
NO_CLASS = "unlabelled"  # the one class of an encoder alone


Gather = Callable[[Path, Context], dict[str, str]]


class Request(Config):
    """What the stage register is given."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    task: TaskConfig = USUAL
    """What labels mean."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    pretrain: str
    """Reference of the finished pretrain; the run fills it in."""

    finetune: str
    """Reference of the finished finetune; the run fills it in."""

    evaluate: str
    """Reference of the finished evaluate; the run fills it in."""

    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    """Name of the registered model; null: the recipe's name."""

    deleted: str | None = None
    """Version of a champion that somebody deleted and that is made anew; the plan fills it in."""

    onnx: bool | None = None
    """Export the encoder as ONNX beside the model; null: where it can be exported."""

    samples: PositiveInt = 8
    """Samples that the loaded model predicts in a clean process, as a test."""


class Output(Config):
    """skipped: why no model is registered. encoder: its address where it is registered alone, with all else None.
    digest: of the digests of the model's files. smoke_*: of the clean process: seconds from start to end;
    difference: largest of a prediction from this process's, None where it failed, and then error says why.
    latency: seconds a sample there, on one thread. bytes: of all files of the model, without export and card.
    onnx_error: largest difference of a feature from torch.
    """

    skipped: str | None = None
    encoder: str | None = None
    name: str | None = None
    version: str | None = None
    run_id: str | None = None
    model_id: str | None = None
    digest: str | None = None
    smoke_seconds: float | None = None
    smoke_difference: float | None = None
    smoke_error: str | None = None
    latency: float | None = None
    bytes: int | None = None
    onnx: Artifact | None = None
    onnx_error: float | None = None


def run(request: Request, folder: Path, context: Context) -> Output:
    finetuned = read_manifest(request.finetune, context.store)
    evaluated = read_manifest(request.evaluate, context.store)
    name = request.name or context.recipe
    reason = next(
        (made.output["skipped"] for made in (finetuned, evaluated) if made.output.get("skipped")), None
    )
    if reason is None:
        return _register(name, request, folder, context, partial(_gather, finetuned, request.finetune))
    made = _register(f"{name}{ENCODER}", request, folder, context, partial(_encoder, request))
    return Output(skipped=str(reason), encoder=f"models:/{made.name}/{made.version}")


def _register(name: str, request: Request, folder: Path, context: Context, gather: Gather) -> Output:
    """gather: fills a folder with the files of the model."""
    began = time.monotonic()
    with Smoke() as smoke:  # it imports while this process does
        context.progress(0.1, "opening the registry")
        registry = registry_of(name, context.settings)
        client, lock = registry.client, registry.lock
        where = experiment(client, context.recipe, context.settings.mlflow_artifacts, lock)
        reference = f"register/{key_of(folder)}"
        tags = origin([request.snapshot, request.pretrain, request.finetune, request.evaluate], context)
        if (parent := registry.alias(CHAMPION)) is not None:
            tags["selfsup.parent"] = parent
        run_id = _run(client, where, reference, tags)
        client.log_dict(run_id, record.dump(record.collect([request.evaluate], context.store)), record.FILE)
        card = _card(name, request, tags, context)
        client.log_text(run_id, card, model_card.FILE)
        point("register.run")
        logged = _logged_model(client, where, reference, run_id)
        point("register.model")
        context.progress(0.4, "saving the model")
        identity: dict[str, Any] = {
            "run_id": run_id,
            "model_id": logged.model_id,
            "model_uuid": logged.model_id,
        }
        identity["artifact_path"] = logged.artifact_location
        made = _make(request, folder, gather, smoke, context, identity)
        (folder / SAVED / model_card.FILE).write_text(card, encoding="utf-8")
        seconds = time.monotonic() - began

    client.log_model_artifacts(logged.model_id, str(folder / SAVED))
    point("register.files")
    client.finalize_logged_model(logged.model_id, "READY")
    version = registry.register(
        reference,
        source=logged.artifact_location,
        run_id=run_id,
        model_id=logged.model_id,
        tags={**tags, DIGEST: str(made.digest)},
    )
    point("register.version")
    if not name.endswith(ENCODER):
        registry.set_alias(CHALLENGER, version)
        point("register.alias")
    client.set_terminated(run_id)
    shutil.rmtree(folder / SAVED)  # it lies in MLflow now
    context.say(
        f"{registry.name} version {version} registered; in a clean process: {made.smoke_error or 'it answers'}"
    )
    named = {"name": registry.name, "version": version, "run_id": run_id, "model_id": logged.model_id}
    return made.model_copy(update={**named, "smoke_seconds": round(seconds, 3)})


def _make(
    request: Request,
    folder: Path,
    gather: Gather,
    smoke: Smoke,
    context: Context,
    identity: dict[str, Any],
) -> Output:
    """Save the model into the folder, export its encoder, and hear what the clean process says of it."""
    import numpy as np

    from components.modalities.registry import packed_as
    from components.registry import pyfunc
    from components.registry.predictor import Predictor
    from components.registry.served import digests, load_model

    source, saved = folder / "classifier", folder / SAVED
    expected = gather(source, context)
    model = load_model(source, expected)
    samples, rows = _some(read_manifest(request.snapshot, context.store), request, context)
    modality, packed = packed_as(samples.packing), samples.open()
    values = [modality.example(packed.row(row), samples.packing) for row in rows]
    shutil.rmtree(saved, ignore_errors=True)
    pyfunc.save(source, saved, modality.request(values[:2]), **identity)
    size = sum(file.stat().st_size for file in saved.rglob("*") if file.is_file())
    smoke.ask(saved, modality.request(values))

    context.progress(0.6, "exporting the encoder")
    exported = folder / "encoder.onnx"
    onnx_error = _export(request, model.encoder, samples.clean(np.array(rows)), exported, context)
    here = Predictor(model).predict(values).to_dict("list")
    context.progress(0.8, "waiting for the clean process")
    found = _answer(smoke, saved, model, {str(k): v for k, v in here.items()})
    if onnx_error is not None:
        shutil.copyfile(exported, saved / exported.name)
    return Output(
        **found,
        digest=combined(digests(source)),
        bytes=size,
        onnx=Artifact.of(exported, folder) if onnx_error is not None else None,
        onnx_error=onnx_error,
    )


def _export(request: Request, encoder: Any, view: Any, file: Path, context: Context) -> float | None:
    """Largest difference of the encoder as ONNX from torch; None where it is not wanted, or nobody insists on it and it
    cannot be exported.

    view: clean views of some samples.

    Raises:
        UserError: the recipe insists on it.
    """
    from components.registry.onnx import export_encoder

    if request.onnx is False:
        return None
    try:
        return export_encoder(encoder, view, file)
    except UserError as error:
        if request.onnx:
            raise
        context.say(f"{str(error).partition(';')[0]}: left out")
        return None


def _run(client: Any, where: str, reference: str, tags: dict[str, str]) -> str:
    """The stage's own, made if there is none."""
    found = client.search_runs([where], f"tags.`{REFERENCE}` = {quoted(reference)}", max_results=1)
    if found:
        return str(found[0].info.run_id)
    kept = {key: value for key, value in tags.items() if len(value) <= RUN_TAG}
    return make_run(client, where, "register", {**kept, REFERENCE: reference})


def _card(name: str, request: Request, tags: dict[str, str], context: Context) -> str:
    """The model card, from the manifests of the runs above."""
    from components.data.table import Table  # pyarrow, 0.2 s

    made = lineage([request.evaluate, request.finetune, request.pretrain, request.snapshot], context.store)
    snapshot = made["snapshot"][1].output
    table = Table.load(context.file(request.snapshot, Artifact.model_validate(snapshot["table"])))
    return model_card.model_card(name, made, tags, label_counts(table, snapshot))


def _logged_model(client: Any, where: str, reference: str, run_id: str) -> Any:
    found = client.search_logged_models([where], f"tags.`{REFERENCE}` = {quoted(reference)}", max_results=1)
    if found:
        return found[0]
    tags = {REFERENCE: reference}
    return client.create_logged_model(where, "model", run_id, tags=tags, model_type="classifier")


def _gather(finetuned: Manifest, reference: str, target: Path, context: Context) -> dict[str, str]:
    """The two files of the model in a folder of their own; file name -> digest that it must have."""
    target.mkdir(exist_ok=True)
    expected = {}
    for key, name in FILES.items():
        artifact = Artifact.model_validate(finetuned.output[key])
        shutil.copyfile(context.file(reference, artifact), target / name)
        expected[name] = artifact.sha256
    return expected


def _encoder(request: Request, target: Path, context: Context) -> dict[str, str]:
    """The pretrained encoder in the form of a classifier that knows one class; as _gather."""
    from safetensors.torch import load_file
    from torch import nn

    from components.registry.model import Classifier, ModelConfig
    from components.registry.served import digests, save_model

    made = context.output(request.pretrain)
    config = ModelConfig(encoder=made.encoder_config, packing=made.packing, classes=[NO_CLASS])
    classifier = Classifier(config)
    classifier.encoder.load_state_dict(load_file(context.file(request.pretrain, made.encoder)))
    nn.init.zeros_(classifier.head.weight)
    nn.init.zeros_(classifier.head.bias)
    save_model(classifier, target)
    return digests(target)


def _some(snapshot: Manifest, request: Request, context: Context) -> tuple["Samples", list[int]]:
    """The snapshot's samples, and the places of some for training, spread over all."""
    import pyarrow.parquet as pq

    table = context.file(request.snapshot, Artifact.model_validate(snapshot.output["table"]))
    split = pq.read_table(table, columns=["split"])["split"].to_pylist()
    rows = [row for row, name in enumerate(split) if name == "train"] or list(range(len(split)))
    chosen = [rows[len(rows) * i // request.samples] for i in range(min(request.samples, len(rows)))]
    return samples_of(request.snapshot, snapshot.output, context), chosen


def _answer(smoke: Smoke, saved: Path, model: "Served", here: dict[str, list[Any]]) -> dict[str, Any]:
    """Largest difference from this process's answer and seconds a sample, or why there is none: the gate then
    refuses."""
    try:
        answered = smoke.answer(saved)
        difference = model.disagreement(answered.rows, here)
    except ValueError as error:
        return {"smoke_error": str(error)}
    if difference == float("inf"):
        return {"smoke_error": "the clean process gives other predictions"}
    return {"smoke_difference": difference, "latency": answered.latency}
