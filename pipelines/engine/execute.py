"""Execute one stage of a recipe: find its finished run, or run it in a child process of its own."""

import json
import os
import secrets
import select
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import psutil

from components.errors import PassingError, UserError
from pipelines.engine import code_cache, journal, now, processes, stage_process
from pipelines.engine.apply_plan import applied, same_but_plan
from pipelines.engine.context import append_metrics
from pipelines.engine.journal import StageLine
from pipelines.engine.manifest import Identity
from pipelines.engine.ray_jobs import run_as_job
from pipelines.engine.run_once import identify
from pipelines.engine.scaled_out import refuse_unsafe
from pipelines.engine.store import is_finished, load, part_of, share
from pipelines.engine.store_lock import used
from pipelines.recipe import Recipe
from pipelines.settings import Settings

Watch = Callable[[dict[str, Any]], None]  # stage, and one of: status, say, done + text
SAMPLE_SECONDS, METRIC_SECONDS = 1.0, 5.0


class StageError(RuntimeError):
    """A stage ended with an error that is not the user's; the message is one line that names the log.

    passing: whether the cause may pass by itself, such as a killed process or a server that does not answer.
    """

    def __init__(self, text: str, passing: bool = False) -> None:
        super().__init__(text)
        self.passing = passing


def execute(
    stage: str, recipe: Recipe, done: dict[str, str], settings: Settings, run: str, watch: Watch | None = None
) -> str:
    """The reference of the stage's finished run. done: references of the stages before it; a plan among them is
    applied.

    What happens is written into the journal of `run`, and told to `watch` (default: the run's live file).

    Raises:
        UserError: something that the user can mend.
        StageError: anything else.
    """
    with used(settings):  # gc does not come between a run that is found and the journal that says so
        return _execute(stage, recipe, done, settings, run, watch or _live(settings.home, run))


def _execute(
    stage: str, recipe: Recipe, done: dict[str, str], settings: Settings, run: str, watch: Watch
) -> str:
    code_cache.keep_in(settings.home)
    started = time.time()
    watch({"stage": stage, "status": "started"})
    line = StageLine(stage=stage, reference="", status="failed", started=round(started, 3), seconds=0)
    try:
        refuse_unsafe(settings)
        plan = applied(stage, done, settings.store)
        if plan.found is not None:
            line = line.model_copy(update={"reference": plan.found, "status": "found"})
        else:
            given = recipe.request(stage, plan.done) | plan.more
            identity = identify(stage, given, settings, recipe.name)
            line = line.model_copy(update={"reference": identity.reference})
            there = is_finished(identity.reference, settings.store)
            if not there and (same := same_but_plan(identity, settings.store)) is not None:
                line, there = line.model_copy(update={"reference": same}), True
            elif there:
                share(identity.reference, settings.store)
            found = {"status": "found"} if there else _run(identity, settings, run, watch, started)
            line = line.model_copy(update=found)
    except (UserError, ConnectionError) as error:
        mistake, passing = isinstance(error, UserError), isinstance(error, ConnectionError | PassingError)
        said = {"error": str(error), "code": error.code if isinstance(error, UserError) else ""}
        line = line.model_copy(update={**said, "mistake": mistake, "passing": passing})
    line = line.model_copy(update={"seconds": round(time.time() - started, 3)})
    journal.append(journal.journal_file(settings.home, run), line.model_dump())
    watch(line.model_dump())
    if line.status == "found" and stage == "snapshot" and (wrong := _disagreement(settings, recipe.name)):
        watch({"stage": stage, "say": wrong})
    if line.status == "failed":
        text = f"{stage}: {line.error}"
        if line.mistake:
            raise (PassingError if line.passing else UserError)(line.code, text)
        raise StageError(text, line.passing)
    return line.reference


def _run(identity: Identity, settings: Settings, run: str, watch: Watch, started: float) -> dict[str, Any]:
    """What changes in the journal's line. A stage that looked at the world outside runs where it looked."""
    stage, reference = identity.stage, identity.reference
    at_work = now.Now(stage=stage, reference=reference, started=started)
    with now.shown(journal.now_file(settings.home, run), at_work, watch) as told:
        if settings.jobs and not identity.observed:
            return run_as_job(identity, settings, run, lambda record: told({"stage": stage, **record}))
        return _in_child(identity, settings, run, told)


