"""A person's word before a challenger becomes champion, where the recipe asks for it (promote: {approval: true}).

The training does not wait for it: it ends, and starts a run of promote_NAME, which waits. No word in time is a
refusal.
"""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from pipelines.flows import scheduled
from pipelines.recipe import Recipe
from pipelines.settings import Settings

APPROVE, REFUSE = "Approve", "Refuse"


def approval_hours(recipe: Recipe) -> float | None:
    """How long a person has to approve; None where the gate alone decides."""
    return recipe.approval_hours if recipe.sections.get("promote", {}).get("approval") else None


class Ask(TriggerDagRunOperator):  # type: ignore[misc, unused-ignore]
    """Starts promote_NAME for a challenger that has passed the gate and waits for a person; once for a version."""

    def __init__(self, *, recipe: str, hours: float, **given: Any) -> None:
        super().__init__(
            trigger_dag_id=f"promote_{recipe}",
            skip_when_already_exists=True,
            openlineage_inject_parent_info=False,
            **given,
        )
        self.recipe, self.hours = recipe, hours

    def execute(self, context: Context) -> None:
        reference = context["task_instance"].xcom_pull(task_ids="promote")
        waits = scheduled.waiting(reference, self.recipe, self.hours, context["run_id"], Settings.load())
        if waits is None:
            raise AirflowSkipException("nobody is asked: no challenger waits for a person")
        version, reason = waits
        self.trigger_run_id = f"version-{version}"
        self.conf = {"action": "promote", "version": version, "reason": reason}
        super().execute(context)


class Approval(HITLOperator):  # type: ignore[misc, unused-ignore]
    """Asks where a promotion is to be decided; who rolls back or overrides has decided already."""

    def __init__(self, *, hours: float, recipe: str, **given: Any) -> None:
        super().__init__(
            subject=f"{recipe}: may version {{{{ params.version }}}} become champion?",
            body="{{ params.reason }}",
            options=[APPROVE, REFUSE],
            defaults=[REFUSE],
            response_timeout=timedelta(hours=hours),
            **given,
        )

    def execute(self, context: Context) -> Any:
        return super().execute(context) if context["params"]["action"] == "promote" else None


def verdict(answer: dict[str, Any] | None) -> tuple[bool, str | None]:
    """Whether it goes on, and who said so: None where nobody was asked."""
    if answer is None:
        return True, None
    user = answer.get("responded_by_user") or {}
    return answer["chosen_options"] == [APPROVE], user.get("name") or "nobody in time"
