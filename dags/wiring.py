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
    AssetWatcher,
    Context,
    Param,
    get_current_context,
    task,
)
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowFailException

from dags.approval import Ask, approval_hours
from dags.watch import Inbox
from pipelines.flows import scheduled
from pipelines.flows.scheduled import Asked
from pipelines.graph import FLOWS, GRAPH, HEAVY, POOL
from pipelines.recipe import Recipe
from pipelines.settings import Settings

# From ten seconds to two hours, 12 to 24 h in all; scheduled.worth_retrying() says which failures are worth that.
PATIENT: dict[str, Any] = {
    "retries": 16,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(hours=2),
}
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


def asset(kind: str, recipe: str) -> Asset:
    """What an event is about: `data`, a training is due; `champion`, scores or drift figures are.

    An event is a hint; manifests say what is due.
    """
    return Asset(name=f"{kind}_{recipe}", uri=f"selfsup://{kind}/{recipe}")


def inbox(recipe: Recipe) -> list[Asset] | None:
    """The recipe's inbox, looked at by its schedule outside of any DAG run: an idle look leaves nothing behind.

    None where the recipe has no schedule.
    """
    if recipe.schedule is None:
        return None
    look = Inbox(recipe=recipe.name, schedule=recipe.schedule, timezone=recipe.timezone)
    watcher = AssetWatcher(name=f"inbox_{recipe.name}", trigger=look)
    return [Asset(name=f"inbox_{recipe.name}", uri=f"selfsup://inbox/{recipe.name}", watchers=[watcher])]


def news(recipe: str) -> AssetAlias:
    """Through which a task tells of something only where there is something to tell."""
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
        default_args={"on_failure_callback": failed, "on_retry_callback": retrying},
    ) as dag:
        done: dict[str, Any] = {}
        for stage in FLOWS[name]:
            hours = recipe.hours.get(stage, HOURS[stage in HEAVY])
            tells = (name == "ingest" and stage == FLOWS[name][-1]) or stage == "promote"
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


@task(**PATIENT)  # type: ignore[untyped-decorator, unused-ignore]
def run_stage(flow: str, stage: str, recipe: str, file: str, done: dict[str, str]) -> str:
    """Run one stage; the user's mistakes are not tried again, what may pass by itself for hours."""
    context, settings = get_current_context(), Settings.load()
    asked = {key: value for key, value in context["params"].items() if key in Asked.model_fields}
    try:
        made = scheduled.step(
            stage, Path(file), done, run_name(context), Asked.model_validate(asked), settings, flow
        )
    except Exception as error:
        if not scheduled.worth_retrying(error, context["task_instance"].try_number, driven(context)):
            raise AirflowFailException(str(error)) from None
        raise
    tell(context, recipe, settings)
    return made


@task(**PATIENT)  # type: ignore[untyped-decorator, unused-ignore]
def close(recipe: str) -> None:
    """The last word of a run. What its failure has left undone, and data that came while it ran, are told of."""
    context, settings = get_current_context(), Settings.load()
    scheduled.close(recipe, run_name(context), settings, driven(context))
    tell(context, recipe, settings)


def tell(context: Context, recipe: str, settings: Settings) -> None:
    """Events of what is due, by a task that has an outlet."""
    if context["task"].outlets:
        for kind in scheduled.events(recipe, settings):
            context["outlet_events"][news(recipe)].add(asset(kind, recipe))


def driven(context: Context) -> bool:
    """Whether a person waits for the run at a terminal (`selfsup run --airflow`)."""
    return "run" in (context["dag_run"].conf or {})


def failed(context: Context) -> None:
    """Called where a task has failed for good."""
    task_instance, error = context["task_instance"], context.get("exception")
    recipe = task_instance.dag_id.partition("_")[2]
    scheduled.fail(error, recipe, task_instance.task_id, run_name(context), Settings.load())


def retrying(context: Context) -> None:
    """Called where a task has failed and is tried again."""
    task_instance, error = context["task_instance"], context.get("exception")
    recipe, run = task_instance.dag_id.partition("_")[2], run_name(context)
    attempt, settings = task_instance.try_number, Settings.load()
    scheduled.retrying(error, attempt, recipe, task_instance.task_id, run, settings)


def run_name(context: Context) -> str:
    """The name of the run's journal."""
    run = context["dag_run"]
    return scheduled.run_name(run.dag_id, run.run_after, run.conf or {})
