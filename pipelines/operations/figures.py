"""What `selfsup status` shows and Prometheus is given: one snapshot of services, recipes, machine and backlog.

All of it is read from files, from the supervisor and from Airflow's database (read only); nothing is imported that
takes long, and nothing is changed.
"""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from pydantic import Field

from components.config import Config
from components.data.shards import Index
from components.data.walk import Walk
from components.errors import UserError
from pipelines import recipe_folders
from pipelines.engine import journal, run_list
from pipelines.flows import due
from pipelines.graph import FLOWS, POOL
from pipelines.operations import supervisor
from pipelines.operations.services import SERVICES, answers, pages
from pipelines.recipe import Recipe, next_time
from pipelines.settings import Settings

DAY = 86400.0
LEAST = 0.05  # share of a disk below which it counts as nearly full
SHOWN = 10  # failures


class Service(Config):
    """state: as the supervisor names it; "DOWN": it is not under a supervisor. seconds: since it was started.
    answers: whether its page does, None where it has none."""

    state: str
    port: int | None = None
    seconds: float = 0.0
    answers: bool | None = None

    @property
    def well(self) -> bool:
        return self.state == "RUNNING" and self.answers is not False


class Backlog(Config):
    """Samples that are not yet so far. files: of the inbox that came or changed since the last finished ingest began,
    tables counting as one each. planned, trained, scored: samples of the newest snapshot that no finished plan,
    training, scoring by the champion of now was given; scored: 0 where there is no champion."""

    files: int = 0
    planned: int = 0
    trained: int = 0
    scored: int = 0


class RecipeState(Config):
    """samples: in its data folder. champion: version. last: name of its last run, and how it ended. next: unix time at
    which its inbox is looked at next. failed: runs of the last day."""

    samples: int = 0
    champion: str | None = None
    last: str | None = None
    ended: str | None = None
    next: float | None = None
    failed: int = 0
    backlog: Backlog = Field(default_factory=Backlog)


class Disk(Config):
    """bytes. place: one of those that lie on it."""

    place: Path
    free: int
    total: int


class Queue(Config):
    """Tasks of the pool of heavy stages."""

    slots: int = 0
    running: int = 0
    queued: int = 0


class Status(Config):
    """time: unix. memory, memory_total: bytes in use and there are. failures: run -> what went wrong, of the last day,
    the newest first. wrong: why the exit code is 1, a sentence each."""

    time: float
    home: Path
    services: dict[str, Service]
    recipes: dict[str, RecipeState]
    disks: list[Disk]
    memory: int
    memory_total: int
    queue: Queue | None
    failures: dict[str, str]
    wrong: list[str]


def status(settings: Settings) -> Status:
    """How the platform is now."""
    moment = time.time()
    found, mistakes = recipe_folders.scheduled(settings)
    services = _services(settings)
    ended = list(_ended(settings.home, moment))
    recipes = {name: _recipe(recipe, settings, moment, ended) for name, recipe in sorted(found.items())}
    disks, memory = _disks(settings), psutil.virtual_memory()
    failures = {run: why for run, why, _ in ended if why}
    wrong = [f"{name} is {one.state}" for name, one in services.items() if one.state != "RUNNING"]
    if all(one.state == "DOWN" for one in services.values()):
        wrong = ["nothing is up: `make up`"]
    wrong += [f"{name} runs and does not answer" for name, one in services.items()
              if one.state == "RUNNING" and one.answers is False]  # fmt: skip
    wrong += [f"the disk of {disk.place} has {disk.free / 1e9:.1f} GB left" for disk in disks
              if disk.free < LEAST * disk.total]  # fmt: skip
    wrong += [f"{name}: its last run failed: {one.ended}" for name, one in recipes.items()
              if one.ended not in (None, "done", *journal.LIVE)]  # fmt: skip
    return Status(
        time=moment, home=settings.home, services=services, recipes=recipes, disks=disks,
        memory=memory.total - memory.available, memory_total=memory.total, queue=_queue(settings),
        failures=dict(list(failures.items())[:SHOWN]), wrong=wrong + mistakes,
    )  # fmt: skip


def _services(settings: Settings) -> dict[str, Service]:
    states, places, moment = supervisor.states(settings), pages(settings), time.time()
    ports = {
        "api-server": settings.airflow_port, "mlflow": settings.mlflow_port, "metrics": settings.metrics_port,
    }  # fmt: skip
    made = {}
    for name in (*SERVICES, supervisor.WATCHDOG):
        state = states.get(name)
        runs = state is not None and state.name == "RUNNING"
        made[name] = Service(
            state="DOWN" if state is None else state.name,
            port=ports.get(name),
            seconds=round(moment - state.since, 1) if state is not None and runs else 0.0,
            answers=answers(places[name], healthy=True) if name in places and runs else None,
        )
    return made


def _ended(home: Path, moment: float) -> Iterator[tuple[str, str, dict[str, object]]]:
    """(run, what went wrong or "", head) of each run that ended in the last day, the newest first."""
    for file in sorted((home / "runs").glob("*.jsonl"), reverse=True):
        if file.stat().st_mtime >= moment - DAY:  # cheaper than to read it
            head = journal.head_of(home, file.stem)
            if float(head.get("ended", 0.0)) >= moment - DAY:
                yield file.stem, str(head.get("error") or ""), head


