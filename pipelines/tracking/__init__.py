"""What MLflow shows of a run. The store and the run's journal are the truth; this writes their mirror.

One parent run for a pipeline run, one child for each stage that ran in it. Everything is found again by
tag, metrics are sent from where the last call stopped: any number of calls, from any process, one result.
"""

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

from components.crash import point
from components.registry.mlflow_registry import make_run
from pipelines.engine import journal
from pipelines.engine.journal import StageLine
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import is_finished, part_of, read_manifest
from pipelines.settings import Settings
from pipelines.tracking import sending

RUN, REFERENCE, PARENT = "selfsup.run", "selfsup.reference", "mlflow.parentRunId"
STATE = "selfsup.mirrored"  # "done"


def mirror(settings: Settings, run: str) -> str:
    """Write what the journal of `run` says into MLflow; returns the parent's run id.

    Raises:
        UserError: MLflow cannot be opened.
    """
    from components.files import locked

    lines = journal.stages(settings.home, run)
    head: dict[str, Any] = {}
    for record in journal.records(journal.journal_file(settings.home, run)):
        head.update(record if "stage" not in record else {})
    with locked(_lock(settings)):
        client, where = _open(settings, _recipe_name(settings, run, head, lines))
        parent = _parent(client, where, run, head)
        point("mirror.begun")
        if sending.tags(client, parent).get(STATE) == "done":
            return parent
        for line in lines:
            if line.status != "found":
                _stage(client, where, settings, run, parent, line)
        _head(client, settings, parent, head, lines)
    return parent


def _stage(client: Any, where: str, settings: Settings, run: str, parent: str, line: StageLine) -> None:
    reference = line.reference or f"{line.stage}/{run}"  # it failed before it had a name
    child = _child(client, where, run, parent, line.stage, reference, line.started)
    if sending.tags(client, child).get(STATE) == "done":
        return
    folder = _folder(settings, reference)
    sending.send_metrics(client, child, folder)
    ended = int((line.started + line.seconds) * 1000)
    if not is_finished(reference, settings.store):
        tags = {"selfsup.error": line.error[:4000]} | ({"selfsup.error_code": line.code} if line.code else {})
        sending.send(client, child, tags=tags)
        client.set_terminated(child, "FAILED", ended)
        return
    manifest = read_manifest(reference, settings.store)
    figures = {f"output/{key}": value for key, value in sending.figures(manifest.output).items()}
    figures |= {"seconds": line.seconds, "memory": float(line.memory)}
    tags = {"selfsup.recipe": manifest.recipe, "selfsup.code": manifest.code}
    sending.send(
        client,
        child,
        metrics=[(key, value, ended, 0) for key, value in figures.items()],
        params={key: str(value)[:6000] for key, value in sending.flatten(manifest.request).items()},
        tags=tags | _versions(manifest, settings),
    )
    _dataset(client, child, settings, manifest, reference)
    sending.send_files(client, child, folder)
    client.set_terminated(child, "FINISHED", ended)
    point("mirror.stage")
    sending.send(client, child, tags={STATE: "done"})  # last: a mirror that was cut short is written again


def _head(client: Any, settings: Settings, parent: str, head: dict[str, Any], lines: list[StageLine]) -> None:
    now = int(head.get("ended", time.time()) * 1000)
    tags, metrics = {}, []
    for line in lines:
        tags[f"selfsup.stage.{line.stage}"] = f"{line.status} {line.reference}"
        metrics.append((f"seconds/{line.stage}", line.seconds, now, 0))
        if line.status == "failed":
            continue
        manifest = read_manifest(line.reference, settings.store)
        tags |= {"selfsup.recipe": manifest.recipe, **_versions(manifest, settings)}
        if line.stage in ("evaluate", "promote", "pseudo_label", "score", "monitor"):
            figures = sending.figures(manifest.output).items()
            metrics += [(f"{line.stage}/{key}", value, now, 0) for key, value in figures]
        if benefit := manifest.output.get("benefit"):
            tags["selfsup.benefit"] = "; ".join([benefit["line"], *benefit["warnings"]])
        if line.stage == "report":
            sending.send_files(client, parent, settings.store / line.reference)
            _dataset(client, parent, settings, manifest, line.reference)
    recipe = Path(head["recipe"]) if "recipe" in head else None
    params = {}
    if recipe is not None and recipe.is_file():
        import yaml

        client.log_artifact(parent, str(recipe))
        given = yaml.safe_load(recipe.read_text(encoding="utf-8"))
        params = {key: str(value)[:6000] for key, value in sending.flatten(given).items()}
    if "ended" not in head:
        sending.send(client, parent, metrics, None, tags)
        return
    sending.send(client, parent, metrics, params, tags)
    client.set_terminated(parent, "FAILED" if head["error"] else "FINISHED", now)
    point("mirror.ended")
    sending.send(client, parent, tags={STATE: "done"})


