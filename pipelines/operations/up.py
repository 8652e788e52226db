"""`selfsup up` and `selfsup down`: Airflow and MLflow with their pages, supervised, on this machine alone."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable

from components.errors import UserError
from components.wording import counted
from pipelines import recipe_folders
from pipelines.engine import processes
from pipelines.flows.airflow_home import airflow_environ, make_private
from pipelines.operations import supervisor
from pipelines.operations.services import PATIENCE, SERVICES, answers, end_members, folder, pages
from pipelines.recipe import Recipe
from pipelines.settings import Settings, make_home

FAILED = 3  # attempts after which a first start is given up
# MLflow's database is migrated by one process before several open it: its own start is not safe there.
PREPARE = (
    "import sys; from pathlib import Path; from components.registry.mlflow_registry import connect; "
    "connect(sys.argv[1], Path(sys.argv[2]))"
)
Say = Callable[[str], None]


def up(settings: Settings, say: Say) -> None:
    """Start what does not run and wait until both pages answer. Where all runs already, nothing is changed.

    Raises:
        UserError: a port is taken, or a service does not start; names its log.
    """
    airflow = airflow_environ(settings)
    make_home(settings.home)
    began = time.monotonic()
    if supervisor.process(settings) is None:
        _first_start(settings, airflow, began + PATIENCE)
    else:
        _mend(settings, say, began + PATIENCE)
    say(f"up after {time.monotonic() - began:.0f} s; `make down` ends it")
    password = settings.home / "airflow" / "passwords.json"
    say(f"Airflow  http://127.0.0.1:{settings.airflow_port}  user admin, password in {password}")
    say(f"MLflow   http://127.0.0.1:{settings.mlflow_port}")
    say(f"figures  http://127.0.0.1:{settings.metrics_port}/metrics  (for Prometheus; or: selfsup status)")
    recipes, mistakes = recipe_folders.scheduled(settings)
    for name, recipe in sorted(recipes.items()):
        say(f"{name}: {_when(recipe)}")
    for mistake in mistakes:
        say(f"no DAG for this recipe: {mistake}")


def _first_start(settings: Settings, airflow: dict[str, str], deadline: float) -> None:
    """Databases, then the supervisor and all services; what a platform whose supervisor was killed left is ended."""
    _end_all(settings)
    for port in (settings.airflow_port, settings.mlflow_port, settings.metrics_port):
        if answers(f"http://127.0.0.1:{port}/"):
            raise UserError(
                "port-taken",
                f"port {port} is taken by another program; end that first, or set SELFSUP_AIRFLOW_PORT, "
                "SELFSUP_MLFLOW_PORT or SELFSUP_METRICS_PORT to another one",
            )
    make_private(settings)
    _run(["-m", "pipelines.flows.airflow_home", "migrate"], airflow)
    _run(["-c", PREPARE, settings.mlflow, str(settings.mlflow_lock)], processes.child_environ(settings))
    try:
        supervisor.start(settings)
        _wait(settings, deadline)
    except BaseException:
        down(settings, lambda text: None)
        raise


def _mend(settings: Settings, say: Say, deadline: float) -> None:
    """Start the services that do not run, without waiting for the back-off."""
    if (folder(settings) / "supervisord.conf").read_text() != supervisor.config(settings):
        say("the settings have changed since it was started: they count after `make down` and `make up`")
    states = supervisor.states(settings)
    for name in SERVICES:
        if name not in states or states[name].name not in ("RUNNING", "STARTING"):
            supervisor.start_service(settings, name)
            say(f"{name} did not run and is started")
    _wait(settings, deadline)


def _wait(settings: Settings, deadline: float) -> None:
    """Until every service has started and both pages are healthy."""
    logs = settings.home / "logs"
    failed: dict[str, set[str]] = {}
    while True:
        states = supervisor.states(settings)
        for name, state in states.items():
            if state.name == "BACKOFF":
                failed.setdefault(name, set()).add(f"{state.since}")
            if state.name == "FATAL" or len(failed.get(name, ())) >= FAILED:
                raise UserError(
                    "service-failed",
                    f"{name} ends again and again; its log is {logs / f'{name}.log'}",
                )
        if (
            set(SERVICES) <= set(states)
            and all(states[name].name == "RUNNING" for name in SERVICES)
            and all(answers(page, healthy=True) for page in pages(settings).values())
        ):
            return
        if time.monotonic() > deadline:
            raise UserError(
                "service-failed", f"no healthy answer after {PATIENCE:.0f} s; the logs are in {logs}"
            )
        time.sleep(0.5)


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
    found = supervisor.process(settings)
    if found is not None:
        supervisor.stop(settings)
    ended = _end_all(settings)
    with contextlib.suppress(OSError):
        supervisor.socket_of(settings).unlink()
    nothing = found is None and not ended
    say("nothing was up" if nothing else f"down: {counted(len(SERVICES), 'service')} ended")


def _end_all(settings: Settings) -> int:
    """How many processes of services there were; none is left."""
    return sum(end_members(settings, name, grace=supervisor.GRACE) for name in SERVICES)


def _run(command: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, *command], env=environ, capture_output=True, text=True)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise UserError(
            "service-failed",
            f"{' '.join(command[:4])} ended with code {done.returncode}: {last[0]:.300}",
        )
