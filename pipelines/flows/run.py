"""Run a whole recipe, here or through an Airflow DAG run, and say at the end what it came to."""

import fcntl
import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

from components.errors import UserError, code_of
from pipelines import recipe as recipes
from pipelines import recipe_folders
from pipelines.engine import code_cache, journal, stage_process
from pipelines.engine.code_digest import code_digest
from pipelines.engine.execute import Watch, execute
from pipelines.engine.processes import child_environ
from pipelines.engine.progress import Display
from pipelines.engine.scaled_out import refuse_unsafe
from pipelines.flows import recipe_check
from pipelines.flows.summary import summary
from pipelines.recipe import Recipe
from pipelines.settings import Settings, make_home

Through = Callable[[Recipe, Settings, str, Display, str], None]


def run(
    path: Path | str | Recipe,
    settings: Settings,
    display: Display,
    through_airflow: bool = False,
    flow: str = "train",
    force: str | None = None,
    reason: str = "",
) -> str:
    """One flow of a recipe; what is there already is found and not repeated. The name of the run's journal.

    Args:
        path: of a recipe, or its name; or the recipe itself, which Airflow cannot run.
        force: "warm" or "scratch", in place of the plan stage's own judgement.
        reason: why this run was asked for, in the asker's words, for the journal.

    Raises:
        UserError: something that the user can mend, in one line.
        StageError: anything else that ended a stage.
    """
    stages = recipes.flow_stages(flow)
    if force and "plan" not in stages:
        raise UserError(
            "invalid-option",
            f"flow {flow} retrains nothing, so there is nothing to force; leave --force out",
        )
    refuse_unsafe(settings)
    if through_airflow and isinstance(path, Recipe):
        raise UserError("invalid-option", "a run through Airflow requires the path or the name of a recipe")
    found = path if isinstance(path, Recipe) else recipe_folders.find(path, settings)
    recipe = found.forced(force)
    recipe_folders.refuse_namesakes(recipe, settings)
    serving = (
        nullcontext() if through_airflow else stage_process.serving(settings)
    )  # Airflow's process has its own
    with home_lock(settings.home), _ended_by_sigterm(), serving:
        name, started = journal.new_run(recipe.name), time.time()
        file = journal.journal_file(settings.home, name)
        head = {"run": name, "recipe": str(recipe.file), "started": round(started, 3), "pid": os.getpid()}
        asked = {"flow": flow, "force": force, "reason": reason}
        journal.append(file, head | {key: value for key, value in asked.items() if value})
        try:
            check_once(recipe, settings, display, stages)
            _through(through_airflow)(recipe, settings, name, display, flow)
        except BaseException as error:
            display.clear()
            by_hand = isinstance(error, KeyboardInterrupt)
            why = journal.BY_HAND if by_hand else f"{type(error).__name__}: {error}"
            code = "" if by_hand else code_of(error)
            journal.append(file, {"ended": round(time.time(), 3), "error": why, "code": code})
            if isinstance(error, Exception) and not isinstance(error, UserError):
                _mirror(settings, name, display)
            raise
        journal.append(file, {"ended": round(time.time(), 3), "error": ""})
        _mirror(settings, name, display)
        lines = journal.stages(settings.home, name)
        for text in summary(lines, time.time() - started, settings):
            display.line(text)
        journal.live_file(settings.home, name).unlink(missing_ok=True)
    return name


def here(recipe: Recipe, settings: Settings, name: str, display: Display, flow: str) -> None:
    """Stage after stage, each in a child process of this one."""
    done: dict[str, str] = {}
    for stage in recipes.flow_stages(flow):
        done[stage] = execute(stage, recipe, done, settings, name, display)


def check_once(recipe: Recipe, settings: Settings, display: Watch, stages: Sequence[str]) -> None:
    """check.check(), which imports these stages, unless this recipe has passed it with this code."""
    code_cache.keep_in(settings.home)
    recipe_check.files_exist(recipe)
    code = "".join(f"{stage}{code_digest(stage, recipe.sections.get(stage, {}))}" for stage in stages)
    key = hashlib.sha256((recipe.model_dump_json() + code).encode()).hexdigest()[:16]
    passed = settings.home / "cache" / "checked" / key
    if not passed.exists():
        display({"stage": "recipe", "say": f"checking {recipe.file.name}"})
        recipe_check.check(recipe, stages)
        passed.parent.mkdir(parents=True, exist_ok=True)
        passed.touch()


def _mirror(settings: Settings, name: str, display: Display) -> None:
    """MLflow's picture of the run, where it made anything; the journal is the truth and stands without it."""
    if not journal.made_anything(journal.stages(settings.home, name)):
        return
    display({"stage": "mlflow", "status": "started"})
    code, _, said = stage_process.call("pipelines.flows.mirror", [name], "", child_environ(settings))
    if code != 0:
        last = said.strip().splitlines()[-1:] or ["no word"]
        display.line(f"MLflow does not show this run ({last[0]:.200}); the journal does: selfsup runs")


@contextmanager
def home_lock(home: Path) -> Iterator[None]:
    """One run at a time on one home.

    Raises:
        UserError: another one has it; its process is named.
    """
    try:
        lock = (make_home(home) / "run.lock").open("a+")
    except OSError as error:
        raise UserError(
            "folder-not-writable", f"cannot write to SELFSUP_HOME {home}: {error.strerror}"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            who = lock.read().strip() or "unknown"
            raise UserError(
                "folder-in-use",
                f"another run (process {who}) is at work on {home}: wait for it, or set another SELFSUP_HOME",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM unwinds the stack, so that what was started is ended. Only the main thread can arrange that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before: Any = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _through(airflow: bool) -> Through:
    if airflow:
        from pipelines.flows.airflow_home import through_airflow

        return through_airflow
    return here
