"""Register: the fine-tuned model becomes a version in MLflow's registry, and answers in a clean process.

Killed anywhere and started again it ends with one run, one logged model and one version: each is found by
the tag that carries this stage's reference. Most of its seconds are imports, so the clean process makes
its own while this one makes its.
"""

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt

from components.config import Config
from components.registry.smoke import Smoke, disagreement
from components.registry.store import REFERENCE, Registry, connect, experiment, quoted
from pipelines.code import ROOT
from pipelines.provenance import git_commit, lineage, lock_hash
from pipelines.store import Artifact, Context, Manifest, read_manifest

VERSION = 1
CHALLENGER = "challenger"
FIGURES = ("accuracy", "accuracy_low", "accuracy_high", "macro_f1", "ece")


class Request(Config):
    snapshot: str
    pretrain: str
    finetune: str
    evaluate: str
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")  # None: the recipe's
    onnx: bool = True  # whether the encoder is exported beside the model
    samples: PositiveInt = 8  # images that the clean process is asked about


class Output(Config):
    """digest: of the digests of the model's files. smoke_*: of the clean process: seconds from start to end;
    difference: largest of a probability from this process's, None where it failed, and then error says why.
    onnx_error: largest difference of a feature from torch.
    """

    skipped: str | None = None
    name: str | None = None
    version: str | None = None
    run_id: str | None = None
    model_id: str | None = None
    digest: str | None = None
    smoke_seconds: float | None = None
    smoke_difference: float | None = None
    smoke_error: str | None = None
    onnx: Artifact | None = None
    onnx_error: float | None = None


def run(request: Request, folder: Path, context: Context) -> Output:
    finetuned = read_manifest(request.finetune, context.store)
    evaluated = read_manifest(request.evaluate, context.store)
    for stage in (finetuned, evaluated):
        if reason := stage.output.get("skipped"):
            return Output(skipped=str(reason))
    began = time.monotonic()
    with Smoke() as smoke:  # it imports while this process does
        context.progress(0.1, "opening the registry")
        lock = context.settings.home / "mlflow" / "store.lock"
        client = connect(context.settings.mlflow, lock)
        where = experiment(client, context.recipe, context.settings.mlflow_artifacts, lock)
        reference = f"register/{folder.name.removeprefix('.').removesuffix('.part')}"
        tags = provenance(request, context, evaluated)
        run_id = _run(client, where, reference, tags)
        logged = _logged_model(client, where, reference, run_id)

        context.progress(0.4, "saving the model")
        from components.registry import pyfunc
        from components.registry.model import Predictor, digests, load_classifier

        source, saved = folder / "classifier", folder / "saved"
        expected = _gather(finetuned, request.finetune, source, context)
        classifier = load_classifier(source, expected)
        images = _samples(read_manifest(request.snapshot, context.store), request, context)
        shutil.rmtree(saved, ignore_errors=True)
        identity = {"run_id": run_id, "model_id": logged.model_id, "model_uuid": logged.model_id}
        pyfunc.save(source, saved, images[:2], artifact_path=logged.artifact_location, **identity)
        smoke.ask(saved, images)

        context.progress(0.6, "exporting the encoder")
        exported, onnx_error = folder / "encoder.onnx", None
        if request.onnx:
            from components.registry.onnx import export_encoder

            modality = classifier.config.modality
            onnx_error = export_encoder(classifier.encoder, modality.channels, modality.size, exported)
        here = Predictor(classifier).predict(images).to_dict("list")
        context.progress(0.8, "waiting for the clean process")
        difference, failure = _answer(smoke, saved, {str(k): v for k, v in here.items()})
        seconds = time.monotonic() - began

    if request.onnx:
        shutil.copyfile(exported, saved / exported.name)
    client.log_model_artifacts(logged.model_id, str(saved))
    client.finalize_logged_model(logged.model_id, "READY")
    registry = Registry(client, request.name or context.recipe, lock)
    digest = hashlib.sha256(json.dumps(digests(source), sort_keys=True).encode()).hexdigest()
    version = registry.register(
        reference,
        source=logged.artifact_location,
        run_id=run_id,
        model_id=logged.model_id,
        tags={**tags, "selfsup.digest": digest},
    )
    registry.set_alias(CHALLENGER, version)
    client.set_terminated(run_id)
    shutil.rmtree(saved)  # it lies in MLflow now
    context.say(
        f"{registry.name} version {version} registered; in a clean process: {failure or 'it answers'}"
    )
    return Output(
        name=registry.name,
        version=version,
        run_id=run_id,
        model_id=logged.model_id,
        digest=digest,
        smoke_seconds=round(seconds, 3),
        smoke_difference=difference,
        smoke_error=failure,
        onnx=Artifact.of(exported, folder) if request.onnx else None,
        onnx_error=onnx_error,
    )


