"""What to do next, from what lies on the disk: `selfsup` without arguments.

Reads journals and a few manifests, and imports nothing that takes long. Changes nothing.
"""

import contextlib
import csv
import os
from collections.abc import Collection
from pathlib import Path

from pydantic import Field

from components.config import Config
from components.errors import UserError
from components.wording import counted
from pipelines import recipe_folders
from pipelines.engine import journal, run_list
from pipelines.engine.journal import StageLine
from pipelines.engine.store import read_manifest
from pipelines.flows import due
from pipelines.operations import supervisor
from pipelines.recipe import Recipe, load
from pipelines.settings import Settings

SHOWN = 5  # recipes
BACK = 5  # runs of a recipe in which its last report is looked for
LATEST = 30  # runs that recipes elsewhere are looked for in
LONGEST = 160  # letters of an error


class RecipeStep(Config):
    """recipe: how a command names it. champion: version. run, state: of its last run, one of
    pipelines.engine.run_list.STATES, or damaged: its journal or a manifest cannot be read. stage, error, code: of its
    failure. to_label: samples of its last report's list that have no label yet; labels: that list."""

    recipe: str
    champion: str | None = None
    run: str | None = None
    state: str | None = None
    stage: str = ""
    error: str = ""
    code: str = ""
    to_label: int = 0
    labels: Path | None = None

    def line(self, name: str) -> str:
        """For a person."""
        said = [f"champion version {self.champion}"] if self.champion else []
        if not said and self.state != "damaged":
            said.append("no champion yet")
        if self.state == "failed":
            code = f" [{self.code}]" if self.code else ""
            said.append(
                f"the last run failed{f' at {self.stage}' if self.stage else ''}{code}: {self.error:.{LONGEST}}"
            )
        elif self.state == "damaged":
            said.append(f"what its last runs left is damaged, see selfsup doctor: {self.error:.{LONGEST}}")
        elif self.state in ("open", "broken"):
            said.append("a run is at work" if self.state == "open" else "the last run was broken off")
        if self.to_label:
            said.append(f"{counted(self.to_label, 'sample')} to label")
        return f"{name}: {'; '.join(said)}"


class NextSteps(Config):
    """recipes: those that were run, the latest run first. not_run: names of the others. mistakes: recipe files that
    cannot be read. up: whether the platform runs. commands: what to do next, the first thing first."""

    recipes: dict[str, RecipeStep] = Field(default_factory=dict)
    not_run: list[str] = Field(default_factory=list)
    mistakes: list[str] = Field(default_factory=list)
    up: bool = False
    commands: list[str] = Field(default_factory=list)

    def lines(self) -> list[str]:
        """At most ten, for a person."""
        count = len(self.recipes) + len(self.not_run)
        platform = "up" if self.up else "not running"
        head = f"{counted(count, 'recipe')}, {len(self.recipes)} run so far; platform {platform}"
        lines = [head, *(step.line(name) for name, step in list(self.recipes.items())[:SHOWN])]
        if len(self.recipes) > SHOWN:
            lines.append(f"and {len(self.recipes) - SHOWN} more: selfsup status")
        if self.mistakes:
            more = f" (and {len(self.mistakes) - 1} more)" if len(self.mistakes) > 1 else ""
            lines.append(f"not readable: {self.mistakes[0]:.{LONGEST}}{more}")
        return [*lines, *(f"next: {command}" for command in self.commands)][:10]


def look(settings: Settings) -> NextSteps:
    """What there is, and what to do next."""
    found, mistakes = recipe_folders.scheduled(settings)
    found |= _elsewhere(found, settings.home)
    last = {name: run_list.last_of(settings.home, name) for name in found}
    run = sorted((name for name in found if last[name]), key=lambda name: str(last[name]), reverse=True)
    steps = {name: _readable_step(found[name], str(last[name]), settings) for name in run}
    up = supervisor.process(settings) is not None
    not_run = sorted(found.keys() - steps.keys())
    return NextSteps(
        recipes=steps, not_run=not_run, mistakes=mistakes, up=up, commands=_commands(steps, not_run)
    )


