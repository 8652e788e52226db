"""A recipe held against the stages: python -m pipelines.flows.recipe_check STAGE ..., the recipe as JSON on stdin."""

import os
import sys
from collections.abc import Sequence, Set
from typing import Any

from pydantic import TypeAdapter, ValidationError

from components.config import explain, unknown
from components.errors import UserError
from pipelines.engine import stage_process
from pipelines.engine.code_digest import ROOT
from pipelines.graph import GRAPH, references
from pipelines.recipe import FILLED, SHARED, Recipe

PLACEHOLDERS = {stage: f"{stage}/{'0' * 16}" for stage in GRAPH}  # references of runs that are not there yet


def files_exist(recipe: Recipe) -> None:
    """Before any work: a file that only the last stage reads must not fail the run after all the others.

    Raises:
        UserError: a file that the recipe names is not there.
    """
    if recipe.truth is not None and not recipe.truth.is_file():
        raise UserError(
            "path-not-found",
            f"recipe {recipe.file}: truth: there is no file {recipe.truth}; correct the path or leave it out",
        )


def check(recipe: Recipe, stages: Sequence[str] = tuple(GRAPH)) -> None:
    """The sections of `stages` against each stage's own Request, and whether the networks can be built, in a child
    process, because stages import much.

    Raises:
        UserError: one line with every mistake.
    """
    files_exist(recipe)
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    given = [(stage, recipe.request(stage, PLACEHOLDERS)) for stage in stages]  # they are about to run
    code, out, said = stage_process.call(__name__, stages, recipe.model_dump_json(), environ, given)
    if code == 2:
        raise UserError("invalid-recipe", out.strip())
    if code != 0:
        last = said.strip().splitlines()[-1:] or ["no word"]
        raise RuntimeError(f"the check of {recipe.file} ended with code {code}: {last[0]}")


def mistakes(recipe: Recipe, stages: Sequence[str]) -> list[str]:
    """What the stages say of their sections: 'stage.field: ...' each; and where these are right, what hinders the
    networks from being built. Imports these stages."""
    from pipelines.engine.store import load as load_stage

    wrong = _shared_mistakes(recipe)
    found = list(wrong.values())
    requests: dict[str, Any] = {}
    for stage in stages:
        own = recipe.sections.get(stage, {})
        told = wrong.keys() - own.keys()
        given = recipe.request(stage, PLACEHOLDERS)
        try:
            request = load_stage(stage, given).Request
        except UserError as error:
            found += [] if "task" in told else [str(error)]
            continue
        fields = {field.alias or name for name, field in request.model_fields.items()}
        strange = [key for key in own if key not in fields]
        found += [f"{stage}: {unknown(key, _keys(stage, fields))}" for key in strange]
        try:
            requests[stage] = request.model_validate({k: v for k, v in given.items() if k not in strange})
        except ValidationError as error:
            found += filter(None, [explain(error, stage, leave_out=told)])
    if "pretrain" in requests and "snapshot" in requests:
        from pipelines.flows.build_check import build_mistake  # torch, which pretrain has imported

        asked = requests["pretrain"]
        parts = (asked.objective, asked.encoder, asked.modality, asked.views, asked.local_views)
        if mistake := build_mistake(*parts):
            found.append(f"pretrain: {mistake}")
    if "finetune" in requests:
        try:
            requests["finetune"].check()
        except UserError as error:
            found.append(f"finetune: {error}")
    return found


def _shared_mistakes(recipe: Recipe) -> dict[str, str]:
    """What is wrong with `modality` and with `task`, by that name. Nearly all stages are given them, and each would
    tell it again."""
    from components.modalities.registry import ModalityConfig  # which the stages import
    from components.tasks.registry import TaskConfig

    found = {}
    for name, kind, given in (
        ("modality", ModalityConfig, recipe.modality),
        ("task", TaskConfig, recipe.task),
    ):
        try:
            TypeAdapter(kind).validate_python(given)
        except ValidationError as error:
            found[name] = explain(error, name)
    return found


def _keys(stage: str, fields: Set[str]) -> list[str]:
    """Those fields of a stage's request that a recipe writes into its section: not what the run fills in, and not what
    stands at the top of the recipe."""
    filled = {*FILLED.get(stage, ()), *references(stage, dict.fromkeys(GRAPH, ""))}
    return sorted(fields - filled - SHARED.keys())


def main() -> int:
    recipe = Recipe.model_validate_json(sys.stdin.read())
    found = mistakes(recipe, sys.argv[1:])
    print(f"recipe {recipe.file}: {'; '.join(found)}")
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