def provenance(request: Request, context: Context, evaluated: Manifest) -> dict[str, str]:
    """Where the model comes from, as tags: data, recipe, code, packages, seeds, runs above it, figures."""
    above = lineage([request.snapshot, request.pretrain, request.finetune, request.evaluate], context.store)
    snapshot = read_manifest(request.snapshot, context.store)
    seeds = {stage: m.request["seed"] for stage, (_, m) in above.items() if "seed" in m.request}
    metrics = evaluated.output.get("metrics") or {}
    tags = {
        "selfsup.recipe": context.recipe,
        "selfsup.data": str(snapshot.output.get("version")),
        "selfsup.commit": git_commit(ROOT),
        "selfsup.lock": lock_hash(ROOT),
        "selfsup.seeds": json.dumps(seeds, sort_keys=True),
        "selfsup.seconds": f"{sum(manifest.seconds for _, manifest in above.values()):.1f}",
        "selfsup.device": context.settings.device,
    }
    tags |= {f"selfsup.{stage}": reference for stage, (reference, _) in above.items()}
    tags |= {f"selfsup.figure.{name}": f"{metrics[name]:.6g}" for name in FIGURES if name in metrics}
    baselines = evaluated.output.get("baselines") or {}
    return tags | {"selfsup.figure.baselines": json.dumps(baselines, sort_keys=True)}


def _run(client: Any, where: str, reference: str, tags: dict[str, str]) -> str:
    found = client.search_runs([where], f"tags.`{REFERENCE}` = {quoted(reference)}", max_results=1)
    if found:
        return str(found[0].info.run_id)
    made = client.create_run(where, tags={**tags, REFERENCE: reference}, run_name="register")
    return str(made.info.run_id)


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
    for key, name in (("model", "model.safetensors"), ("config", "model.json")):
        artifact = Artifact.model_validate(finetuned.output[key])
        shutil.copyfile(context.file(reference, artifact), target / name)
        expected[name] = artifact.sha256
    return expected


def _samples(snapshot: Manifest, request: Request, context: Context) -> list[bytes]:
    """Some training samples, spread over the snapshot, as PNG."""
    import numpy as np
    import pyarrow.parquet as pq

    from components.registry.model import encode_png

    images, table = (Artifact.model_validate(snapshot.output[name]) for name in ("images", "table"))
    split = pq.read_table(context.file(request.snapshot, table), columns=["split"])["split"].to_pylist()
    rows = [row for row, name in enumerate(split) if name == "train"] or list(range(len(split)))
    chosen = [rows[len(rows) * i // request.samples] for i in range(min(request.samples, len(rows)))]
    packed = np.load(context.file(request.snapshot, images), mmap_mode="r")
    return [encode_png(np.asarray(packed[row])) for row in chosen]


def _answer(smoke: Smoke, saved: Path, here: dict[str, list[Any]]) -> tuple[float | None, str | None]:
    """Largest difference from this process's answer, or why there is none: the gate then refuses."""
    try:
        difference = disagreement(smoke.answer(saved), here)
    except ValueError as error:
        return None, str(error)
    if difference == float("inf"):
        return None, "the clean process gives other classes"
    return difference, None
