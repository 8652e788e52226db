"""`selfsup up` and `selfsup down`: Airflow with its web page and scheduler, and MLflow's page, on this machine alone.

Both listen on loopback. What was started carries a token in its environment, so that `down` finds all of it, also what
left its process group, and nothing else.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from components.errors import UserError
from pipelines import processes
from pipelines.airflow_home import PORT, airflow_environ
from pipelines.execute import child_environ
from pipelines.settings import Settings

MLFLOW_PORT = 5000
PATIENCE = 180.0  # seconds until both answer; it takes 30 to 75 s on two cores
Say = Callable[[str], None]


def up(settings: Settings, say: Say) -> None:
    """Start what is not there and wait until both pages answer.

    Raises:
        UserError: it runs already, a port is taken, or one of them ended; names its log.
    """
    record = _record(settings)
    if record.exists() and processes.marked(json.loads(record.read_text())["token"]):
        raise UserError(
            f"it is up already: http://127.0.0.1:{PORT} and http://127.0.0.1:{MLFLOW_PORT}; `make down` ends it"
        )
    for port in (PORT, MLFLOW_PORT):
        if _answers(f"http://127.0.0.1:{port}/"):
            raise UserError(f"port {port} is taken by another program; end that first")
    token, logs = secrets.token_hex(8), settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({"token": token}))
    began = time.monotonic()
    airflow = {**airflow_environ(settings), processes.TOKEN: token}
    airflow["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), airflow.get("PATH", "")]
    )  # it calls `airflow`
    mlflow = {**child_environ(settings), processes.TOKEN: token}
    _prepare_mlflow(settings)
    server = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(MLFLOW_PORT), "--workers", "1"]
    server += [
        "--backend-store-uri",
        settings.mlflow,
        "--artifacts-destination",
        str(settings.mlflow_artifacts),
    ]
    started = {
        "airflow": _start(["-m", "airflow", "standalone"], airflow, logs / "airflow.log"),
        "mlflow": _start(server, mlflow, logs / "mlflow.log"),
    }
    try:
        _wait(started, logs, began + PATIENCE)
    except BaseException:
        down(settings, lambda text: None)
        raise
    say(f"up after {time.monotonic() - began:.0f} s; `make down` ends it")
    say(
        f"Airflow  http://127.0.0.1:{PORT}  user admin, password in {settings.home / 'airflow' / 'passwords.json'}"
    )
    say(f"MLflow   http://127.0.0.1:{MLFLOW_PORT}")


def down(settings: Settings, say: Say) -> None:
    """End all that `up` started; nothing of it is left when this returns."""
    record = _record(settings)
    token = json.loads(record.read_text())["token"] if record.exists() else ""
    running = processes.marked(token) if token else []
    for process in running:
        processes.tell(process, signal.SIGINT)
    deadline = time.monotonic() + 15
    while token and processes.marked(token) and time.monotonic() < deadline:
        time.sleep(0.2)
    while token and (left := processes.marked(token)):
        for process in left:
            processes.tell(process, signal.SIGKILL)
        time.sleep(0.1)
    record.unlink(missing_ok=True)
    say(f"down: {len(running)} processes ended" if running else "nothing was up")


def _record(settings: Settings) -> Path:
    settings.home.mkdir(parents=True, exist_ok=True)
    return settings.home / "platform.json"


def _prepare_mlflow(settings: Settings) -> None:
    """The database is migrated by one process before several open it: MLflow's own start is not safe there."""
    code = "import sys; from pathlib import Path; from components.registry.store import connect; "
    code += "connect(sys.argv[1], Path(sys.argv[2]))"
    lock = settings.home / "mlflow" / "store.lock"
    subprocess.run(
        [sys.executable, "-c", code, settings.mlflow, str(lock)], env=child_environ(settings), check=True,
        capture_output=True,
    )  # fmt: skip


def _start(command: list[str], environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, *command], env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip


def _wait(started: dict[str, subprocess.Popen[bytes]], logs: Path, deadline: float) -> None:
    pages = {
        "airflow": f"http://127.0.0.1:{PORT}/api/v2/monitor/health",
        "mlflow": f"http://127.0.0.1:{MLFLOW_PORT}/health",
    }
    while not all(_answers(page, healthy=True) for page in pages.values()):
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