def _recipe(
    recipe: Recipe, settings: Settings, moment: float, ended: list[tuple[str, str, dict[str, object]]]
) -> RecipeState:
    last = run_list.last_of(settings.home, recipe.name)
    index = _index(settings.data / recipe.name)
    return RecipeState(
        samples=0 if index is None else index.samples,
        champion=due.champion(recipe, settings),
        last=last,
        ended=None
        if last is None
        else run_list.ending(settings.home, last, journal.head_of(settings.home, last))[1],
        next=_next(recipe, settings, moment),
        failed=sum(1 for run, why, _ in ended if why and run_list.is_of(run, recipe.name)),
        backlog=_backlog(recipe, settings),
    )


def _next(recipe: Recipe, settings: Settings, moment: float) -> float | None:
    if recipe.schedule is None:
        return None
    file = due.looked(recipe.name, settings)
    last = min(file.stat().st_mtime, moment) if file.exists() else moment
    return max(next_time(recipe.schedule, recipe.timezone, last), moment)


def _index(folder: Path) -> Index | None:
    try:
        return Index.load(folder)
    except UserError:  # a line of `selfsup doctor`
        return None


def _backlog(recipe: Recipe, settings: Settings) -> Backlog:
    ingest = due.made("ingest", recipe.name, settings.store).values()
    since = max((run.started for run in ingest), default=0.0)
    snapshots = due.made("snapshot", recipe.name, settings.store)
    newest = due.newest("snapshot", recipe.name, settings.store)
    count = {reference: int(made.output.get("samples", 0)) for reference, made in snapshots.items()}

    def left(stage: str, version: str | None = None) -> int:
        """Samples of the newest snapshot beyond those that a finished run of the stage was given."""
        runs = due.made(stage, recipe.name, settings.store).values()
        fit = [r for r in runs if version is None or r.output.get("champion") == version]
        given = [count.get(str(run.given.get("snapshot")), 0) for run in fit]
        return max(0, count.get(newest or "", 0) - max(given, default=0))

    version = due.champion(recipe, settings)
    return Backlog(
        files=_new_files(recipe.inbox, since, settings),
        planned=left("plan"),
        trained=left(FLOWS["train"][-1]),
        scored=0 if version is None else left("score", version),
    )


def _new_files(inbox: Path, since: float, settings: Settings) -> int:
    """Files that came into the inbox, or changed, after a unix time."""
    if not inbox.is_dir():
        return 0
    new = 0
    for entry in Walk(inbox.resolve(), settings.own):
        with contextlib.suppress(OSError):  # taken away meanwhile
            found = entry.entry.stat(follow_symlinks=False)
            new += max(found.st_ctime, found.st_mtime) >= since
    return new


def _disks(settings: Settings) -> list[Disk]:
    """One of each disk that home, data, store, artifacts and DVC's remote lie on."""
    made: dict[int, Disk] = {}
    for place in settings.own:
        there = next(folder for folder in (place, *place.parents) if folder.exists())
        used = shutil.disk_usage(there)
        made.setdefault(os.stat(there).st_dev, Disk(place=place, free=used.free, total=used.total))
    return list(made.values())


def _queue(settings: Settings) -> Queue | None:
    """Of the pool of heavy stages, from Airflow's database; None where there is none."""
    states = "select state, count(*) from task_instance where pool = ? and state in ('running', 'queued', 'scheduled')"
    try:
        with contextlib.closing(airflow_database(settings)) as database:
            slots = database.execute("select slots from slot_pool where pool = ?", (POOL,)).fetchone()
            counts = dict(database.execute(f"{states} group by state", (POOL,)).fetchall())
    except sqlite3.Error:
        return None
    waiting = counts.get("queued", 0) + counts.get("scheduled", 0)
    return Queue(slots=slots[0] if slots else 0, running=counts.get("running", 0), queued=waiting)


def airflow_database(settings: Settings) -> sqlite3.Connection:
    """Airflow's database, for reading only."""
    file = settings.home / "airflow" / "airflow.db"
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5.0)


def lines(found: Status) -> list[str]:
    """For a person."""
    made = ["services"]
    for name, one in found.services.items():
        port = f" on port {one.port}" if one.port else ""
        silent = ", does not answer" if one.answers is False else ""
        for_ = f" for {one.seconds:,.0f} s" if one.seconds else ""
        made.append(f"  {name:<14}{one.state.lower()}{for_}{port}{silent}")
    for name, recipe in found.recipes.items():
        made += _recipe_lines(name, recipe)
    memory = f"memory {found.memory / 1e9:.1f} of {found.memory_total / 1e9:.1f} GB in use"
    disks = [f"disk of {d.place} {d.free / 1e9:.1f} of {d.total / 1e9:.1f} GB free" for d in found.disks]
    made += [*disks, memory]
    if (queue := found.queue) is not None:
        made.append(f"heavy stages: {queue.running} running, {queue.queued} waiting, {queue.slots} at once")
    made += [f"failed in the last day: {run}: {why}" for run, why in found.failures.items()]
    made += [f"WRONG {why}" for why in found.wrong] or ["all is well"]
    return made


def _recipe_lines(name: str, recipe: RecipeState) -> Iterator[str]:
    champion = f"champion version {recipe.champion}" if recipe.champion else "no champion"
    look = (
        ""
        if recipe.next is None
        else time.strftime(", next look %Y-%m-%d %H:%M", time.localtime(recipe.next))
    )
    yield f"recipe {name}: {recipe.samples:,} samples, {champion}{look}"
    if recipe.last is not None:
        yield f"  last run {recipe.last}: {recipe.ended}; {recipe.failed} failed in the last day"
    waiting = {
        "files in the inbox": recipe.backlog.files, "samples to plan": recipe.backlog.planned,
        "to train on": recipe.backlog.trained, "to score": recipe.backlog.scored,
    }  # fmt: skip
    yield "  backlog: " + (
        ", ".join(f"{count:,} {what}" for what, count in waiting.items() if count) or "none"
    )
