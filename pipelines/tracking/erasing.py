"""What MLflow keeps of runs that a forgotten sample is part of: pages, lists, and the example beside a model.

The models stay, marked: their weights have learnt from the sample, and only a training without it makes others.
"""

import base64
import binascii
import io
import json
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from components.registry.mlflow_registry import Registry
from pipelines.registry import record
from pipelines.registry.model_summary import FORGOTTEN
from pipelines.registry.record import REFERENCE, scrubbed
from pipelines.tracking import PARENT, RUN
from pipelines.tracking import REFERENCE as TAG

REMOVED = "removed"  # in place of a text or of a cell of a table
EXAMPLES = ("input_example.json", "serving_input_example.json")  # of images that the model was trained on


def versions_of(registry: Registry, runs: Collection[str], data: Collection[str]) -> list[str]:
    """Versions that were made from one of these runs or data versions."""
    found = []
    for version in registry.versions():
        tags = registry.tags(version)
        made = {value for value in tags.values() if REFERENCE.fullmatch(value)}
        if made & set(runs) or tags.get("selfsup.data") in data:
            found.append(version)
    return found


def mark(registry: Registry, versions: Collection[str], when: str) -> None:
    """Blank the examples of these versions, and mark them."""
    for version in versions:
        source = str(registry.client.get_model_version(registry.name, version).source)
        _blank_examples(source)
        registry.set_tags(version, {FORGOTTEN: when})


def erase(client: Any, recipe: str, runs: Collection[str], ids: Collection[str]) -> None:
    """Delete what was copied of these runs, and whole runs' pages; a model's record stays, without the samples."""
    from mlflow.entities import ViewType
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    experiment = client.get_experiment_by_name(recipe)
    token: str | None = None
    while experiment is not None:
        page = client.search_runs([experiment.experiment_id], "", ViewType.ALL, page_token=token)
        for run in page:
            tags = run.data.tags
            made, whole = tags.get(TAG, ""), RUN in tags and PARENT not in tags
            if made in runs or whole or made.startswith("register/"):
                kept = _record(client, run.info.run_id, ids) if made.startswith("register/") else None
                get_artifact_repository(run.info.artifact_uri).delete_artifacts(None)
                if kept is not None:
                    client.log_dict(run.info.run_id, kept, record.FILE)
        if not (token := page.token):
            return


def _record(client: Any, run: str, ids: Collection[str]) -> Any:
    """The record of a model without the samples; None where there is none."""
    if record.FILE not in {file.path for file in client.list_artifacts(run)}:
        return None
    with TemporaryDirectory() as folder:
        return scrubbed(
            json.loads(Path(client.download_artifacts(run, record.FILE, folder)).read_bytes()), ids
        )


def _blank_examples(source: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(source)
    there = {file.path for file in repository.list_artifacts()}
    for name in EXAMPLES:
        if name in there:
            with TemporaryDirectory() as folder:
                file = Path(repository.download_artifacts(name, folder))
                file.write_text(json.dumps(_blanked(json.loads(file.read_bytes()))))
                repository.log_artifact(str(file))


def _blanked(value: Any, sample: bool = False) -> Any:
    """A JSON value of an input example without its samples: a grey image of the same size for an image, REMOVED for
    another text.

    sample: whether it lies under the key `data`, where MLflow writes the rows.
    """
    if isinstance(value, dict):
        return {key: _blanked(item, sample or key == "data") for key, item in value.items()}
    if isinstance(value, list):
        return [_blanked(item, sample) for item in value]
    if not isinstance(value, str) or not sample:
        return value
    try:
        with Image.open(io.BytesIO(base64.b64decode("".join(value.split()), validate=True))) as image:
            out = io.BytesIO()
            Image.new(image.mode, image.size, 128 if image.mode == "L" else (128, 128, 128)).save(out, "PNG")
            return base64.encodebytes(out.getvalue()).decode()  # in lines, as MLflow writes it
    except (OSError, ValueError, binascii.Error):
        return REMOVED
