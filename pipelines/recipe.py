"""Recipe: one YAML file = one experiment. The top is typed here; each section is checked by its stage.

name: mnist            # of the data's folder, the DAG and the registered model
seed: 0
modality: {name: image, size: 28, channels: 1}
inbox: ../inbox        # where unlabelled data lands; relative to this file
schedule: null         # or a cron expression
truth: null            # or a Parquet file (id, label) of what nobody labelled, to measure pseudo-labels with
pretrain: {epochs: 10} # one section a stage: its request, without the upstream references
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, NonNegativeInt, ValidationError, field_validator

from components.config import Config, explain, unknown
from components.errors import UserError
from pipelines.code import ROOT
from pipelines.graph import GRAPH, references

NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")

# What is said once at the top, and the stages that are asked it.
SHARED: dict[str, tuple[str, ...]] = {
    "seed": ("pretrain", "pseudo_label", "finetune", "evaluate"),
    "modality": ("ingest", "snapshot"),
    "inbox": ("ingest",),
    "truth": ("report",),
}


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice: YAML itself lets the last one win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value != "<<" and str(key.value) in seen:
                problem = f"the key {str(key.value)!r} is there twice; remove one of them"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


class Recipe(Config):
    """sections: stage -> its part of the file, as it stands there. file: where it was read from."""

    name: str
    file: Path
    seed: NonNegativeInt = 0
    modality: dict[str, Any]
    inbox: Path
    schedule: str | None = None
    truth: Path | None = None
    sections: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(f"small letters, digits, - and _, a letter first, 63 at most (got {name!r:.80})")
        return name

    @field_validator("schedule")
    @classmethod
    def _five_fields(cls, schedule: str | None) -> str | None:
        if schedule is not None and not schedule.startswith("@") and len(schedule.split()) != 5:
            raise ValueError("a cron expression of five fields, such as '0 3 * * *', or null")
        return schedule

    def request(self, stage: str, done: dict[str, str]) -> dict[str, Any]:
        """What `stage` is asked: its section, what it shares, the upstream references. JSON values only."""
        shared: dict[str, Any] = {"seed": self.seed, "modality": self.modality, "inbox": str(self.inbox)}
        shared["truth"] = str(self.truth) if self.truth else None
        asked = {name: shared[name] for name, stages in SHARED.items() if stage in stages}
        return {**asked, **self.sections.get(stage, {}), **references(stage, done)}


def load(path: Path) -> Recipe:
    """The recipe in a file.

    Raises:
        UserError: the file is missing, no YAML, or its top part is wrong. The sections: see check().
    """
    path = path.absolute()
    if not path.is_file():
        near = ", ".join(sorted(p.name for p in path.parent.glob("*.yaml")))
        raise UserError(f"there is no recipe {path}; in that folder: {near or 'no YAML file'}")
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"recipe {path}{where}: not valid YAML: {' '.join(problem.split())}") from None
    except UnicodeDecodeError:
        raise UserError(f"recipe {path}: not UTF-8 text") from None
    if not isinstance(given, dict):
        raise UserError(f"recipe {path}: a mapping of names to values is needed, not {type(given).__name__}")
    return _typed(path, {str(key): value for key, value in given.items()})


def _typed(path: Path, given: dict[str, Any]) -> Recipe:
    top = [name for name in Recipe.model_fields if name not in ("sections", "file")]
    mistakes = [unknown(key, [*top, *GRAPH]) for key in given if key not in (*top, *GRAPH)]
    sections = {stage: given[stage] or {} for stage in GRAPH if stage in given}
    for stage, section in sections.items():
        if not isinstance(section, dict):
            mistakes.append(f"{stage}: a mapping is needed (got {section!r:.80})")
            continue
        for key in section:
            if key in references(stage, dict.fromkeys(GRAPH, "")):
                mistakes.append(f"{stage}.{key}: is filled in by the run; leave it out")
    if mistakes:
        raise UserError(f"recipe {path}: {'; '.join(mistakes)}")
    try:
        typed = {key: given[key] for key in top if key in given}
        recipe = Recipe.model_validate({**typed, "file": path, "sections": sections})
    except ValidationError as error:
        raise UserError(explain(error, f"recipe {path}")) from None
    places = {"inbox": recipe.inbox, "truth": recipe.truth}
    found = {k: (path.parent / place.expanduser()).resolve() for k, place in places.items() if place}
    return recipe.model_copy(update=found)


def files_exist(recipe: Recipe) -> None:
    """Before any work: a file that only the last stage reads must not fail the run after all the others.

    Raises:
        UserError: a file that the recipe names is not there.
    """
    if recipe.truth is not None and not recipe.truth.is_file():
        raise UserError(
            f"recipe {recipe.file}: truth: there is no file {recipe.truth}; correct the path or leave it out"
        )


def check(recipe: Recipe) -> None:
    """Every section against its stage's own Request, in a child process, because stages import much.

    Raises:
        UserError: one line with every mistake.
    """
    files_exist(recipe)
    command = [sys.executable, "-m", "pipelines.recipe"]
    done = subprocess.run(command, input=recipe.model_dump_json(), cwd=ROOT, capture_output=True, text=True)
    if done.returncode == 2:
        raise UserError(done.stdout.strip())
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise RuntimeError(f"the check of {recipe.file} ended with code {done.returncode}: {last[0]}")


def mistakes(recipe: Recipe) -> list[str]:
    """What the stages say of their sections: 'stage.field: ...' each. Imports every stage."""
    from pipelines.store import load as load_stage

    found = []
    done = {stage: f"{stage}/{'0' * 16}" for stage in GRAPH}
    for stage in GRAPH:
        try:
            load_stage(stage).Request.model_validate(recipe.request(stage, done))
        except ValidationError as error:
            found.append(explain(error, stage))
    return found


def main() -> int:
    recipe = Recipe.model_validate_json(sys.stdin.read())
    found = mistakes(recipe)
    print(f"recipe {recipe.file}: {'; '.join(found)}")
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
