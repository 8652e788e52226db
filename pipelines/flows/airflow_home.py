"""Airflow for `selfsup run --airflow`: a home of its own, and one real DAG run in it.

A scheduler with its API server and DAG processor is healthy after 30 to 75 s; a DAG's own test loop makes the
same DAG run and task instances in the same database without them, a few seconds after the import, and the web
page of `make up` shows it afterwards. Everything lies in SELFSUP_HOME/airflow.
"""

import contextlib
import gc
import json
import os
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from components.errors import UserError
from pipelines.engine import journal, processes, stage_process
from pipelines.engine.code_digest import ROOT
from pipelines.engine.execute import StageError
from pipelines.engine.progress import Display
from pipelines.graph import FLOWS, POOL
from pipelines.recipe import Recipe
from pipelines.settings import Settings

GONE = 180.0  # seconds for which a DAG has not been parsed when its recipe counts as deleted


def airflow_environ(settings: Settings, recipes: Path | None = None) -> dict[str, str]:
    """The environment of every Airflow process on this home: loopback, small, nothing elsewhere.

    Raises:
        UserError: the profile is scaled out.
    """
    if settings.profile == "scaled-out":
        raise UserError(
            "airflow-of-one-machine",
            "this Airflow lives on SQLite and serves one machine; in the scaled-out profile trigger the DAG in its "
            "own Airflow (docker/README.md), or run without --airflow",
        )
    home = settings.home / "airflow"
    keys = _secrets(home / "secrets")
    _password(home / "passwords.json")
    options = {
        "CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__MAX_ACTIVE_TASKS_PER_DAG": "4",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__FERNET_KEY": keys[0],
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(home / "logs" / "dag_processor"),
        "API__HOST": "127.0.0.1",
        "API__PORT": str(settings.airflow_port),
        "API__WORKERS": "1",
        "API__BASE_URL": f"http://127.0.0.1:{settings.airflow_port}",
        "API__SECRET_KEY": keys[1],
        "API_AUTH__JWT_SECRET": keys[2],
        "LOGGING__WORKER_LOG_SERVER_HOST": "127.0.0.1",
        # A task outlives an API server that is gone for some minutes, and so does its word that it is done.
        "WORKERS__MAX_FAILED_HEARTBEATS": "60",
        "WORKERS__EXECUTION_API_RETRIES": "12",
        "WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "20.0",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "600",
        # What a scheduler that was killed had begun is begun again by the next one within the minute, not after five.
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
    }
    placed = settings if recipes is None else settings.model_copy(update={"recipes": recipes})
    return {
        **processes.child_environ(placed),
        **{f"AIRFLOW__{name}": value for name, value in options.items()},
        "AIRFLOW_HOME": str(home),
    }


def through_airflow(recipe: Recipe, settings: Settings, run: str, display: Display, flow: str) -> None:
    """A DAG run of the recipe's DAG for this flow, in a child process; followed until it ends.

    Raises:
        UserError, StageError: as execute() does.
    """
    log = settings.home / "airflow" / "runs" / f"{run}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    display({"stage": "airflow", "status": "started"})
    token = secrets.token_hex(8)
    environ = {**airflow_environ(settings, recipe.file.parent), processes.TOKEN: token}
    conf = json.dumps({"run": run, "force": recipe.sections.get("plan", {}).get("force")})
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pipelines.flows.airflow_home",
                "run",
                f"{flow}_{recipe.name}",
                conf,
                str(os.getpid()),
            ],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environ,
            start_new_session=True,
        )
        try:
            _follow(process, journal.live_file(settings.home, run), display)
        finally:
            processes.end(process, token)
            assert process.stdin is not None
            process.stdin.close()
    lines = journal.stages(settings.home, run)
    for line in lines:
        if line.status == "failed":
            text = f"{line.stage}: {line.error}"
            raise UserError(line.code, text) if line.mistake else StageError(text)
    if process.returncode != 0 or len(lines) != len(FLOWS[flow]):
        raise StageError(f"the Airflow DAG run ended before its stages did; its log is {log}")


def _follow(process: subprocess.Popen[bytes], live: Path, display: Callable[[dict[str, Any]], None]) -> None:
    """Shows what the stages tell until the process has ended."""
    seen = 0
    ended = False
    while not ended:
        ended = process.poll() is not None  # asked first: what was written before it is still read
        told = journal.records(live)  # a torn last line is no record yet
        for record in told[seen:]:
            display(record)
        seen = len(told)
        time.sleep(0 if ended else 0.2)


def _secrets(file: Path) -> list[str]:
    """Three keys, made once for this home and readable by its owner alone."""
    if not file.exists():
        import base64

        fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        _write_private(file, "\n".join([fernet, secrets.token_hex(32), secrets.token_hex(32)]))
    return file.read_text().split()


def _password(file: Path) -> None:
    """The password of Airflow's page; Airflow itself would make it readable to all, and print it into a log."""
    if not file.exists():
        _write_private(file, json.dumps({"admin": secrets.token_urlsafe(12)}))


