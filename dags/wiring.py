"""What the DAG files share: which recipes have DAGs, how a flow becomes one, what a failure says.

The work is in pipelines.stages, each in a child process of its task. What crosses XCom is references,
"stage/key". A retry resumes where the stage stopped, and a finished stage is found: a task may run any number
of times.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import (
    DAG,
    Asset,
    AssetAlias,
    Context,
    Param,
    get_current_context,
    task,
)
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowFailException

from dags.approval import Ask, approval_hours
from pipelines.flows import scheduled
from pipelines.flows.scheduled import Asked
from pipelines.graph import FLOWS, GRAPH, HEAVY, POOL
from pipelines.recipe import Recipe
from pipelines.settings import Settings

HOURS = {True: 48.0, False: 4.0}  # a stage that takes longer hangs: heavy ones, and all others
REASON = Param("", type="string", title="Reason", description="Why: for the journal.")
OVERRIDES = Param(
    {},
    type="object",
    title="Overrides",
    description='Over the recipe, for this run: {"pretrain": {"train": {"epochs": 5}}}.',
)
FORCE = Param(
    None,
    type=["null", "string"],
    enum=[None, "warm", "scratch"],
    title="Force",
    description="How to retrain, whatever the plan says; nothing: as planned.",
)


def each(make: Callable[[Recipe], DAG]) -> dict[str, DAG]:
    """A DAG for every recipe, by its id: what a DAG file puts among its globals."""
    return {dag.dag_id: dag for dag in map(make, scheduled.recipes(Settings.load()))}


def data(recipe: str) -> Asset:
    """The recipe's data. An event is a hint that there are new ones; manifests tell what is new."""
    return Asset(name=f"data_{recipe}", uri=f"selfsup://data/{recipe}")


def news(recipe: str) -> AssetAlias:
    """Through which a task tells of new data only where there are any."""
    return AssetAlias(name=f"news_{recipe}")


def flow(recipe: Recipe, name: str, schedule: Any, doc: str | None) -> DAG:
    """A task for each stage of the flow, downstream of those whose reference it gets, and one that ends it."""
    train = name == "train"
    with DAG(
        dag_id=f"{name}_{recipe.name}",
        schedule=schedule,
        start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo(recipe.timezone)),  # its zone is the schedule's
        catchup=False,
        max_active_runs=1,
        tags=["selfsup", recipe.name],
        doc_md=doc,
        params={**({"force": FORCE} if train else {}), "reason": REASON, "overrides": OVERRIDES},
        deadline=deadline(recipe) if train else None,
        default_args={"on_failure_callback": failed},
    ) as dag:
        done: dict[str, Any] = {}
        for stage in FLOWS[name]:
            hours = recipe.hours.get(stage, HOURS[stage in HEAVY])
            tells = name == "ingest" and stage == FLOWS[name][-1]
            run = run_stage.override(
                task_id=stage,
                pool=POOL if stage in HEAVY else "default_pool",
                execution_timeout=timedelta(hours=hours),
                outlets=[news(recipe.name)] if tells else [],
            )
            needs = {need: done[need] for need in GRAPH[stage]}
            done[stage] = made = run(name, stage, recipe.name, str(recipe.file), needs)
        end = close.override(outlets=[news(recipe.name)] if train else [])(recipe.name)
        made >> end.as_teardown()  # it runs however the others end, and changes no verdict
        if train and (waits := approval_hours(recipe)):
            done["promote"] >> Ask(task_id="ask", recipe=recipe.name, hours=waits)
    return dag


def deadline(recipe: Recipe) -> DeadlineAlert:
    """Told by the triggerer, when a run is not done so long after it was asked for."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=recipe.deadline),
        callback=AsyncCallback(
            "pipelines.flows.notify.late", kwargs={"recipe": recipe.name, "hours": recipe.deadline}
        ),
    )


@task(retries=2, retry_delay=timedelta(seconds=5))  # type: ignore[untyped-decorator, unused-ignore]
def run_stage(flow: str, stage: str, recipe: str, file: str, done: dict[str, str]) -> str:
    """Run one stage; the user's mistakes are not tried again, all else is."""
    context, settings = get_current_context(), Settings.load()
    asked = {key: value for key, value in context["params"].items() if key in Asked.model_fields}
    try:
        made = scheduled.step(
            stage, Path(file), done, run_name(context), Asked.model_validate(asked), settings, flow
        )
    except ValueError as mistake:  # UserError is one
        raise AirflowFailException(str(mistake)) from None
    if context["task"].outlets and scheduled.unplanned(recipe, made, settings):
        tell(context, recipe)
    return made


@task(retries=2, retry_delay=timedelta(seconds=20))  # type: ignore[untyped-decorator, unused-ignore]
def close(recipe: str) -> None:
    """The last word of a run. Data that came while a training ran, when its DAG took no event, are told of."""
    context = get_current_context()
    driven = "run" in (context["dag_run"].conf or {})
    if scheduled.close(recipe, run_name(context), Settings.load(), driven) and context["task"].outlets:
        tell(context, recipe)


def tell(context: Context, recipe: str) -> None:
    context["outlet_events"][news(recipe)].add(data(recipe))


def failed(context: Context) -> None:
    """Called where a task has failed for good."""
    task_instance, error = context["task_instance"], context.get("exception")
    recipe = task_instance.dag_id.partition("_")[2]
    scheduled.fail(error, recipe, task_instance.task_id, run_name(context), Settings.load())


def run_name(context: Context) -> str:
    """The name of the run's journal."""
    run = context["dag_run"]
    return scheduled.run_name(run.dag_id, run.run_after, run.conf or {})
