"""One MLflow run as the mirror writes it: found again by tag, sent in batches, metrics from where the last call
stopped."""

import hashlib
import json
import posixpath
import re
from pathlib import Path
from typing import Any

POSITION = "selfsup.position"  # bytes of metrics.jsonl that were sent
CHUNK, PARAMS = 1000, 100  # what MLflow takes in one log_batch
LARGEST = 20 << 20  # bytes of a file that is worth a copy
SHOWN = (".html", ".png", ".svg", ".jpg", ".csv")


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, keys joined by a dot; lists stay."""
    if not isinstance(value, dict):
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= flatten(item, f"{prefix}.{key}" if prefix else str(key))
    return found


def figures(output: dict[str, Any]) -> dict[str, float]:
    flat = {key: value for key, value in flatten(output).items() if not isinstance(value, bool)}
    return {key: float(value) for key, value in flat.items() if isinstance(value, int | float)}


def find(client: Any, where: str, key: str, value: str, more: str = "") -> str | None:
    from components.registry.mlflow_registry import quoted

    text = f"tags.`{key}` = {quoted(value)}"
    found = client.search_runs([where], f"{text} AND {more}" if more else text, max_results=1)
    return str(found[0].info.run_id) if found else None


def tags(client: Any, run_id: str) -> dict[str, str]:
    return dict(client.get_run(run_id).data.tags)


def send_metrics(client: Any, child: str, folder: Path) -> None:
    """Whole lines of metrics.jsonl from where the last call stopped. One sent twice, MLflow keeps once: the
    time of a line is its own."""
    file = folder / "metrics.jsonl"
    position = int(tags(client, child).get(POSITION, 0))
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
    send(client, child, metrics=found)
    send(client, child, tags={POSITION: str(position + len(raw))})


def send(
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


def send_files(client: Any, run_id: str, folder: Path) -> None:
    for file in sorted(folder.iterdir()):
        shown = file.suffix in SHOWN or file.name in ("manifest.json", "log.txt")
        if file.is_file() and shown and file.stat().st_size <= LARGEST:
            client.log_artifact(run_id, str(file))


def _name(key: str) -> str:
    """A name that MLflow takes; one that had to be changed ends in a digest, so that no two classes share one."""
    name = re.sub(r"[^\w\-./ ]", "_", key)
    if posixpath.normpath(name) != name:  # a//b, a/../b, a/
        name = name.replace("/", "_")
    if name == key and len(key) <= 250:
        return key
    return f"{name[:240]}-{hashlib.sha256(key.encode()).hexdigest()[:6]}"
