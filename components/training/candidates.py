"""An objective's configuration for the data at hand: its own defaults, with the numbers that follow the rule of
`defaults`."""

from dataclasses import asdict
from typing import Any

from components.config import Config
from components.implementations import configs_of
from components.objectives import OBJECTIVES
from components.training.defaults import numbers
from components.training.loop import TrainConfig

USUAL = TrainConfig()
BALANCED = ("queue", "freeze", "epsilon")  # mean this only where codes are balanced over prototypes


def candidate(name: str, samples: int, classes: int | None, train: TrainConfig = USUAL) -> Any:
    """The configuration of objective `name`.

    Args:
        classes: that are expected; None if nobody knows.
        train: the training that it is for: batch and epochs.

    Prototypes and clusters: about three a class; scan's clusters are the classes themselves.
    """
    kind, *_ = configs_of(OBJECTIVES[name])
    rule = asdict(numbers(samples, classes=classes, batch=train.batch_size, epochs=train.epochs))
    clusters = classes if classes and name == "scan" else rule["prototypes"]
    return _suited(kind(), {**rule, "clusters": clusters})


def _suited(config: Config, rule: dict[str, float]) -> Config:
    fields = type(config).model_fields
    balances = "prototypes" in fields
    changed: dict[str, Any] = {}
    for field in fields:
        value = getattr(config, field)
        if isinstance(value, Config):
            changed[field] = _suited(value, rule)
        elif field in rule and value is not None and (balances or field not in BALANCED):
            changed[field] = rule[field]
    return config.model_copy(update=changed)
