"""The registered model of a recipe, and the journal of its champions."""

from components.registry.journal import Journal
from components.registry.store import Registry, connect
from pipelines.settings import Settings


def registry_of(name: str, settings: Settings) -> Registry:
    """The versions registered as `name`; imports MLflow, which takes seconds."""
    return Registry(connect(settings.mlflow, settings.mlflow_lock), name, settings.mlflow_lock)


def journal_of(name: str, settings: Settings) -> Journal:
    return Journal(settings.home / "journal" / f"{name}.jsonl")
