"""The record of a model: the manifests of all the runs that it was made of, kept beside it in MLflow.

With it a version is rebuilt from what it says of itself, whatever became of the store.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.errors import UserError
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import is_finished, read_manifest
from pipelines.registry.registry import registry_of
from pipelines.settings import Settings

FILE = "record.json"  # an artifact of the run that registered the model
REFERENCE = re.compile(r"[a-z][a-z_]*/[0-9a-f]{16}")
Record = dict[str, Manifest]  # reference -> manifest, each after all those that it was given


def references(value: Any) -> list[str]:
    """Every reference in a JSON value, however deep, in order, each once."""
    if isinstance(value, str):
        return [value] if REFERENCE.fullmatch(value) else []
    if isinstance(value, Mapping):
        value = list(value.values())
    inside = (
        [found for item in value for found in references(item)] if isinstance(value, list | tuple) else []
    )
    return list(dict.fromkeys(inside))


def scrubbed(value: Any, ids: Collection[str]) -> Any:
    """A JSON value without what is told of these samples: the items of a list that carry their id, or are it."""
    if isinstance(value, Mapping):
        return {key: scrubbed(item, ids) for key, item in value.items() if key not in ids}
    if isinstance(value, list):
        told = [item for item in value if not (isinstance(item, Mapping) and item.get("id") in ids)]
        return [scrubbed(item, ids) for item in told if not (isinstance(item, str) and item in ids)]
    return value


def collect(asked: Iterable[str], store: Path) -> Record:
    """These finished runs and all that they were given, through and through; without those that are gone."""
    return trace(
        asked, lambda reference: read_manifest(reference, store) if is_finished(reference, store) else None
    )


def trace(asked: Iterable[str], look: Callable[[str], Manifest | None]) -> Record:
    """The manifests of these runs and of all that they were given, as far as `look` knows them."""
    known: dict[str, Manifest | None] = {}
    order: Record = {}

    def visit(reference: str) -> None:
        if reference in known:
            return
        known[reference] = manifest = look(reference)
        if manifest is None:
            return
        for above in references(manifest.given):
            visit(above)
        order[reference] = manifest

    for reference in asked:
        visit(reference)
    return order


def dump(record: Record) -> dict[str, Any]:
    """As JSON values, which keep their order."""
    return {reference: manifest.model_dump(mode="json") for reference, manifest in record.items()}


def tags_of(model: str, asked: str, settings: Settings) -> tuple[str, dict[str, str]]:
    """The number of a version of a registered model, and its tags. asked: a number, or an alias.

    Raises:
        UserError: there is no such version.
    """
    registry = registry_of(model, settings)
    version = asked if asked.isdigit() else registry.alias(asked)
    if version is None:
        raise UserError(
            "no-such-version",
            f"{model} has no version {asked!r:.80}: a number or an alias such as champion is needed",
        )
    return version, registry.tags(version)


def load(model: str, version: str, tags: Mapping[str, str], settings: Settings) -> Record:
    """What version `version` was made of: its record in MLflow, else the manifests that the store still has.

    Raises:
        UserError: a manifest is in neither; names it.
    """
    made = tags.get("selfsup.evaluate")
    if made is None:
        raise UserError(
            "record-incomplete",
            f"{model} version {version} does not say how it was evaluated (tag selfsup.evaluate)",
        )
    kept = _logged(model, version, settings)

    def look(reference: str) -> Manifest:
        if reference in kept:
            return kept[reference]
        if is_finished(reference, settings.store):
            return read_manifest(reference, settings.store)
        raise UserError(
            "record-incomplete",
            f"{model} version {version} cannot be rebuilt: the manifest of {reference} is neither in its {FILE} "
            f"in MLflow nor in {settings.store}; bring one of both back from a backup",
        )

    return trace([made], look)


def _logged(model: str, version: str, settings: Settings) -> Record:
    """The record as it was logged; empty where there is none."""
    client = registry_of(model, settings).client
    run = client.get_model_version(model, version).run_id
    with TemporaryDirectory() as folder:
        try:
            file = Path(client.download_artifacts(run, FILE, folder))
            kept = json.loads(file.read_bytes())
        except Exception:  # MLflow has many names for "not there"; the store may have it
            return {}
    return {reference: Manifest.model_validate(manifest) for reference, manifest in kept.items()}
