"""DAG train_NAME for each recipe: wiring only.

The order is pipelines.graph.GRAPH; the work is in pipelines.stages, each in a child process of its task.
What crosses XCom is references, "stage/key". A retry resumes where the stage stopped, and a finished stage
is found: a task may run any number of times.
"""

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from pipelines.execute import execute
from pipelines.graph import GRAPH
from pipelines.recipe import Recipe, load
from pipelines.settings import Settings


@task(retries=2, retry_delay=timedelta(seconds=5))  # type: ignore[untyped-decorator, unused-ignore]
def run_stage(stage: str, recipe: str, done: dict[str, str]) -> str:
    """Run one stage; the user's mistakes are not tried again, all else is."""
    context = get_current_context()
    conf = context["dag_run"].conf or {}
    name = str(conf.get("run") or context["run_id"])
    try:
        return execute(stage, load(Path(recipe)), done, Settings.load(), name)
    except ValueError as mistake:  # UserError is one
        raise AirflowFailException(str(mistake)) from None


def train(recipe: Recipe) -> DAG:
    """One task a stage; downstream of all those whose reference it gets."""

    @dag(  # type: ignore[untyped-decorator, unused-ignore]
        dag_id=f"train_{recipe.name}",
        schedule=recipe.schedule,
        start_date=datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=1,
        tags=["selfsup", recipe.name],
        doc_md=__doc__,
    )
    def wired() -> None:
        done: dict[str, Any] = {}
        for stage, needs in GRAPH.items():
            made = run_stage.override(task_id=stage)(stage, str(recipe.file), {n: done[n] for n in needs})
            done[stage] = made

    return wired()


def recipes(folder: Path) -> list[Recipe]:
    """Those that can be read; one with a mistake in it is named in the log and takes no other with it."""
    found: dict[str, Recipe] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            recipe = load(file)
        except ValueError as mistake:
            logging.getLogger(__name__).error("no DAG for this recipe: %s", mistake)
            continue
        if recipe.name in found:
            logging.getLogger(__name__).error("%s: %s has this name already", file, found[recipe.name].file)
            continue
        found[recipe.name] = recipe
    return list(found.values())


for _recipe in recipes(Settings.load().recipes):
    globals()[f"train_{_recipe.name}"] = train(_recipe)
