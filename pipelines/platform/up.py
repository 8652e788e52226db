"""`selfsup up` and `selfsup down`: Airflow with its web page and scheduler, and MLflow's page, on this machine alone.

All of it listens on loopback. Each part leads a session of its own, by which `down` finds it and all below it.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

from components.errors import UserError
from components.wording import counted
from pipelines import recipe_folders
from pipelines.engine import processes
from pipelines.flows.airflow_home import PORT, airflow_environ
from pipelines.recipe import Recipe
from pipelines.settings import Settings

MLFLOW_PORT = 5000
PATIENCE = 180.0  # seconds until both answer; it takes 30 to 75 s on two cores
HEALTH = {
    "api-server": f"http://127.0.0.1:{PORT}/api/v2/monitor/health",
    "mlflow": f"http://127.0.0.1:{MLFLOW_PORT}/health",
}
GRACE = 15.0  # seconds between being asked to stop and being made to
# MLflow's database is migrated by one process before several open it: its own start is not safe there.
PREPARE = (
    "import sys; from pathlib import Path; from components.registry.mlflow_registry import connect; "
    "connect(sys.argv[1], Path(sys.argv[2]))"
)
Say = Callable[[str], None]


def up(settings: Settings, say: Say) -> None:
    """Start what is not there and wait until both pages answer.

    Raises:
        UserError: it runs already, a port is taken, or one of them ended; names its log.
    """
    airflow = airflow_environ(settings)
    if _running(settings):
        here = f"http://127.0.0.1:{PORT} and http://127.0.0.1:{MLFLOW_PORT}"
        raise UserError(f"it is up already: {here}; `make down` ends it")
    for port in (PORT, MLFLOW_PORT):
        if _answers(f"http://127.0.0.1:{port}/"):
            raise UserError(f"port {port} is taken by another program; end that first")
    logs = settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    # Its job workers are eight processes and 1.4 GB that nothing of ours asks for.
    mlflow = {**processes.child_environ(settings), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    _run(["-m", "pipelines.flows.airflow_home"], airflow)  # makes the database
    _run(["-c", PREPARE, settings.mlflow, str(settings.mlflow_lock)], mlflow)
    server = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(MLFLOW_PORT), "--workers", "1"]
    server += [
        "--backend-store-uri",
        settings.mlflow,
        "--artifacts-destination",
        str(settings.mlflow_artifacts),
    ]
    # Their log servers listen on every address; on one machine the pages read the log files themselves.
    commands = {
        "api-server": (["-m", "airflow", "api-server"], airflow),
        "dag-processor": (["-m", "airflow", "dag-processor"], airflow),
        "triggerer": (["-m", "airflow", "triggerer", "--skip-serve-logs"], airflow),
        "mlflow": (server, mlflow),
        "scheduler": (["-m", "airflow", "scheduler", "--skip-serve-logs"], airflow),
    }
    started: dict[str, subprocess.Popen[bytes]] = {}
    deadline = began + PATIENCE
    try:
        for name, (command, environ) in commands.items():
            if name == "scheduler":  # a task that it starts before the API answers has failed
                _wait(lambda: _answers(HEALTH["api-server"]), started, logs, deadline)
            started[name] = _start(command, environ, logs / f"{name}.log")
            sessions = [process.pid for process in started.values()]
            _record(settings).write_text(json.dumps({"sessions": sessions, "since": time.time() - PATIENCE}))
        _wait(lambda: all(_answers(page, healthy=True) for page in HEALTH.values()), started, logs, deadline)
    except BaseException:
        down(settings, lambda text: None)
        raise
    say(f"up after {time.monotonic() - began:.0f} s; `make down` ends it")
    say(
        f"Airflow  http://127.0.0.1:{PORT}  user admin, password in {settings.home / 'airflow' / 'passwords.json'}"
    )
    say(f"MLflow   http://127.0.0.1:{MLFLOW_PORT}")
    recipes, mistakes = recipe_folders.scheduled(settings)
    for name, recipe in sorted(recipes.items()):
        say(f"{name}: {_when(recipe)}")
    for mistake in mistakes:
        say(f"no DAG for this recipe: {mistake}")


def _when(recipe: Recipe) -> str:
    """When Airflow starts the recipe's flows by itself."""
    inbox = f"the inbox is looked at by its schedule {recipe.schedule} ({recipe.timezone})"
    match recipe.schedule, recipe.retrain:
        case None, "data":
            return "its ingest is started by hand, and trains where there are new data"
        case None, _:
            return "runs only when started by hand"
        case _, "data":
            return f"{inbox}, and it trains where there are new data"
        case _, "schedule":
            return f"{inbox}, and it trains then"
        case _:
            return f"{inbox}; its training is started by hand"


def down(settings: Settings, say: Say) -> None:
    """End all that `up` started; nothing of it is left when this returns."""
    found = _running(settings)
    for process in found:
        processes.tell(process, signal.SIGINT)
    deadline = time.monotonic() + GRACE
    while (left := _running(settings)) and time.monotonic() < deadline:
        time.sleep(0.2)
    while left:
        for process in left:
            processes.tell(process, signal.SIGKILL)
        time.sleep(0.1)
        left = _running(settings)
    _record(settings).unlink(missing_ok=True)
    say(f"down: {counted(len(found), 'process')} ended" if found else "nothing was up")


def _running(settings: Settings) -> list[psutil.Process]:
    """What `up` started and what that started: by session, which children keep when they rename themselves."""
    record = _record(settings)
    if not record.exists():
        return []
    known = json.loads(record.read_text())
    found = []
    for process in psutil.process_iter():
        try:
            ours = os.getsid(process.pid) in known["sessions"] and process.create_time() >= known["since"]
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _record(settings: Settings) -> Path:
    settings.home.mkdir(parents=True, exist_ok=True)
    return settings.home / "platform.json"


def _run(command: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, *command], env=environ, capture_output=True, text=True)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise UserError(f"{' '.join(command[:4])} ended with code {done.returncode}: {last[0]:.300}")


def _start(command: list[str], environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, *command], env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True, preexec_fn=_heed_sigint,
        )  # fmt: skip


def _heed_sigint() -> None:
    """A shell lets what it puts into the background ignore SIGINT, by which `down` ends all of this."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _wait(
    ready: Callable[[], bool], started: dict[str, subprocess.Popen[bytes]], logs: Path, deadline: float
) -> None:
    while not ready():
        for name, process in started.items():
            if process.poll() is not None:
                raise UserError(
                    f"{name} ended with code {process.returncode}; its log is {logs / f'{name}.log'}"
                )
        if time.monotonic() > deadline:
            raise UserError(f"no healthy answer after {PATIENCE:.0f} s; the logs are in {logs}")
        time.sleep(0.5)


def _answers(page: str, healthy: bool = False) -> bool:
    """Whether something answers there; `healthy`: that says of no part of it that it is unhealthy."""
    try:
        with urllib.request.urlopen(page, timeout=3) as answer:
            return not healthy or b"unhealthy" not in answer.read()
    except urllib.error.HTTPError:
        return not healthy
    except OSError:
        return False
