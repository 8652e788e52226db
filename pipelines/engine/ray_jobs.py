"""A stage as a job of a Ray cluster: submitted once, followed by whoever asks for it, ended when he is told to stop.

The job's name is a digest of where the store lies, the run's reference and the number of the attempt. So a second
process, or the same one after it was killed, finds the job that runs and follows it, and one with another store does
not; only where the last attempt failed is there a next one. Its nodes run the same image and see the same store: one
folder, or object storage behind it (settings.Store).
"""

import asyncio
import contextlib
import hashlib
import itertools
import json
import logging
import shlex
import sys
import time
from collections.abc import Callable
from typing import Any

from components.errors import UserError
from pipelines.engine.code_digest import ROOT
from pipelines.engine.manifest import Identity
from pipelines.engine.store import is_finished
from pipelines.settings import Settings

VARIABLE = "_SELFSUP_JOB"  # what pipelines.engine.child is asked, where there is no parent to send it a line
PATIENCE, PAUSE = 300.0, 1.0  # seconds without an answer of the job server; between two questions
STOPPING = 30.0  # seconds that a job has to end
Tell = Callable[[dict[str, Any]], None]


def run_as_job(identity: Identity, settings: Settings, run: str, tell: Tell) -> dict[str, Any]:
    """Run a stage on the cluster behind settings.jobs; what it came to, as the fields of a journal's line.

    Raises:
        UserError: the cluster does not let us in; or the result cannot be seen from here.
        ConnectionError: no job server answers there.
    """
    client = _client(str(settings.jobs))
    name = _submit(client, identity, settings, run)
    tell({"say": f"follows the Ray job {name}"})
    try:
        result = _follow(client, name, tell)
    except Exception:
        raise  # the job goes on: who comes next follows it
    except BaseException:  # told to stop
        _cancel(client, name)
        raise
    if "reference" not in result:
        return result
    if not is_finished(identity.reference, settings.store):
        raise UserError(
            "result-not-shared",
            f"the Ray job {name} is done and its result is not in {settings.store}: let the nodes share that folder, "
            f"or set SELFSUP_STORE_REMOTE",
        )
    return {"status": "found" if result["found"] else "ran"}


def place(settings: Settings) -> str:
    """Eight hex digits for where finished runs lie: machines that share them give the same."""
    where = settings.store_remote or str(settings.store.resolve())
    return hashlib.sha256(where.encode()).hexdigest()[:8]


def attempt(where: str, reference: str, known: dict[str, bool]) -> tuple[str, bool]:
    """The job to follow and whether it has to be submitted. where: see place. known: name of a job -> whether it
    has ended.

    >>> attempt("0f", "embed/ab", {"selfsup-0f-embed-ab-1": True, "selfsup-0f-embed-ab-2": False})
    ('selfsup-0f-embed-ab-2', False)
    """
    base = f"selfsup-{where}-{reference.replace('/', '-')}"
    name = next(name for n in itertools.count(1) if not known.get(name := f"{base}-{n}", False))
    return name, name not in known


def _client(address: str) -> Any:
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    logging.getLogger("ray.dashboard.modules.job.sdk").setLevel(logging.WARNING)
    try:
        return JobSubmissionClient(address)
    except AuthenticationError:
        raise UserError(
            "ray-unavailable",
            f"the Ray cluster at {address} refuses us; set RAY_AUTH_MODE=token and its RAY_AUTH_TOKEN",
        ) from None


def _submit(client: Any, identity: Identity, settings: Settings, run: str) -> str:
    """The name of the job, which runs or waits for room when this returns."""
    name, new = attempt(place(settings), identity.reference, _known(client))
    if not new:
        return name
    inside = settings.model_copy(update={"ray": "auto", "jobs": None})  # the cluster on which it finds itself
    asked = {"identity": identity.model_dump(), "settings": inside.model_dump(mode="json"), "run": run}
    environ = {VARIABLE: json.dumps(asked), "PYTHONPATH": str(ROOT)}
    try:
        client.submit_job(
            entrypoint=f"cd {shlex.quote(str(ROOT))} && exec {shlex.quote(sys.executable)} -m pipelines.engine.child",
            submission_id=name,
            runtime_env={"env_vars": environ},
            metadata={"reference": identity.reference, "run": run},
            entrypoint_num_cpus=1,  # else it would run on the head
            entrypoint_num_gpus=1 if settings.device.startswith("cuda") else None,
        )
    except RuntimeError as error:
        if name not in _known(
            client
        ):  # else another process asked the same in this moment, or the answer was late
            raise ConnectionError(
                f"the Ray cluster at {settings.jobs} took no job: {_short(str(error))}"
            ) from None
    return name


def _known(client: Any) -> dict[str, bool]:
    return {job.submission_id: job.status.is_terminal() for job in client.list_jobs() if job.submission_id}


def _follow(client: Any, name: str, tell: Tell) -> dict[str, Any]:
    """Hand on what the stage tells until the job has ended; outlasts a job server that is gone for a while."""
    result: dict[str, Any] = {}
    seen, heard = 0, time.monotonic()

    async def listen() -> None:
        nonlocal seen, heard
        number, rest = 0, ""
        async for text in client.tail_job_logs(name):  # from the first line on
            heard = time.monotonic()
            *lines, rest = (rest + text).split("\n")
            for line in lines:
                number += 1
                if number > seen:
                    seen = number
                    _hear(line, result, tell)

    while True:
        try:
            asyncio.run(listen())
            info = client.get_job_info(name)
        except Exception as error:
            if time.monotonic() - heard > PATIENCE:
                text = f"its Ray job {name} cannot be followed ({_short(str(error))}); run again to follow it"
                return {"error": text, "passing": True}
        else:
            heard = time.monotonic()
            if info.status.is_terminal():
                text = f"its Ray job {name} {info.status.value.lower()}: {_short(info.message)}"
                return result or {"error": text, "passing": True}  # it was killed, or its node is gone
        time.sleep(PAUSE)


def _hear(line: str, result: dict[str, Any], tell: Tell) -> None:
    """A line of the job's log: what child.py tells is JSON, all else is Ray's."""
    try:
        record = json.loads(line)
    except ValueError:
        return
    if not isinstance(record, dict):
        return
    if "reference" in record or "error" in record:
        result.update(record)
    else:
        tell(record)


def _cancel(client: Any, name: str) -> None:
    """The job has ended when this returns, unless the cluster is gone."""
    with contextlib.suppress(Exception):
        client.stop_job(name)
        until = time.monotonic() + STOPPING
        while not client.get_job_info(name).status.is_terminal() and time.monotonic() < until:
            time.sleep(PAUSE / 4)


def _short(text: str | None) -> str:
    return f"{' '.join((text or 'no word').split()):.300}"
