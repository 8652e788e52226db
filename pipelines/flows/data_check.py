"""A recipe held against its data, none of which is decoded: whether the inbox is there, and has samples for a batch."""

from collections.abc import Iterator
from typing import Any

from components.data.inbox import Inbox
from components.data.shards import Index
from components.errors import UserError
from components.wording import counted
from pipelines.engine.store import load
from pipelines.recipe import Recipe
from pipelines.settings import Settings

BATCHES = (("pretrain", "train", "batch_size"), ("finetune", "batch_size"))


def check_data(recipe: Recipe, settings: Settings) -> None:
    """Raises:
    UserError: there is neither an inbox nor anything ingested from it; no table of a first delivery has the column of
        the label that the recipe names; the recipe names a batch of more samples than there are.
    """
    known = Index.load(settings.data / recipe.name).samples
    there = recipe.inbox.is_dir()
    if not there and not known and not recipe.sections.get("ingest", {}).get("table"):
        raise UserError(
            "path-not-found",
            f"recipe {recipe.file}: inbox: there is no folder {recipe.inbox}; make it and put samples there, or "
            "correct the path",
        )
    batches, first = list(_batches(recipe)), there and not known
    if not batches and not (first and "target" in recipe.modality):
        return
    inbox = _inbox(recipe, settings)
    if first and inbox.reader.target:
        inbox.list().require("modality.target", inbox.reader.target)
    if not batches:
        return
    samples = max(known, inbox.total(inbox.list().deliveries) if there else 0)
    wrong = [
        f"{field}: {size:,} is more than there is ({counted(samples, 'sample')}); take a smaller batch"
        for field, size in batches
        if size > samples > 0
    ]
    if wrong:
        raise UserError("batch-too-large", f"recipe {recipe.file}: {'; '.join(wrong)}")


def _batches(recipe: Recipe) -> Iterator[tuple[str, int]]:
    """The batches that the recipe itself names: field, samples."""
    for stage, *keys in BATCHES:
        value: Any = recipe.sections.get(stage)
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, int):
            yield ".".join((stage, *keys)), value


def _inbox(recipe: Recipe, settings: Settings) -> Inbox:
    """As ingest will read it, files that are still being written included."""
    ingest = load("ingest")
    asked = ingest.Request.model_validate(recipe.request("ingest", {}) | {"settle_seconds": 0.0})
    inbox: Inbox = ingest.inbox_of(asked, settings)
    return inbox
