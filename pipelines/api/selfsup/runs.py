"""Runs of recipes: read one, run it, and what became of its models.

Settings come from the SELFSUP_* variables, as for the command; paths are relative to the working directory.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.registry.journal import Entry
from pipelines.engine import journal
from pipelines.engine.progress import Display
from pipelines.engine.store import read_manifest
from pipelines.flows import run as flows
from pipelines.recipe import Recipe
from pipelines.recipe_folders import find
from pipelines.registry import promotion
from pipelines.settings import Settings


@dataclass(frozen=True)
class Run:
    """A finished run. name: of its journal. references: stage -> reference of its finished run. store: their folder."""

    name: str
    references: dict[str, str]
    store: Path

    def output(self, stage: str) -> dict[str, Any]:
        """What a stage gave, as JSON values; `selfsup show REFERENCE` prints the same.

        Raises:
            UserError: the stage's run was deleted since.
        """
        return read_manifest(self.references[stage], self.store).output

    @property
    def report(self) -> Path | None:
        """The HTML report, where the flow has one."""
        if "report" not in self.references:
            return None
        return self.store / self.references["report"] / "report.html"


def load_recipe(recipe: str | Path) -> Recipe:
    """The recipe in a YAML file, or of a name. `recipe.with_overrides({...})` changes values for one run.

    Raises:
        UserError: there is none, or its top part is invalid; `run` checks the sections.
    """
    return find(recipe, Settings.load())


def run(
    recipe: Recipe | str | Path,
    *,
    flow: Literal["ingest", "train", "score", "monitor"] = "train",
    force: Literal["warm", "scratch"] | None = None,
    quiet: bool = False,
) -> Run:
    """Run a flow of a recipe, each stage in a process of its own; finished stages are found and not repeated.

    Args:
        recipe: a recipe, a YAML file, or a name.
        force: how to train, in place of the plan's decision.
        quiet: print nothing.

    Raises:
        UserError: a mistake in the recipe, the settings or the data.
        StageError: any other error that ended a stage; the message names its log.
    """
    settings = Settings.load()
    name = flows.run(recipe, settings, Display(io.StringIO() if quiet else None), flow=flow, force=force)
    lines = journal.stages(settings.home, name)
    return Run(name, {line.stage: line.reference for line in lines}, settings.store)


def history(recipe: Recipe | str | Path) -> list[Entry]:
    """The journal of a recipe's champions, oldest first: who moved it, when, from which version to which, and why.

    Args:
        recipe: a recipe, a YAML file, its name, or the name of a registered model.

    Raises:
        UserError: no model of it is registered yet.
    """
    return promotion.history(recipe.model if isinstance(recipe, Recipe) else recipe, Settings.load())
