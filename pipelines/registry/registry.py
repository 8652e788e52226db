"""The registered model of a recipe, and the journal of its champions."""

from functools import partial

from components.registry.journal import Journal
from components.registry.mlflow_registry import Registry, connect
from pipelines.registry.bucket_lock import lease
from pipelines.settings import Settings


def registry_of(name: str, settings: Settings) -> Registry:
    """The versions registered as `name`; imports MLflow, which takes seconds."""
    return Registry(connect(settings.mlflow, settings.mlflow_lock), name, settings.mlflow_lock)


def journal_of(name: str, settings: Settings) -> Journal:
    """Its lock holds among the processes of a home; where the store has a remote, among the machines that share it."""
    file = settings.home / "journal" / f"{name}.jsonl"
    if settings.store_remote is None:
        return Journal(file)
    return Journal(file, partial(lease, name, settings.home, settings.store_remote))