def _write_private(file: Path, text: str) -> None:
    """A new file that never was readable by anybody else, in a folder that is its owner's alone."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    part.replace(file)


def make_private(settings: Settings) -> None:
    """Nobody else may enter the folders that hold secrets, nor read a file in them: of homes that are older too."""
    for folder in (settings.home, *(settings.home / name for name in ("airflow", "platform", "logs"))):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    for folder in (settings.home / "airflow", settings.home / "platform", settings.home / "logs"):
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o700 if path.is_dir() else 0o600)


def migrate(home: Path) -> None:
    """The database, made or brought up to date (at once where this version has done so before), and the pool."""
    from airflow import __version__

    stamp = home / f"migrated-{__version__}"
    if not (stamp.exists() and (home / "airflow.db").exists()):
        from airflow.utils.db import upgradedb

        upgradedb()
        stamp.touch()
    from airflow.models.pool import Pool

    if Pool.get_pool(POOL) is None:  # else its slots are what a person has set
        Pool.create_or_update_pool(POOL, 1, "stages that take the accelerator, or all cores", False)


def dag_run(dag_id: str, conf: dict[str, Any]) -> bool:
    """One DAG run, from the first task to the last. Whether it succeeded."""
    from airflow.dag_processing.dagbag import DagBag

    _close_abandoned(dag_id)
    bag = DagBag(str(ROOT / "dags" / f"{dag_id.partition('_')[0]}.py"))
    if dag_id not in bag.dags:
        print(f"there is no DAG {dag_id}; import errors: {bag.import_errors or 'none'}", file=sys.stderr)
        return False
    dag = bag.dags[dag_id]
    # Its test loop takes the alert for the id of one in the database; PostgreSQL refuses that.
    dag.deadline = None
    with stage_process.serving(Settings.load()):  # the loop runs its tasks in this process
        made = dag.test(run_conf=conf)
    return str(made.state) == "success"


def _close_abandoned(dag_id: str) -> None:
    """A run whose process was killed still counts as running; the lock on the home says that it is not."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        for made in session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.state == "running")):
            if str(made.triggered_by) not in ("test", "DagRunTriggeredByType.TEST"):
                continue  # the scheduler's, which looks after its own
            _fail_tasks(made, session)
            made.set_state("failed")


def _fail_tasks(made: Any, session: Any) -> None:
    """The tasks of a DAG run that have not ended have failed."""
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    open_states = (None, "running", "queued", "scheduled", "up_for_retry", "restarting")
    of_run = (TaskInstance.dag_id == made.dag_id, TaskInstance.run_id == made.run_id)
    for one in session.scalars(select(TaskInstance).where(*of_run)):
        if one.state in open_states:
            one.state = "failed"


def end_runs_without_recipe(settings: Settings) -> list[tuple[str, str, str]]:
    """End the DAG runs that Airflow will never schedule, because the recipe of their DAG was deleted.

    Returns:
        Of each its recipe, the name of its journal and what became of it, for a person.
    """
    file = settings.home / "airflow" / "airflow.db"
    since = datetime.now(UTC) - timedelta(seconds=GONE)
    query = (
        "select dag_run.dag_id, dag_run.run_id, dag_run.run_after from dag_run join dag using (dag_id) "
        "where dag_run.state in ('queued', 'running') and dag.is_stale and dag.last_parsed_time < ?"
    )
    try:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            lost = database.execute(query, (since.strftime("%Y-%m-%d %H:%M:%S.%f"),)).fetchall()
    except sqlite3.OperationalError:  # not made yet
        return []
    ended = []
    for dag_id, run_id, after in lost:
        flow, _, recipe = dag_id.partition("_")
        text = (
            f"{flow} did not run: the recipe {recipe} was deleted or cannot be read; `selfsup check {recipe}`"
        )
        command = [sys.executable, "-m", "pipelines.flows.airflow_home", "end", dag_id, run_id, text]
        subprocess.run(command, env=airflow_environ(settings), check=True, capture_output=True)
        run = journal.airflow_run(dag_id, datetime.fromisoformat(after))
        head = {"run": run, "recipe": recipe, "flow": flow, "started": time.time(), "ended": time.time()}
        journal.append(journal.journal_file(settings.home, run), {**head, "error": text})
        ended.append((recipe, run, text))
    return ended


def _end(dag_id: str, run_id: str, note: str) -> None:
    """One DAG run and its open tasks have failed; the page shows why."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        for made in session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)):
            _fail_tasks(made, session)
            made.note = note
            made.set_state("failed")


def main() -> int:
    from pipelines.engine.child import die_with_parent

    os.umask(0o077)
    action, *given = sys.argv[1:]
    if action == "end":
        _end(*given)
        return 0
    if action == "run":
        die_with_parent(int(given[2]))
        gc.set_threshold(
            50_000, 20, 20
        )  # imports make objects that stay: looking through them takes a seventh
    migrate(Path(os.environ["AIRFLOW_HOME"]))
    return 0 if action == "migrate" or dag_run(given[0], json.loads(given[1])) else 1


if __name__ == "__main__":
    sys.exit(main())
