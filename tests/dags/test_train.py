"""Real DAG runs of a small project, from `selfsup run --airflow`, without a scheduler."""

import os
import signal
import sqlite3

import pytest


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


def logs(project):
    return "".join(file.read_text() for file in (project.home / "airflow" / "runs").glob("*.log"))


@pytest.mark.slow
def test_dag_runs_from_the_first_to_the_last_word(project, eventually):
    """One home for all of it, because a database takes seconds to make."""
    recipe = str(project.recipe())
    before = {p for p in project.root.rglob("*") if ".selfsup" not in p.parts}

    code, out, err = project.selfsup("run", recipe, "--airflow", HOME=str(project.root / "user"))
    assert (code, err) == (0, "")
    assert "first | at work" in out
    assert project.calls == ["first", "second"]
    done = [("close", "success", 1), ("first", "success", 1), ("second", "success", 1)]
    assert states(project) == (["success"], done)
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
    assert err == "selfsup: error [spoon-missing]: first: a spoon is needed, a fork came; bring a spoon\n"
    assert states(project)[1] == [done[0], ("first", "failed", 1), ("second", "upstream_failed", 0)]
    assert "small failed [spoon-missing]: first: a spoon is needed" in logs(project)

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
    assert err.startswith("selfsup: error: first: KeyError")
    assert err.count("\n") == 1
    runs, tasks = states(project)
    assert runs == ["success", "success", "failed", "failed", "failed"]  # the killed one is closed
    assert tasks[1] == ("first", "failed", 3)  # tried again, unlike the user's mistake

    project.behave("well")
    assert project.selfsup("run", recipe, "--airflow")[0] == 0
    assert states(project)[1] == done
    assert len(list((project.home / "runs").glob("*.recipe.json"))) == 1  # of the run that was killed
    assert project.processes() == []
