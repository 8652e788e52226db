"""Airflow DAG promote_NAME for each recipe: a person promotes a version, goes back to the previous champion, or
overrides the gate; and answers whether a challenger may become champion, where the recipe asks that.

Started by hand, or by the training. The lock and the journal of promotions are the same as the command line's.
"""

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from dags.approval import Approval, approval_hours, verdict
from dags.wiring import each, failed, news, run_name, tell
from pipelines.flows import scheduled
from pipelines.recipe import Recipe
from pipelines.settings import Settings

FORM = {
    "action": Param("promote", type="string", enum=["promote", "rollback", "override"], title="Action"),
    "version": Param(
        None, type=["null", "string"], title="Version", description="Of the model; a rollback needs none."
    ),
    "name": Param(
        None, type=["null", "string"], title="Name", description="Who does it; your user if left out."
    ),
    "reason": Param("", type="string", title="Reason", description="Why: for the journal."),
}


def promote(recipe: Recipe) -> DAG:
    with DAG(
        dag_id=f"promote_{recipe.name}",
        schedule=None,
        start_date=datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=8,  # one that waits for a person holds up no rollback
        tags=["selfsup", recipe.name],
        doc_md=__doc__,
        params=FORM,
        default_args={"on_failure_callback": failed},
    ) as dag:
        hours = approval_hours(recipe)
        answer = Approval(task_id="approve", recipe=recipe.name, hours=hours).output if hours else None
        act.override(outlets=[news(recipe.name)])(recipe.name, answer)
    return dag


@task  # type: ignore[untyped-decorator, unused-ignore]
def act(recipe: str, answer: dict[str, Any] | None) -> str:
    """One line of what came of it; what promotion refuses is a failed task with the reason.

    Not tried again: a rollback that was done and is done again is none.
    """
    context = get_current_context()
    asked, user = context["params"], context["dag_run"].triggering_user_name
    approved, who = verdict(answer)
    settings = Settings.load()
    try:
        text = scheduled.act(
            asked["action"] if approved else "refuse",
            recipe,
            asked["version"],
            str(who or asked["name"] or user or "Airflow"),
            asked["reason"] if approved else "not approved",
            run_name(context),
            settings,
        )
    except ValueError as mistake:  # UserError is one
        raise AirflowFailException(str(mistake)) from None
    tell(context, recipe, settings)
    return text


globals().update(each(promote))
