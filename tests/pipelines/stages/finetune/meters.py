"""A meter of a fine-tuning that trains nothing, and its context, which keeps what it is told."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from pipelines.engine.context import Context
from pipelines.settings import Settings
from pipelines.stages.finetune.config import FinetuneConfig
from pipelines.stages.finetune.trainings import Meter


@dataclass(frozen=True)
class Told(Context):
    said: list[str] = field(default_factory=list)
    leads: list[dict[str, Any]] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)

    def lead(self, **lead: Any) -> None:
        self.leads.append(lead)


def meter(folder: Path, began: float | None = None) -> Meter:
    settings = Settings(home=folder / "home", data=folder / "data", recipes=folder / "recipes")
    context = Told(store=settings.store, settings=settings, recipe="toys")
    material: Any = SimpleNamespace(cores=1, labels=np.array([0, 0, 1, 1]))
    return Meter(FinetuneConfig(), material, folder, context, time.monotonic() if began is None else began)
