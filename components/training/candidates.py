"""An objective's configuration for the data at hand: its own defaults, with the views that suit the data and the
numbers that follow the rule of `defaults`."""

from typing import Any, get_args

from components.augmentations.image import ViewConfig
from components.config import Config
from components.objectives import ObjectiveConfig
from components.training.defaults import batch_of, prototypes_of, queue_of


def candidate(name: str, view: ViewConfig, samples: int, classes: int | None) -> Any:
    """The configuration of objective `name`; its views are `view`, but for what the objective sets otherwise.

    Prototypes and clusters: about three a class; a queue only beside prototypes, and only where the batch is
    too small to balance them over.
    """
    kinds = {kind.model_fields["name"].default: kind for kind in get_args(get_args(ObjectiveConfig)[0])}
    count = prototypes_of(samples, classes)
    numbers = {"prototypes": count, "clusters": count, "queue": queue_of(samples, batch_of(samples), count)}
    return _suited(kinds[name](), view, numbers)


def _suited(config: Config, view: ViewConfig, numbers: dict[str, int]) -> Config:
    fields = type(config).model_fields
    changed: dict[str, Any] = {}
    for field in fields:
        value = getattr(config, field)
        if isinstance(value, ViewConfig):
            changed[field] = _merged(value, view)
        elif isinstance(value, Config):
            changed[field] = _suited(value, view, numbers)
        elif type(value) is int and field in numbers and (field != "queue" or "prototypes" in fields):
            changed[field] = numbers[field]
    return config.model_copy(update=changed)


def _merged(own: ViewConfig, given: ViewConfig) -> ViewConfig:
    """`given`, but for what an objective's own view sets to another value than every view has."""
    plain = ViewConfig()
    kept = {f: getattr(own, f) for f in ViewConfig.model_fields if getattr(own, f) != getattr(plain, f)}
    return given.model_copy(update=kept)
