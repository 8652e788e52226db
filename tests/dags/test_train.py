"""The DAG file: what it loads, what it wires, and real DAG runs of a small project."""

import json
import os
import signal
import sqlite3

import pytest

PARSE = """
import json, runpy, sys
found = runpy.run_path("dags/train.py")
heavy = ("torch", "ray", "mlflow", "pandas", "numpy", "pyarrow", "sklearn", "dvc")
dags = {name: dag for name, dag in found.items() if name.startswith("train_")}
print(json.dumps({
    "heavy": [m for m in heavy if m in sys.modules],
    "stages": [m for m in sys.modules if m.startswith("pipelines.stages.")],
    "dags": {d.dag_id: {t.task_id: sorted(t.upstream_task_ids) for t in d.tasks} for d in dags.values()},
    "schedules": {dag.dag_id: dag.schedule for dag in dags.values()},
    "retries": sorted({t.retries for dag in dags.values() for t in dag.tasks}),
}))
"""


@pytest.fixture
def airflow_environ(project):
    home = project.root / "airflow"
    return {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "HOME": str(project.root)}


def test_parsing_loads_nothing_heavy_and_one_mistake_takes_no_other_dag_with_it(project, airflow_environ):
    project.recipe()
    project.recipe("schedule: '0 3 * * *'\n", name="nightly")
    (project.root / "recipes" / "broken.yaml").write_text("name: broken\ncolour: red\n")
    (project.root / "recipes" / "twice.yaml").write_text(
        (project.root / "recipes" / "small.yaml").read_text()
    )
    told = json.loads(project.python(PARSE, **airflow_environ).splitlines()[-1])
    assert told["heavy"] == told["stages"] == []
    graph = {"first": [], "second": ["first"]}
    assert told["dags"] == {"train_small": graph, "train_nightly": graph}
    assert told["schedules"] == {"train_small": None, "train_nightly": "0 3 * * *"}
    assert told["retries"] == [2]


def states(project):
    """(DAG runs' states, oldest first; (task, state, tries) of the latest)."""
    with sqlite3.connect(project.home / "airflow" / "airflow.db") as database:
        runs = database.execute("select run_id, state from dag_run order by id").fetchall()
        tasks = database.execute(
            "select task_id, state, try_number from task_instance where run_id = ? order by task_id",
            (runs[-1][0],),
        ).fetchall()
    database.close()
    return [state for _, state in runs], tasks


@pytest.mark.slow
def test_dag_runs_from_the_first_to_the_last_word(project, eventually):
    """One home for all of it, because a database takes seconds to make."""
    recipe = str(project.recipe())
    before = {p for p in project.root.rglob("*") if ".selfsup" not in p.parts}

    code, out, err = project.selfsup("run", recipe, "--airflow", HOME=str(project.root / "user"))
    assert (code, err) == (0, "")
    assert "first | at work" in out
    assert project.calls == ["first", "second"]
    assert states(project) == (["success"], [("first", "success", 1), ("second", "success", 1)])
    assert {p for p in project.root.rglob("*") if ".selfsup" not in p.parts} - before <= {
        project.root / "user"
    }

    code, out, _ = project.selfsup("run", recipe, "--airflow")
    assert "0 steps trained: nothing changed" in out
    assert project.calls == ["first", "second"]

    project.recipe("first: {size: 4}\n")
    project.behave("user")
    code, _, err = project.selfsup("run", recipe, "--airflow")
    assert code == 2
    assert err == "selfsup: first: a spoon is needed, a fork came; bring a spoon\n"
    assert states(project)[1] == [("first", "failed", 1), ("second", "upstream_failed", 0)]

    project.behave("waits")
    run = project.start("run", recipe, "--airflow")
    waiting = project.home / "waiting"
    eventually(lambda: waiting.exists() and waiting.read_text() != "", 240)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=60)
    eventually(lambda: project.processes() == [], 60)

    project.behave("bug")
    code, _, err = project.selfsup("run", recipe, "--airflow")
    assert code == 1
    assert err.startswith("selfsup: first: KeyError")
    assert err.count("\n") == 1
    runs, tasks = states(project)
    assert runs == ["success", "success", "failed", "failed", "failed"]  # the killed one is closed
    assert tasks[0] == ("first", "failed", 3)  # tried again, unlike the user's mistake

    project.behave("well")
    assert project.selfsup("run", recipe, "--airflow")[0] == 0
    assert states(project)[1] == [("first", "success", 1), ("second", "success", 1)]
    assert project.processes() == []