def _elsewhere(known: Collection[str], home: Path) -> dict[str, Recipe]:
    """Recipes of the latest runs whose files lie outside of the folders of the settings, by name."""
    made: dict[str, Recipe] = {}
    for run in run_list.names(home)[:LATEST]:
        file = Path(str(journal.head_of(home, run).get("recipe", "")))
        with contextlib.suppress(UserError):  # it is gone, or was broken since
            recipe = load(file)
            if recipe.name not in known:
                made.setdefault(recipe.name, recipe)
    return made


def _readable_step(recipe: Recipe, run: str, settings: Settings) -> RecipeStep:
    """The step of a recipe; where its journal or a manifest is damaged, that it is."""
    try:
        return _step(recipe, run, settings)
    except (ValueError, LookupError, OSError) as error:
        why = " ".join(str(error).split())
        return RecipeStep(recipe=recipe.name, run=run, state="damaged", error=why)


def _step(recipe: Recipe, run: str, settings: Settings) -> RecipeStep:
    head = journal.head_of(settings.home, run)
    state, ended = run_list.ending(settings.home, run, head)
    lines = journal.stages(settings.home, run)
    failed = next((line for line in lines if line.status == "failed"), None)
    asked = _to_label(recipe, settings)
    file = os.path.relpath(recipe.file)
    step = RecipeStep(
        recipe=recipe.name if recipe.file.parent in (settings.recipes, settings.user_recipes) else file,
        champion=due.champion(recipe, settings),
        run=run,
        state=state,
        to_label=0 if asked is None else _unlabelled(asked),
        labels=asked,
    )
    if state != "failed":
        return step
    return step.model_copy(update=_failure(failed, ended, str(head.get("code") or "")))


def _failure(failed: StageLine | None, ended: str, code: str) -> dict[str, str]:
    if failed is None:
        return {"error": " ".join(ended.split()), "code": code}
    return {"stage": failed.stage, "error": " ".join(failed.error.split()), "code": failed.code or code}


def _to_label(recipe: Recipe, settings: Settings) -> Path | None:
    """The list of what to label in the newest report of the last few runs, as far as it is here."""
    runs = [run for run in run_list.names(settings.home) if run_list.is_of(run, recipe.name)]
    for run in runs[:BACK]:
        for line in journal.stages(settings.home, run):
            if line.stage == "report" and (settings.store / line.reference / "manifest.json").is_file():
                output = read_manifest(line.reference, settings.store).output
                return settings.store / line.reference / str(output["to_label"]["path"])
    return None


def _unlabelled(file: Path) -> int:
    """Rows of a list of what to label whose label is empty; 0 where the file is gone."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as rows:
            return sum(1 for row in csv.DictReader(rows) if not (row.get("label") or "").strip())
    except OSError:
        return 0


def _commands(steps: dict[str, RecipeStep], not_run: list[str]) -> list[str]:
    """At most three, the first thing first."""
    made = []
    for step in steps.values():
        if step.state == "failed" and step.code:
            made.append(f"selfsup explain {step.code}")
        if step.state in ("failed", "broken"):
            made.append(f"selfsup run {step.recipe}  (it resumes)")
    if waiting := [step for step in steps.values() if step.to_label and step.labels is not None]:
        file, recipe = os.path.relpath(waiting[0].labels or ""), waiting[0].recipe
        made.append(
            f"selfsup label {recipe}  (or fill in the column label of {file} and copy it into the inbox)"
        )
    if not steps:
        made.append("selfsup init NAME --from PATH  (a recipe for your own data)")
        example = "quickstart" if "quickstart" in not_run else next(iter(not_run), None)
        made += [f"selfsup run {example}  (an example)"] if example else []
    return made[:3] or ["selfsup status, or selfsup runs"]
