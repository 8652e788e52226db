"""The data card of a recipe's newest snapshot."""

from components.data.shards import Index
from components.data.table import Table
from components.errors import UserError
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest
from pipelines.flows.due import newest
from pipelines.recipe_folders import find
from pipelines.registry.data_card import data_card, label_counts
from pipelines.settings import Settings


def newest_data_card(recipe: str, settings: Settings) -> str:
    """As Markdown.

    Args:
        recipe: path of a recipe, or its name.

    Raises:
        UserError: there is no such recipe, no finished snapshot of it, or its table was deleted or changed.
    """
    name = find(recipe, settings).name
    reference = newest("snapshot", name, settings.store)
    if reference is None:
        raise UserError(
            "no-such-run",
            f"recipe {name} has no finished snapshot in {settings.store}: run `selfsup run {recipe} --flow ingest`",
        )
    snapshot = read_manifest(reference, settings.store)
    context = Context(store=settings.store, settings=settings, recipe=name)
    table = Table.load(context.file(reference, Artifact.model_validate(snapshot.output["table"])))
    ingest = newest("ingest", name, settings.store)
    last = None if ingest is None else read_manifest(ingest, settings.store)
    deliveries = Index.load(settings.data / name).deliveries
    return data_card(reference, snapshot, last, label_counts(table, snapshot.output), deliveries)
