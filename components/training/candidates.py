"""An objective's configuration for the data at hand: its own defaults, with the views that suit the data and the
numbers that follow the rule of `defaults`."""

from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from components.augmentations.image import ViewConfig
from components.config import Config, explain
from components.errors import UserError
from components.implementations import configs_of, name_of
from components.objectives import OBJECTIVES
from components.training.defaults import numbers
from components.training.loop import TrainConfig

USUAL = TrainConfig()
BALANCED = ("queue", "freeze", "epsilon")  # mean this only where codes are balanced over prototypes


def candidate(
    name: str, view: ViewConfig, samples: int, classes: int | None, train: TrainConfig = USUAL
) -> Any:
    """The configuration of objective `name`; its views are `view`, but for what the objective sets otherwise.

    Args:
        classes: that are expected; None if nobody knows.
        train: the training that it is for: batch and epochs.

    Prototypes and clusters: about three a class; scan's clusters are the classes themselves.
    """
    kind, *_ = configs_of(OBJECTIVES[name])
    rule = asdict(numbers(samples, classes=classes, batch=train.batch_size, epochs=train.epochs))
    clusters = classes if classes and name == "scan" else rule["prototypes"]
    return _suited(kind(), view, {**rule, "clusters": clusters})


def _suited(config: Config, view: ViewConfig, rule: dict[str, float]) -> Config:
    fields = type(config).model_fields
    balances = "prototypes" in fields
    changed: dict[str, Any] = {}
    for field in fields:
        value = getattr(config, field)
        if isinstance(value, ViewConfig):
            changed[field] = _merged(value, view)
        elif isinstance(value, Config):
            changed[field] = _suited(value, view, rule)
        elif field in rule and value is not None and (balances or field not in BALANCED):
            changed[field] = rule[field]
    return config.model_copy(update=changed)


def with_view(config: Any, view: ViewConfig) -> Any:
    """An objective's configuration with `view` in place of its own views, but for what the objective sets otherwise."""
    return _suited(config, view, {})


def sized(config: Any, size: int) -> Any:
    """An objective's configuration whose views have the side of the data, `size` pixels, where they name no other.

    Raises:
        UserError: the objective cannot work on views of this size.
    """
    try:
        return _sized(config, size)
    except ValidationError as error:
        raise UserError(explain(error, f"objective {name_of(config)} on images of {size} pixels")) from None


def _sized(config: Config, size: int) -> Config:
    if isinstance(config, ViewConfig):
        return config if "size" in config.model_fields_set else config.model_copy(update={"size": size})
    inside = {name: value for name, value in config if isinstance(value, Config)}
    changed = {name: made for name, value in inside.items() if (made := _sized(value, size)) is not value}
    return type(config).model_validate({**dict(config), **changed}) if changed else config


def _merged(own: ViewConfig, given: ViewConfig) -> ViewConfig:
    """`given`, but for what an objective's own view sets to another value than every view has."""
    plain = ViewConfig()
    kept = {f: getattr(own, f) for f in ViewConfig.model_fields if getattr(own, f) != getattr(plain, f)}
    return given.model_copy(update=kept)