def _disagreement(settings: Settings, recipe: str) -> str | None:
    """Nobody has looked at data.dvc where the snapshot was found; what is wrong with it costs a line, no run."""
    snapshot = load("snapshot")  # found by its name, it was imported to observe

    try:
        found: str | None = snapshot.disagreement(settings, recipe)
        return found
    except UserError as error:
        return str(error)


def _in_child(identity: Identity, settings: Settings, run: str, watch: Watch) -> dict[str, Any]:
    """What changes in the journal's line: status, error, code, mistake, memory."""
    token = secrets.token_hex(8)
    environ = {**processes.child_environ(settings), processes.TOKEN: token}
    with ExitStack() as files:
        (its_in, job), (out, its_out), (err, its_err) = (_pipe(files) for _ in range(3))
        its = (its_in, its_out, its_err)
        stages = [(identity.stage, identity.given)]
        started = stage_process.start("pipelines.engine.child", (), its, environ, stages)
        try:
            for file in its:
                file.close()
            asked = {
                "identity": identity.model_dump(),
                "settings": settings.model_dump(mode="json"),
                "run": run,
            }
            job.write(json.dumps({**asked, "parent": started.parent}).encode() + b"\n")
            return _follow(started, out, err, identity, settings, watch)
        finally:
            processes.end(started.process, token)


def _pipe(files: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    """Its two ends, for reading and for writing."""
    read, write = os.pipe()
    return files.enter_context(os.fdopen(read, "rb", 0)), files.enter_context(os.fdopen(write, "wb", 0))


def _follow(
    started: stage_process.Started,
    out: IO[bytes],
    err: IO[bytes],
    identity: Identity,
    settings: Settings,
    watch: Watch,
) -> dict[str, Any]:
    part, sampler = part_of(identity.reference, settings.store), _Sampler(started)
    result: dict[str, Any] = {}
    rest, pipe = b"", out.fileno()
    while not result:
        sampler.sample(part)
        if not select.select([pipe], [], [], 0.25)[0]:
            if started.process.poll() is not None:
                break
            continue
        came = os.read(pipe, 1 << 16)
        if not came:
            break
        *lines, rest = (rest + came).split(b"\n")
        for record in map(json.loads, lines):
            if "reference" in record or "error" in record:
                result = record
            else:
                watch({"stage": identity.stage, **record})
    if "reference" in result:
        return {"status": "found" if result["found"] else "ran", "memory": sampler.peak}
    if "error" in result:
        told = {key: result[key] for key in ("error", "code", "mistake", "passing")}
        return {**told, "memory": sampler.peak}
    return {"error": _death(started.process.wait(), err, part), "passing": True, "memory": sampler.peak}


def _death(code: int, err: IO[bytes], part: Path) -> str:
    """The process went without a word: killed from outside (often for want of memory), or a crash in C."""
    if code == -9:
        return "was killed (out of memory?); run again: it resumes where it stopped"
    said = " ".join(err.read().decode(errors="replace").split()[-30:])
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    return f"its process ended {how}; the log is {part / 'log.txt'} {said}".strip()


class _Sampler:
    """Memory of this process, the stage and the server that it is a fork of, each page counted once, every second; now
    and then a line in its metrics."""

    def __init__(self, started: stage_process.Started) -> None:
        self.pid, self.peak, self.started = started.process.pid, 0, time.monotonic()
        self.beside = [psutil.Process(pid) for pid in (os.getpid(), *started.above)]
        self.next_sample = self.next_metric = 0.0

    def sample(self, part: Path) -> None:
        now = time.monotonic()
        if now < self.next_sample:
            return
        self.next_sample = now + SAMPLE_SECONDS
        used = sum(processes.memory(p) for p in (*self.beside, *processes.tree(self.pid)))
        self.peak = max(self.peak, used)
        if now >= self.next_metric and part.is_dir():
            self.next_metric = now + METRIC_SECONDS
            figures = {"system/cpu": psutil.cpu_percent(), "system/memory": float(used)}
            try:
                append_metrics(part, {"step": int(now - self.started), **figures})
            except OSError:  # finished and renamed in this moment, or no room: the stage itself says so
                return


def _live(home: Path, run: str) -> Watch:
    file = journal.live_file(home, run)
    return lambda record: journal.append(file, record)
