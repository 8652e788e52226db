"""Every task: what it says of itself, and how a request names it."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from components.errors import UserError
from components.tasks.base import Task
from components.tasks.registry import TASKS, USUAL, TaskConfig, build_task, task_name, task_of


@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_is_built_from_its_name_and_says_what_it_is(name: str) -> None:
    task = build_task(TypeAdapter(TaskConfig).validate_python({"name": name}))
    assert isinstance(task, Task)
    assert task.headline
    assert task.word
    assert task.headline not in task.figures
    assert task.learns.split()[0] in ("a", "an")
    assert type(task) is task_of({"task": name})


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "classification"),
        ({"task": "regression"}, "regression"),
        ({"task": {"name": "regression", "decimal": ","}}, "regression"),
        ({"task": USUAL}, "classification"),
    ],
)
def test_a_request_names_its_task(given: dict[str, Any], name: str) -> None:
    assert task_name(given) == name


def test_an_unknown_task_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="a known task is needed, got 'sorting'; tasks: classification, "):
        task_of({"task": "sorting"})
    with pytest.raises(ValidationError, match="regression"):
        TypeAdapter(TaskConfig).validate_python({"name": "regresion"})


def test_the_headline_is_shown_with_its_interval() -> None:
    task = task_of({"task": "regression"})
    assert task.shown({"r2": 0.5}) == "0.500"
    assert task.shown({"r2": 0.5, "r2_low": 0.4, "r2_high": 0.625}) == "0.500 [0.400, 0.625]"
