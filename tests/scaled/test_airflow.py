"""Airflow on a real PostgreSQL, its tasks run by a Celery worker that hears of them through a real Redis."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest

from tests.scaled.services import free_port, until

pytestmark = pytest.mark.slow
PRINT = """
import json
from pipelines.flows.airflow_home import airflow_environ
from pipelines.settings import Settings
print(json.dumps(airflow_environ(Settings.load())))
"""
DAG_RUN = """
import sys
from pipelines.flows.airflow_home import dag_run
sys.exit(not dag_run('train_small', {'run': 'one'}))
"""


@pytest.fixture
def database(postgres: Callable[[str], str]) -> str:
    return postgres("airflow")


@pytest.fixture
def environ(project: Any, database: str, redis: str) -> dict[str, str]:
    """What the compose file says of Airflow, on this machine."""
    project.recipe()
    port = free_port()
    options = {
        "CORE__EXECUTOR": "CeleryExecutor",
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
        "CELERY__BROKER_URL": redis,
        "CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
        "CELERY__WORKER_CONCURRENCY": "1",
        "API__PORT": str(port),
        "API__BASE_URL": f"http://127.0.0.1:{port}",
    }
    given: dict[str, str] = json.loads(project.python(PRINT))
    return {**given, **{f"AIRFLOW__{name}": value for name, value in options.items()}}


def run(environ: dict[str, str], cwd: Any, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, *command], env=environ, cwd=cwd, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@contextmanager
def started(environ: dict[str, str], project: Any, *names: str) -> Iterator[None]:
    """Airflow's own processes, each with a log; all of their sessions are ended."""
    made = []
    for name in names:
        with (project.root / f"{name.replace(' ', '-')}.log").open("wb") as output:
            command = [sys.executable, "-m", "airflow", *name.split()]
            made.append(
                subprocess.Popen(
                    command,
                    env=environ,
                    cwd=project.root,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in made:
                try:
                    os.killpg(process.pid, number)
                    process.wait(20)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue


def test_a_dag_run_on_postgresql_and_one_by_a_celery_worker(
    project: Any, environ: dict[str, str], database: str
) -> None:
    def rows(query: str) -> list[tuple[Any, ...]]:
        with (
            closing(psycopg2.connect(f"postgresql://{database}")) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(query)
            return list(cursor.fetchall())

    run(
        environ, project.root, "-m", "pipelines.flows.airflow_home", "migrate"
    )  # airflow db migrate, and our pool
    run(environ, project.root, "-c", DAG_RUN)
    assert rows("select dag_id, state from dag_run") == [("train_small", "success")]
    assert project.calls == ["first", "second"]

    project.recipe("first: {size: 4}\n")
    run(environ, project.root, "-m", "airflow", "dags", "reserialize")
    run(environ, project.root, "-m", "airflow", "dags", "trigger", "ingest_small", "--run-id", "two")
    state = "select state from dag_run where run_id = 'two'"
    ids = "select task_id, external_executor_id from task_instance where run_id = 'two' and state = 'success'"
    with started(
        environ, project, "api-server", "scheduler --skip-serve-logs", "celery worker --skip-serve-logs"
    ):
        until(lambda: rows(state)[0][0] in ("success", "failed"), "the DAG run ends", 400)
        done = dict(rows(ids))
        meta = "select task_id from celery_taskmeta where status = 'SUCCESS'"
        until(
            lambda: set(done.values()) <= {key for (key,) in rows(meta)},
            "Celery says that its tasks are done",
        )
    logs = "\n".join(f.read_text(errors="replace")[-3000:] for f in project.root.glob("*.log"))
    assert rows(state) == [("success",)], logs
    assert project.calls[:3] == ["first", "second", "first"]
    assert "first" in done
