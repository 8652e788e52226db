"""What MLflow shows of a run. The store and the run's journal are the truth; this writes their mirror.

One parent run for a pipeline run, one child for each stage that ran in it. Everything is found again by
tag, metrics are sent from where the last call stopped: any number of calls, from any process, one result.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pipelines import journal
from pipelines.journal import StageLine
from pipelines.settings import Settings
from pipelines.store import Manifest, is_finished, part_of, read_manifest

RUN, REFERENCE, PARENT = "selfsup.run", "selfsup.reference", "mlflow.parentRunId"
POSITION, STATE = "selfsup.position", "selfsup.mirrored"  # bytes of metrics.jsonl that were sent; "done"
CHUNK, PARAMS = 1000, 100  # what MLflow takes in one log_batch
LARGEST = 20 << 20  # bytes of a file that is worth a copy
SHOWN = (".html", ".png", ".svg", ".jpg", ".csv")
EVERY = 15.0  # seconds between two looks at a stage that runs


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
        if _tags(client, parent).get(STATE) == "done":
            return parent
        for line in lines:
            if line.status != "found":
                _stage(client, where, settings, run, parent, line)
        _head(client, settings, parent, head, lines)
    return parent


@contextmanager
def live(settings: Settings, run: str, recipe: str, reference: str, every: float = EVERY) -> Iterator[None]:
    """While the body runs, a thread sends the stage's step metrics; its failures are not the stage's."""
    stop = threading.Event()

    def follow() -> None:
        while not stop.wait(every):
            try:
                follow_once(settings, run, recipe, reference)
            except Exception as error:
                print(f"MLflow mirror: {error}", flush=True)  # the log; mirror() does it at the end

    thread = threading.Thread(target=follow, name="mlflow-mirror", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=every)


def follow_once(settings: Settings, run: str, recipe: str, reference: str) -> None:
    """Send what a stage that still runs has logged since the last call."""
    from components.files import locked

    with locked(_lock(settings)):
        client, where = _open(settings, recipe)
        parent = _parent(client, where, run, {})
        child = _child(client, where, run, parent, reference.partition("/")[0], reference, time.time())
        _metrics(client, child, _folder(settings, reference))


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, keys joined by a dot; lists stay."""
    if not isinstance(value, dict):
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= flatten(item, f"{prefix}.{key}" if prefix else str(key))
    return found


def _stage(client: Any, where: str, settings: Settings, run: str, parent: str, line: StageLine) -> None:
    reference = line.reference or f"{line.stage}/{run}"  # it failed before it had a name
    child = _child(client, where, run, parent, line.stage, reference, line.started)
    if _tags(client, child).get(STATE) == "done":
        return
    folder = _folder(settings, reference)
    _metrics(client, child, folder)
    ended = int((line.started + line.seconds) * 1000)
    if not is_finished(reference, settings.store):
        _batch(client, child, tags={"selfsup.error": line.error[:4000]})
        client.set_terminated(child, "FAILED", ended)
        return
    manifest = read_manifest(reference, settings.store)
    figures = {f"output/{key}": value for key, value in _figures(manifest.output).items()}
    figures |= {"seconds": line.seconds, "memory": float(line.memory)}
    tags = {"selfsup.recipe": manifest.recipe, "selfsup.code": manifest.code}
    _batch(
        client,
        child,
        metrics=[(key, value, ended, 0) for key, value in figures.items()],
        params={key: str(value)[:6000] for key, value in flatten(manifest.request).items()},
        tags=tags | _versions(manifest, settings),
    )
    _dataset(client, child, settings, manifest, reference)
    _files(client, child, folder)
    client.set_terminated(child, "FINISHED", ended)
    _batch(client, child, tags={STATE: "done"})  # last: a mirror that was cut short is written again


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
        if line.stage in ("evaluate", "promote", "pseudo_label"):
            figures = _figures(manifest.output).items()
            metrics += [(f"{line.stage}/{key}", value, now, 0) for key, value in figures]
        if line.stage == "report":
            _files(client, parent, settings.store / line.reference)
            _dataset(client, parent, settings, manifest, line.reference)
    recipe = Path(head["recipe"]) if "recipe" in head else None
    params = {}
    if recipe is not None and recipe.is_file():
        import yaml

        client.log_artifact(parent, str(recipe))
        given = yaml.safe_load(recipe.read_text(encoding="utf-8"))
        params = {key: str(value)[:6000] for key, value in flatten(given).items()}
    if "ended" not in head:
        _batch(client, parent, metrics, None, tags)
        return
    _batch(client, parent, metrics, params, tags)
    client.set_terminated(parent, "FAILED" if head["error"] else "FINISHED", now)
    _batch(client, parent, tags={STATE: "done"})


def _open(settings: Settings, recipe: str) -> tuple[Any, str]:
    from components.registry.store import connect, experiment

    lock = settings.home / "mlflow" / "store.lock"
    client = connect(settings.mlflow, lock)
    return client, experiment(client, recipe, settings.mlflow_artifacts, lock)


