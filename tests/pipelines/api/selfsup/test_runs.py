"""Runs of recipes from Python, on a project of two small stages."""

import pytest


@pytest.fixture
def python(project):
    path = f"{project.root}:{project.root / 'pipelines' / 'api'}"
    return lambda code: project.python(code, PYTHONPATH=path).splitlines()


def test_a_run_gives_what_its_stages_gave_and_prints_it(project, python):
    project.recipe()
    said = python(
        "import selfsup\n"
        "made = selfsup.run('small')\n"
        "print(list(made.references), made.output('second')['total'], made.report, made.name.endswith('-small'))"
    )
    assert said[-1] == "['first', 'second'] 6 None True"
    assert any("first | done" in line for line in said)


def test_values_are_changed_for_one_run_and_what_is_finished_is_found(project, python):
    file = project.recipe()
    code = (
        "import selfsup\n"
        f"recipe = selfsup.load_recipe({str(file)!r})\n"
        "for changed in ({}, {'second': {'factor': 5}}, {}):\n"
        "    made = selfsup.run(recipe.with_overrides(changed), quiet=True)\n"
        "    print(made.output('second')['total'])"
    )
    assert python(code) == ["6", "15", "6"]
    assert project.calls == ["first", "second", "second"]


def test_a_thread_may_run_one_and_a_mistake_is_an_exception(project, python):
    project.recipe("second: {factorr: 1}\n", name="wrong")
    project.recipe()
    code = (
        "import selfsup, threading\n"
        "made = []\n"
        "thread = threading.Thread(target=lambda: made.append(selfsup.run('small', quiet=True)))\n"
        "thread.start(); thread.join(); print(len(made[0].references))\n"
        "for name in ('wrong', 'none'):\n"
        "    try: selfsup.run(name, quiet=True)\n"
        "    except selfsup.UserError as error: print(error.code)"
    )
    assert python(code) == ["2", "invalid-recipe", "no-such-recipe"]


def test_airflow_runs_a_recipe_that_is_a_file(project, python):
    project.recipe()
    code = (
        "from pipelines.engine.progress import Display\n"
        "from pipelines.flows.run import run\n"
        "from pipelines.settings import Settings\n"
        "import selfsup\n"
        "try: run(selfsup.load_recipe('small'), Settings.load(), Display(), True)\n"
        "except selfsup.UserError as error: print(error.code)"
    )
    assert python(code) == ["invalid-option"]
