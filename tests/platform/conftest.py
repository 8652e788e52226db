"""A platform that is up, around two small stages: real Airflow, MLflow and supervisor, on free ports of loopback."""

import json
import shutil
import socket
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import psutil
import pytest

from pipelines.operations import services, supervisor
from pipelines.settings import Settings
from tests.conftest import ROOT, Project

PATIENT = 400.0  # seconds; a machine with other work takes several times as long as a quiet one


@dataclass
class Platform:
    """What `selfsup up` started for a project. told: what the webhook was posted."""

    project: Project
    settings: Settings
    told: list[dict[str, Any]] = field(default_factory=list)

    def selfsup(self, *words: str) -> tuple[int, str, str]:
        return self.project.selfsup(*words, **self.settings.environ())

    def pids(self) -> dict[str, int]:
        """Service -> its main process; the watchdog's and the supervisor's too."""
        keeper = supervisor.process(self.settings)
        found = {name: state.pid for name, state in supervisor.states(self.settings).items()}
        return found | ({} if keeper is None else {"supervisor": keeper.pid})

    def well(self) -> bool:
        states = supervisor.states(self.settings)
        return (
            {*services.SERVICES, supervisor.WATCHDOG} <= states.keys()
            and all(state.name == "RUNNING" for state in states.values())
            and all(services.answers(page, healthy=True) for page in services.pages(self.settings).values())
        )

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        file = self.settings.home / "airflow" / "airflow.db"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=60)) as database:
            return list(database.execute(query, values).fetchall())

    def trigger(self, dag: str, run: str) -> None:
        """A DAG run, as a person starts it on the page."""
        base = f"http://127.0.0.1:{self.settings.airflow_port}"
        password = json.loads((self.settings.home / "airflow" / "passwords.json").read_text())["admin"]
        token = self._post(f"{base}/auth/token", {"username": "admin", "password": password})["access_token"]
        asked = {"dag_run_id": run, "logical_date": None}
        self._post(f"{base}/api/v2/dags/{dag}/dagRuns", asked, Authorization=f"Bearer {token}")

    def _post(self, address: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        headers["Content-Type"] = "application/json"
        request = urllib.request.Request(address, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return dict(json.loads(answer.read()))

    def state(self, run: str) -> str:
        found = self.rows("select state from dag_run where run_id = ?", run)
        return str(found[0][0]) if found else "none"


def until(holds: Callable[[], bool], what: str, seconds: float = PATIENT) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.25)
    return time.monotonic() - began


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def platform(project: Project) -> Iterator[Platform]:
    tracking = project.root / "pipelines" / "tracking"
    tracking.mkdir()
    (project.root / "pipelines" / "tracking.py").rename(tracking / "__init__.py")
    shutil.copy(ROOT / "pipelines" / "tracking" / "server.py", tracking)
    told: list[dict[str, Any]] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    ports = {name: free_port() for name in ("airflow_port", "mlflow_port", "metrics_port")}
    settings = Settings(
        home=project.home, data=project.root / "data", recipes=project.root / "recipes", device="cpu",
        webhook=f"http://127.0.0.1:{server.server_port}", **ports,
    )  # fmt: skip
    made = Platform(project, settings, told)
    try:
        yield made
    finally:
        made.selfsup("down")
        server.shutdown()
        thread.join()
        server.server_close()
        left = [p for name in services.SERVICES for p in services.members(settings, name)]
        for process in left:
            process.kill()
        psutil.wait_procs(left, 10)
        assert left == []