def _parent(client: Any, where: str, run: str, head: dict[str, Any]) -> str:
    if found := _find(client, where, RUN, run, f"tags.`{PARENT}` IS NULL"):
        return found
    started = int(head.get("started", time.time()) * 1000)
    made = client.create_run(where, start_time=started, run_name=run, tags={RUN: run})
    return str(made.info.run_id)


def _child(client: Any, where: str, run: str, parent: str, stage: str, reference: str, started: float) -> str:
    """By reference alone: a stage that one run began and another ended is one; `register` makes its own."""
    tags = {RUN: run, REFERENCE: reference, PARENT: parent, "selfsup.stage": stage}
    if found := _find(client, where, REFERENCE, reference):
        if _tags(client, found).get(STATE) != "done":
            _batch(client, found, tags=tags)
        return found
    made = client.create_run(where, start_time=int(started * 1000), run_name=stage, tags=tags)
    return str(made.info.run_id)


def _metrics(client: Any, child: str, folder: Path) -> None:
    """Whole lines of metrics.jsonl from where the last call stopped. One sent twice, MLflow keeps once: the
    time of a line is its own."""
    file = folder / "metrics.jsonl"
    position = int(_tags(client, child).get(POSITION, 0))
    if not file.is_file() or file.stat().st_size <= position:
        return
    with file.open("rb") as stream:
        stream.seek(position)
        raw = stream.read()
    raw = raw[: raw.rfind(b"\n") + 1]
    found = []
    for text in raw.splitlines():
        try:
            record = json.loads(text)
            step, when = int(record.pop("step")), int(record.pop("time", 0) * 1000)
        except (ValueError, KeyError, AttributeError):
            continue  # a line torn by a kill, which the next process has ended
        found += [(_name(key), float(value), when, step) for key, value in record.items()]
    _batch(client, child, metrics=found)
    _batch(client, child, tags={POSITION: str(position + len(raw))})


def _batch(
    client: Any,
    run_id: str,
    metrics: list[tuple[str, float, int, int]] | None = None,
    params: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    """metrics: name, value, time in milliseconds, step."""
    from mlflow.entities import Metric, Param, RunTag

    sent = [Metric(_name(key), value, when, step) for key, value, when, step in metrics or []]
    for start in range(0, len(sent), CHUNK):
        client.log_batch(run_id, metrics=sent[start : start + CHUNK])
    named = [Param(_name(key), value) for key, value in (params or {}).items()]
    for start in range(0, len(named), PARAMS):
        client.log_batch(run_id, params=named[start : start + PARAMS])
    if tags:
        client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])


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


def _files(client: Any, run_id: str, folder: Path) -> None:
    for file in sorted(folder.iterdir()):
        shown = file.suffix in SHOWN or file.name in ("manifest.json", "log.txt")
        if file.is_file() and shown and file.stat().st_size <= LARGEST:
            client.log_artifact(run_id, str(file))


def _versions(manifest: Manifest, settings: Settings) -> dict[str, str]:
    tags = dict(_checkout())
    snapshot = manifest.given.get("snapshot")
    if snapshot is not None and is_finished(snapshot, settings.store):
        tags["selfsup.data"] = str(read_manifest(snapshot, settings.store).output.get("version"))
    return tags


@cache
def _checkout() -> dict[str, str]:
    from pipelines.code import ROOT
    from pipelines.provenance import git_commit, lock_hash

    return {"selfsup.commit": git_commit(ROOT), "selfsup.lock": lock_hash(ROOT)}


def _figures(output: dict[str, Any]) -> dict[str, float]:
    flat = {key: value for key, value in flatten(output).items() if not isinstance(value, bool)}
    return {key: float(value) for key, value in flat.items() if isinstance(value, int | float)}


def _recipe_name(settings: Settings, run: str, head: dict[str, Any], lines: list[StageLine]) -> str:
    for line in lines:
        if line.reference and is_finished(line.reference, settings.store):
            return read_manifest(line.reference, settings.store).recipe
    return Path(head["recipe"]).stem if "recipe" in head else run


def _folder(settings: Settings, reference: str) -> Path:
    done = is_finished(reference, settings.store)
    return settings.store / reference if done else part_of(reference, settings.store)


def _find(client: Any, where: str, key: str, value: str, more: str = "") -> str | None:
    from components.registry.store import quoted

    text = f"tags.`{key}` = {quoted(value)}"
    found = client.search_runs([where], f"{text} AND {more}" if more else text, max_results=1)
    return str(found[0].info.run_id) if found else None


def _tags(client: Any, run_id: str) -> dict[str, str]:
    return dict(client.get_run(run_id).data.tags)


def _lock(settings: Settings) -> Path:
    return settings.home / "mlflow" / "mirror.lock"


def _name(key: str) -> str:
    """A name that MLflow takes."""
    return re.sub(r"[^\w\-./ ]", "_", key)[:250]
