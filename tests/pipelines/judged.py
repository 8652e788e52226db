"""Made-up runs that the gate can judge, and a registry in memory."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import UserError
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.settings import Settings

METRICS = {"accuracy": 0.8, "ece": 0.05}
EVALUATED: dict[str, Any] = {
    "metrics": METRICS,
    "baselines": {"logistic_plain": 0.7, "scratch": 0.65},
    "per_class": {"bag": {"recall": 0.9, "support": 50}, "shirt": {"recall": 0.7, "support": 50}},
    "health": {"effective_rank_fraction": 0.3, "uniformity": -1.5},
    "benefit": {
        "method": "supervised",
        "word": None,
        "difference": None,
        "kappa": {"value": 0.6, "low": 0.4, "high": 0.8},
    },
}
REGISTERED: dict[str, Any] = {"name": "toys", "smoke_difference": 1e-7, "latency": 0.001, "bytes": 1_000_000}
ALWAYS = ["baselines", "chance", "classes", "calibration", "rank", "uniformity", "loads", "latency", "size"]
BESIDE = ["champion", "forgetting", "class_drops"]  # with a champion


class Memory:
    """A registry without MLflow; `meddle` is called before each read of the champion."""

    def __init__(self) -> None:
        self.name = "toys"
        self.aliases: dict[str, str] = {"challenger": "1"}
        self.kept: dict[str, dict[str, str]] = {}
        self.meddle: list[Any] = []

    def alias(self, alias: str) -> str | None:
        if alias == "champion" and self.meddle:
            self.meddle.pop(0)(self)
        return self.aliases.get(alias)

    def set_alias(self, alias: str, version: str | None) -> None:
        self.aliases.pop(alias, None)
        if version is not None:
            self.aliases[alias] = version

    def exists(self, version: str) -> bool:
        return version in self.kept

    def tags(self, version: str) -> dict[str, str]:
        if version not in self.kept:
            raise UserError("no-such-version", f"{self.name} has no version {version}")
        return dict(self.kept[version])

    def set_tags(self, version: str, tags: dict[str, str | None]) -> None:
        mine = self.kept.setdefault(version, {})
        mine.update({key: value for key, value in tags.items() if value is not None})
        for key in [key for key, value in tags.items() if value is None]:
            mine.pop(key, None)


def context_of(home: Path) -> Context:
    settings = Settings(home=home / "home", data=home / "data", recipes=home / "recipes")
    return Context(store=settings.store, settings=settings, recipe="toys")


def finish(
    context: Context,
    stage: str,
    key: str,
    output: dict[str, Any],
    given: dict[str, Any] | None = None,
    request: dict[str, Any] | None = None,
) -> str:
    folder = context.store / stage / key
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        stage=stage, version=1, recipe="toys", given=given or {}, request=request or given or {}, observed={},
        code="c", output=output, started=0.0, seconds=1.0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return f"{stage}/{key}"


def evaluated(
    context: Context, key: str, right: int = 80, given: dict[str, Any] | None = None, **changes: Any
) -> str:
    """An evaluation of 100 test items, the first `right` of them answered right."""
    folder = context.store / "evaluate" / key
    folder.mkdir(parents=True, exist_ok=True)
    table = {
        "id": [f"item{i}" for i in range(100)],
        "label": ["bag"] * 100,
        "class": ["bag"] * right + ["shirt"] * (100 - right),
    }
    pq.write_table(pa.table(table), folder / "predictions.parquet")
    artifact = Artifact.of(folder / "predictions.parquet", folder).model_dump()
    return finish(context, "evaluate", key, {**EVALUATED, "predictions": artifact, **changes}, given)


def registered(context: Context, version: str, **changes: Any) -> str:
    return finish(context, "register", f"r{version}", {**REGISTERED, "version": version, **changes})
