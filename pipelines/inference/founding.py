"""A recipe's first snapshot: in its packing stands what gives stored numbers their meaning, such as columns."""

from collections.abc import Iterator
from pathlib import Path

from components.modalities.registry import ModalityConfig, build_modality
from pipelines.engine.manifest import Manifest


def founding(modality: ModalityConfig, store: Path, recipe: str) -> Manifest | None:
    """The oldest snapshot of the recipe with this modality: in its packing stands what the vocabulary or the columns
    are. None where there is none, or where this kind of data has nothing of that sort."""
    if not build_modality(modality).founded:
        return None
    asked = modality.model_dump(mode="json")
    made = [manifest for _, manifest in snapshots(store, recipe) if manifest.request["modality"] == asked]
    return min(made, key=lambda manifest: manifest.started, default=None)


def snapshots(store: Path, recipe: str) -> Iterator[tuple[str, Manifest]]:
    """Reference and manifest of the recipe's finished snapshots."""
    for file in store.glob("snapshot/[!.]*/manifest.json"):
        manifest = Manifest.model_validate_json(file.read_bytes())
        if manifest.recipe == recipe:
            yield f"snapshot/{file.parent.name}", manifest
