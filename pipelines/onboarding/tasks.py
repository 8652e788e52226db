"""What somebody's labels mean: classes, numbers, or which samples are anomalies."""

from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from components.config import explain, unknown
from components.errors import UserError
from components.implementations import name_of
from components.tasks.registry import TASKS, USUAL, TaskConfig, build_task
from components.tasks.regression import are_numbers
from components.tasks.segmentation import SegmentationConfig
from components.wording import counted
from pipelines.onboarding.label_survey import Labels


def meaning(labels: Labels, task: str | dict[str, Any] | None, why: str = "as asked") -> str:
    """The line of the recipe that says the task, with its reason; empty for classes, which need none. Labels that are
    numbers are kept apart from classes from then on.

    task: what the user says; None: by the labels. why: the reason for `task`.

    Raises:
        UserError: there is no such task, or it makes nothing of any of the labels.
    """
    if task is None:
        if not are_numbers(labels.classes):
            return ""
        different = len(labels.classes)
        labels.as_numbers()
        return f"task: regression  # labels are numbers, of {different} values; classification: each is a class\n"
    config = build_task(named(task)).fitting(labels.classes)
    if isinstance(config, SegmentationConfig) and not config.classes:
        config = config.model_copy(update={"classes": labels.names})
    built = build_task(config)
    targets = built.targets({text: text for text in labels.classes})
    if built.numeric:
        labels.as_numbers()
    if built.masks:
        if targets.refused:
            reason = next(iter(targets.refused.values()))
            refused = sum(labels.classes[text] for text in targets.refused)
            if not any(map(_is_mask, labels.classes)):
                raise UserError("masks-missing", f"none of {counted(refused, 'label')} is a mask: {reason}")
            labels.notes.append(f"{counted(refused, 'mask')} will count as no label: {reason}")
        labels.as_masks()
    if not built.takes_labels:
        labels.as_unused()
    elif not built.needs_labels:
        labels.as_marks()
    if config == USUAL:
        return ""
    given = config.model_dump(exclude_defaults=True) | {"name": name_of(config)}
    text = (
        name_of(config)
        if len(given) == 1
        else yaml.safe_dump(given, default_flow_style=True, width=10_000).strip()
    )
    return f"task: {text}  # {why}\n"


def _is_mask(text: str) -> bool:
    from components.data.masks import from_text  # numpy, 0.1 s that a recipe need not wait for

    try:
        from_text(text)
    except ValueError:
        return False
    return True


def has_masks(task: str | dict[str, Any]) -> bool:
    """Whether labels are masks, by what the user says of the task.

    Raises:
        UserError: there is no such task, or an option is wrong.
    """
    return build_task(named(task)).masks


def named(task: str | dict[str, Any]) -> TaskConfig:
    """The task that a recipe would give by this name, or by these options.

    Raises:
        UserError: there is none, or an option is wrong.
    """
    given = {"name": task} if isinstance(task, str) else task
    if given.get("name") not in TASKS:
        raise UserError(
            "unknown-name", f"task: {unknown(str(given.get('name')), list(TASKS)).replace('key', 'name')}"
        )
    try:
        found: TaskConfig = TypeAdapter(TaskConfig).validate_python(given)
    except ValidationError as error:
        raise UserError("invalid-option", explain(error, "task")) from None
    return found
