"""What the tasks of a scheduled run do, apart from Airflow: that is in dags/, which only wires them.

A run works on its recipe as it stood when the run began: the first task keeps a copy, so that a recipe which
is changed or deleted meanwhile changes nothing for the run. Until the run has ended the copy counts as a
recipe, because Airflow runs a task only where its DAG is still there.
"""

import logging
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from components.config import Config
from components.errors import PassingError, UserError, code_of
from pipelines import recipe_folders
from pipelines.engine import journal
from pipelines.engine.execute import StageError, execute
from pipelines.engine.processes import child_environ
from pipelines.engine.store import read_manifest
from pipelines.flows.airflow_home import airflow_environ
from pipelines.flows.due import behind, looked
from pipelines.flows.notify import notify
from pipelines.graph import FLOWS
from pipelines.recipe import Recipe, load, next_time
from pipelines.settings import Settings

FEW = 2  # attempts after which only what may pass by itself is tried again
log = logging.getLogger(__name__)


class Asked(Config):
    """What a person may ask for who starts a run. overrides: section -> keys that replace the recipe's."""

    force: Literal["warm", "scratch"] | None = None
    reason: str = ""
    overrides: dict[str, Any] = Field(default_factory=dict)


def run_name(dag_id: str, after: datetime, conf: dict[str, Any]) -> str:
    """The name of a run's journal: that which whoever drives it has given, else made of its time and its DAG."""
    return str(conf.get("run") or journal.airflow_run(dag_id, after))


def recipes(settings: Settings) -> list[Recipe]:
    """Those in the two folders, and the copies of open runs.

    One with a mistake in it is named in the log and takes no other with it; of several with one name none counts.
    """
    found, mistakes = recipe_folders.scheduled(settings)
    for mistake in mistakes:
        log.error("no DAG for this recipe: %s", mistake)
    for copy in sorted((settings.home / "runs").glob(f"*{journal.COPY}")):
        try:
            recipe = Recipe.model_validate_json(copy.read_bytes())
        except (OSError, ValueError):  # its run has ended in this moment, or it was kept by an older version
            continue
        found.setdefault(recipe.name, recipe)
    return list(found.values())


def step(
    stage: str, file: Path, done: dict[str, str], run: str, asked: Asked, settings: Settings, flow: str
) -> str:
    """One stage of a run; its reference. done: the references of the stages that it needs.

    Raises:
        UserError: something that the user can mend; trying again does not help.
        StageError: anything else.
    """
    recipe = keep(file, run, asked, settings, flow)
    reference = execute(stage, recipe, done, settings, run)
    ran = any(line.stage == stage and line.status == "ran" for line in journal.stages(settings.home, run))
    if ran and stage in ("ingest", "promote"):
        output = read_manifest(reference, settings.store).output
        if output.get("promoted"):
            text = f"version {output['version']} is the champion: {output['reason']}"
            notify(settings, "promoted", text, recipe.name, run)
        if alerts := output.get("alerts"):  # deliveries of which a part is in quarantine
            notify(settings, "quarantined", "; ".join(alerts), recipe.name, run)
    return reference


def keep(file: Path, run: str, asked: Asked, settings: Settings, flow: str) -> Recipe:
    """The run's copy of its recipe, with what was asked for laid over it; made, and checked, by its first task.

    Raises:
        UserError: the recipe is gone or wrong, or what was asked for does not fit it.
    """
    copy = _copy(settings, run)
    if copy.exists():
        return Recipe.model_validate_json(copy.read_bytes())
    from pipelines.flows.run import check_once

    recipe = load(file).with_overrides(asked.overrides).forced(asked.force if flow == "train" else None)
    head = journal.journal_file(settings.home, run)
    if not journal.records(head):  # else whoever started this run has checked it and written the head
        live = journal.live_file(settings.home, run)
        check_once(recipe, settings, lambda record: journal.append(live, record), FLOWS[flow])
        told = {"run": run, "recipe": str(file), "flow": flow, "reason": asked.reason, "airflow": True}
        journal.append(head, {**told, "started": round(time.time(), 3), "pid": os.getpid()})
    part = copy.with_suffix(".part")
    part.write_text(recipe.model_dump_json())
    part.replace(copy)
    return recipe


def close(recipe: str, run: str, settings: Settings, driven: bool) -> None:
    """End a run, however it went.

    driven: whoever started the run writes the last word of the journal, and MLflow's picture of it.

    Raises:
        UserError: MLflow cannot be opened.
    """
    copy = _copy(settings, run)
    lines = journal.stages(settings.home, run)
    if not driven:
        failed = next((line for line in lines if line.status == "failed"), None)
        said = {"error": f"{failed.stage}: {failed.error}", "code": failed.code} if failed else {"error": ""}
        head = {"ended": round(time.time(), 3), **said}
        journal.append(journal.journal_file(settings.home, run), head)
        if journal.made_anything(lines):
            from pipelines import tracking  # imports MLflow

            tracking.mirror(settings, run)
        journal.live_file(settings.home, run).unlink(missing_ok=True)
    copy.unlink(missing_ok=True)


