"""Every task, by the name that a recipe gives it. Adding one is a line here, and one in each table BY_TASK."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from components.config import Config
from components.errors import UserError
from components.implementations import Implementations
from components.tasks.base import Task
from components.tasks.classification import ClassificationConfig

TASKS = Implementations[Task[Any]](
    "components.tasks",
    "selfsup.tasks",
    {
        "classification": "classification:Classification",
        "regression": "regression:Regression",
        "anomaly": "anomaly:Anomaly",
        "segmentation": "segmentation:Segmentation",
        "ranking": "ranking:Ranking",
    },
)
USUAL = ClassificationConfig()  # where a recipe names none
if TYPE_CHECKING:
    TaskConfig = Config
else:
    TaskConfig = TASKS.config_type()


def build_task(config: TaskConfig) -> Task[Any]:
    """The task that `config` describes."""
    return TASKS.build(config)


def task_of(given: Mapping[str, Any]) -> type[Task[Any]]:
    """The kind of task in a request or a model's description, for what does not depend on its options.

    Raises:
        UserError: it is not known here.
    """
    name = task_name(given)
    if name not in TASKS:
        raise UserError(
            "unknown-name", f"a known task is needed, got {name!r:.80}; tasks: {', '.join(TASKS)}"
        )
    found: Any = TASKS[name]
    return found  # type: ignore[no-any-return]


def task_name(given: Mapping[str, Any]) -> str:
    """The name of the task in a request, as a recipe gives it: {"task": {"name": "regression"}}, {"task": "regression"}
    or none, which is classification."""
    task = given.get("task", USUAL.name)
    return str(task["name"] if isinstance(task, Mapping) else getattr(task, "name", task))