def _open(settings: Settings, recipe: str) -> tuple[Any, str]:
    from components.registry.mlflow_registry import connect, experiment

    client = connect(settings.mlflow, settings.mlflow_lock)
    return client, experiment(client, recipe, settings.mlflow_artifacts, settings.mlflow_lock)


def _parent(client: Any, where: str, run: str, head: dict[str, Any]) -> str:
    if found := sending.find(client, where, RUN, run, f"tags.`{PARENT}` IS NULL"):
        return found
    started = int(head.get("started", time.time()) * 1000)
    return make_run(client, where, run, {RUN: run}, started)


def _child(client: Any, where: str, run: str, parent: str, stage: str, reference: str, started: float) -> str:
    """By reference alone: a stage that one run began and another ended is one; `register` makes its own."""
    tags = {RUN: run, REFERENCE: reference, PARENT: parent, "selfsup.stage": stage}
    if found := sending.find(client, where, REFERENCE, reference):
        if sending.tags(client, found).get(STATE) != "done":
            sending.send(client, found, tags=tags)
        return found
    return make_run(client, where, stage, tags, int(started * 1000))


def _dataset(client: Any, run_id: str, settings: Settings, manifest: Manifest, reference: str) -> None:
    """The data version that a stage read, as MLflow's own kind of lineage."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    snapshot = reference if manifest.stage == "snapshot" else manifest.given.get("snapshot")
    if snapshot is None or not is_finished(snapshot, settings.store):
        return
    made = read_manifest(snapshot, settings.store).output
    shape = {key: made.get(key) for key in ("samples", "classes", "channels", "size")}
    dataset = Dataset(
        name=manifest.recipe,
        digest=str(made.get("version"))[:36],
        source_type="dvc",
        source=json.dumps({"data.dvc": made.get("version"), "recipe": manifest.recipe, "snapshot": snapshot}),
        profile=json.dumps(shape),
    )
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", manifest.stage)])])


def _versions(manifest: Manifest, settings: Settings) -> dict[str, str]:
    tags = dict(_checkout())
    snapshot = manifest.given.get("snapshot")
    if snapshot is not None and is_finished(snapshot, settings.store):
        tags["selfsup.data"] = str(read_manifest(snapshot, settings.store).output.get("version"))
    return tags


@cache
def _checkout() -> dict[str, str]:
    from pipelines.engine.code_digest import ROOT
    from pipelines.registry.provenance import git_commit, lock_hash

    return {"selfsup.commit": git_commit(ROOT), "selfsup.lock": lock_hash(ROOT)}


def _recipe_name(settings: Settings, run: str, head: dict[str, Any], lines: list[StageLine]) -> str:
    for line in lines:
        if line.reference and is_finished(line.reference, settings.store):
            return read_manifest(line.reference, settings.store).recipe
    return Path(head["recipe"]).stem if "recipe" in head else run


def _folder(settings: Settings, reference: str) -> Path:
    done = is_finished(reference, settings.store)
    return settings.store / reference if done else part_of(reference, settings.store)


def _lock(settings: Settings) -> Path:
    return settings.home / "mlflow" / "mirror.lock"