def events(recipe: str, settings: Settings) -> list[str]:
    """What is to be told of a recipe: "data" where a training is due, "champion" where scores or drift figures are.

    Manifests tell, whatever became of earlier events: a training that failed is due again after a while.
    """
    found = recipe_folders.scheduled(settings)[0].get(recipe)
    if found is None:
        return []
    now = time.time()
    told = ["data"] if behind("train", found, settings, now) else []
    return told + (
        ["champion"] if any(behind(flow, found, settings, now) for flow in ("score", "monitor")) else []
    )


def worth_retrying(error: Exception, attempt: int, driven: bool) -> bool:
    """Whether a task that failed is tried again, after a delay that grows.

    A mistake of the user is not; what may pass by itself (a killed process, a server that does not answer, a full
    disk) is as often as the task allows; all else, and whatever a person waits for at a terminal, twice.

    Args:
        attempt: the number of the one that failed, from 1.
    """
    passing = isinstance(error, PassingError) or (isinstance(error, StageError) and error.passing)
    if isinstance(error, ValueError) and not passing:  # UserError is one
        return False
    return attempt <= FEW or (passing and not driven)


def upkeep(settings: Settings) -> str:
    """Shorten and delete what is older than the retention; what was done, in one line.

    In a process of its own with Airflow's environment, because a task may not open Airflow's database.

    Raises:
        StageError: it failed; the last line that it wrote.
    """
    environ = child_environ(settings) if settings.profile == "scaled-out" else airflow_environ(settings)
    command = [sys.executable, "-m", "pipelines.operations.upkeep"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()[-1:] or ["no word"]
    if done.returncode != 0:
        raise StageError(f"upkeep failed: {said[0]:.300}", passing=True)
    return said[0]


def seconds_to_look(recipe: str, schedule: str, timezone: str, settings: Settings) -> float:
    """Seconds until the inbox is to be looked at by its schedule; 0 or less: now.

    A time is missed where the last look was before it; without any look one is due.
    """
    file, now = looked(recipe, settings), time.time()
    if not file.exists():
        return 0.0
    last = min(file.stat().st_mtime, now)  # a clock that was set back holds up nothing
    return next_time(schedule, timezone, last) - now


def fail(error: BaseException | None, recipe: str, task: str, run: str, settings: Settings) -> None:
    """A task has failed for good: a person hears of it."""
    notify(settings, "failed", _said(error, task), recipe, run, code_of(error))


def retrying(
    error: BaseException | None, attempt: int, recipe: str, task: str, run: str, settings: Settings
) -> None:
    """A task is tried again: a person hears of it once, when it has failed a few times."""
    if attempt == FEW + 1:
        text = f"{_said(error, task)}; it failed {attempt} times and is tried again"
        notify(settings, "retrying", text, recipe, run, code_of(error))


def _said(error: BaseException | None, task: str) -> str:
    text = " ".join(str(error or "its process ended without a word").split())
    return text if text.startswith(f"{task}:") else f"{task}: {text}"


def waiting(promote: str, recipe: str, hours: float, run: str, settings: Settings) -> tuple[str, str] | None:
    """The version that has passed the gate and waits for a person's word, and the gate's; None where none does.

    promote: reference of the stage's run.
    """
    output = read_manifest(promote, settings.store).output
    if not output.get("waiting"):
        return None
    version, reason = str(output["version"]), str(output["reason"])
    text = f"may version {version} become champion? {reason}; no answer within {hours:g} h is a no"
    notify(settings, "asked", text, recipe, run)
    return version, reason


def act(
    action: str, recipe: str, version: str | None, who: str, reason: str, run: str, settings: Settings
) -> str:
    """Move the champion as a person asks for it, or write down that it was refused; one line of what came of it.

    Raises:
        UserError: what promotion refuses, and why; or the action is none, or lacks its version.
    """
    from pipelines.registry import promotion  # imports MLflow

    if action != "rollback" and not version:
        raise UserError(
            "invalid-option",
            f"{action}: a version is needed; `selfsup history {recipe}` shows those there were",
        )
    match action:
        case "promote":
            made = promotion.promote(recipe, str(version), settings, who, reason)
        case "override":
            made = promotion.override(recipe, str(version), settings, who, reason)
        case "rollback":
            made = promotion.rollback(recipe, settings, who, reason)
        case "refuse":
            made = promotion.refuse(recipe, str(version), settings, who, reason)
        case _:
            raise UserError(
                "invalid-option", f"the action is promote, rollback, override or refuse (got {action!r:.80})"
            )
    refused = action == "refuse"
    text = f"version {version} is refused by {who}: {reason}" if refused else promotion.describe(made)
    notify(settings, "refused" if refused else "promoted", text, recipe, run)
    return text


def _copy(settings: Settings, run: str) -> Path:
    return settings.home / "runs" / f"{journal.safe(run)}{journal.COPY}"
