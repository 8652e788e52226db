"""The champion that a stage works with: seen before the run is named, and the same while it runs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.errors import PassingError, UserError
from components.registry.champion import Champion, champion, fetch
from components.registry.mlflow_registry import Registry
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.inference.samples import packing_of
from pipelines.registry import ancestry
from pipelines.registry.encoder_lineage import encoder_digest
from pipelines.registry.registry import journal_of, registry_of
from pipelines.settings import Settings

NONE = "there is no champion yet: run the recipe's train flow, and let a model pass the gate"


def observe(model: str, settings: Settings) -> dict[str, str]:
    """What of the champion is part of a run's key: another champion gives another reference."""
    return _key(ancestry.observe(model, settings))


def look(model: str, context: Context) -> tuple[Registry, Champion | None]:
    """The champion by which the run was named, None where there never was one.

    Raises:
        UserError: there was one and it is gone, or it has moved since the run was named.
    """
    registry = registry_of(model, context.settings)
    found = champion(registry, journal_of(model, context.settings))
    now = {} if found is None else {"version": found.version, "digest": found.digest}
    if now != _key(context.observed):
        before, after = context.observed.get("version", "none"), now.get("version", "none")
        raise PassingError(
            "champion-moved",
            f"the champion was version {before} when the run began and is {after} now; run again",
        )
    return registry, found


def _key(told: Mapping[str, str]) -> dict[str, str]:
    return {name: told[name] for name in ("version", "digest") if name in told}


def fetched(
    registry: Registry, found: Champion, snapshot: Manifest, target: Path
) -> tuple[dict[str, str], dict[str, Any]]:
    """The champion's files in `target`: sha256 of each by name, and its description, model.json.

    Raises:
        UserError: a file is missing or was changed, or the champion takes other images than the snapshot's.
    """
    sha256 = fetch(registry, found, target)
    described: dict[str, Any] = json.loads((target / "model.json").read_bytes())
    takes, given = packing_of(described), packing_of(snapshot.output)
    if not takes.reads(given):
        ours, theirs = (one.config.model_dump() for one in (takes, given))
        other = ", ".join(f"{key} {ours.get(key)} not {theirs.get(key)}" for key in sorted(ours | theirs)
                          if ours.get(key) != theirs.get(key)) or "vocabulary or columns"  # fmt: skip
        raise UserError(
            "modality-unsuitable",
            f"{found.name} version {found.version} takes other samples than the recipe's modality gives ({other}); "
            "set the modality back, or train a model for the new one",
        )
    return sha256, described


def encoder(found: Champion, store: Path) -> str | None:
    """Sha256 of the pretrained encoder that the champion began from, None where that run is not in the store."""
    try:
        return encoder_digest(found.tags.get("selfsup.pretrain", "none"), store)
    except UserError:
        return None
