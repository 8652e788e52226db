"""The services that `selfsup up` starts: what each runs, and the launcher that the supervisor starts in its place.

python -m pipelines.operations.services NAME ends what an earlier process of that service left behind, begins a
session of its own and becomes the service. Whatever the service starts stays in that session, under whichever name,
so that the next launcher, and `selfsup down`, find all of it.
"""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

from components.files import write_atomically
from pipelines.engine import processes
from pipelines.flows.airflow_home import airflow_environ
from pipelines.settings import Settings

PATIENCE = 400.0  # seconds until the pages answer; 30 to 75 s on two idle cores, many times that on busy ones


class Service(NamedTuple):
    """command: arguments of Python. airflow: with Airflow's environment. after: service that must answer before."""

    command: tuple[str, ...]
    airflow: bool = False
    after: str | None = None


# The log servers of triggerer and scheduler listen on every address; on one machine the pages read the files.
SERVICES: dict[str, Service] = {
    "mlflow": Service(("-m", "pipelines.tracking.server")),
    "api-server": Service(("-m", "airflow", "api-server"), airflow=True),
    "dag-processor": Service(("-m", "airflow", "dag-processor"), airflow=True),
    "triggerer": Service(("-m", "airflow", "triggerer", "--skip-serve-logs"), airflow=True),
    # A task that starts before the API answers has failed.
    "scheduler": Service(("-m", "airflow", "scheduler", "--skip-serve-logs"), airflow=True, after="api-server"),
    "metrics": Service(("-m", "pipelines.operations.metrics")),
}  # fmt: skip


def pages(settings: Settings) -> dict[str, str]:
    """Service -> the address at which it says how it is; of those that have one."""
    return {
        "api-server": f"http://127.0.0.1:{settings.airflow_port}/api/v2/monitor/health",
        "mlflow": f"http://127.0.0.1:{settings.mlflow_port}/health",
    }


def answers(page: str, healthy: bool = False, timeout: float = 3.0) -> bool:
    """Whether anything answers at this address; `healthy`: and names no part of itself unhealthy."""
    try:
        with urllib.request.urlopen(page, timeout=timeout) as answer:
            return not healthy or b"unhealthy" not in answer.read()
    except urllib.error.HTTPError:
        return not healthy
    except (OSError, ValueError):
        return False


def folder(settings: Settings) -> Path:
    """What supervisor and launchers keep: HOME/platform, readable by its owner alone."""
    place = settings.home / "platform"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def members(settings: Settings, name: str) -> list[psutil.Process]:
    """All processes of the session that this service began last, however they call themselves now."""
    try:
        known = json.loads((folder(settings) / f"{name}.session").read_text())
    except (OSError, ValueError):
        return []
    found = []
    for process in psutil.process_iter():
        try:
            ours = os.getsid(process.pid) == known["session"] and process.create_time() >= known["since"]
            if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end_members(settings: Settings, name: str, grace: float = 0.0) -> int:
    """How many processes of the service there were; none is left. grace: seconds before they are killed."""
    found = members(settings, name)
    for process in found if grace else []:
        processes.tell(process, signal.SIGINT)
    deadline = time.monotonic() + grace
    while (left := members(settings, name)) and time.monotonic() < deadline:
        time.sleep(0.1)
    while left:
        for process in left:
            processes.tell(process, signal.SIGKILL)
        time.sleep(0.05)
        left = members(settings, name)
    return len(found)


def _begin_session(settings: Settings, name: str) -> None:
    """This process leads a session of its own, on record before anything is started in it."""
    if os.getsid(0) != os.getpid():
        if os.getpgid(0) == os.getpid():  # the leader of a group cannot; the supervisor made it one
            os.setpgid(0, os.getpgid(os.getppid()))
        os.setsid()
    # A clock that was set back a little makes nothing of ours look older than its session.
    record = json.dumps({"session": os.getpid(), "since": psutil.Process().create_time() - 5.0}).encode()
    write_atomically(folder(settings) / f"{name}.session", lambda stream: stream.write(record))


def launch(name: str, settings: Settings, wait: Callable[[float], None] = time.sleep) -> None:
    """Become the service; returns never."""
    service = SERVICES[name]
    os.umask(0o077)
    end_members(settings, name)
    _begin_session(settings, name)
    deadline = time.monotonic() + PATIENCE
    while service.after and not answers(pages(settings)[service.after]) and time.monotonic() < deadline:
        wait(0.5)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell lets what is in the background ignore it
    environ = airflow_environ(settings) if service.airflow else processes.child_environ(settings)
    os.execve(sys.executable, [sys.executable, *service.command], environ)


if __name__ == "__main__":
    launch(sys.argv[1], Settings.load())
