"""The journal of a run: home/runs/RUN.jsonl, a line for the run itself and one for each stage that ended.

Beside it RUN.live holds what a person may want to see while it runs, RUN.now the stage that does
(pipelines.engine.now); both may be thrown away.
"""

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from components.config import Config
from components.crash import point
from components.errors import UserError
from pipelines.engine.context import append_line

NOW = ".now"
COPY = ".recipe.json"  # of the recipe of an Airflow run, beside its journal until it has ended
TELLING = ("plan", "report")  # they look and tell
AT_WORK, OPEN = "is at work", "is open in Airflow"
LIVE = (AT_WORK, OPEN)
BY_HAND = "stopped by hand"  # by a key or a signal: the same command goes on
Status = Literal["found", "ran", "failed"]


class StageLine(Config):
    """started: unix time. seconds: wall time, the process's start included. memory: peak PSS in bytes of all
    processes, 0 where none was started. error: what was said to the user; code: of that, where it has one. mistake:
    something that the user can mend.
    passing: something that may pass by itself, such as a killed process or a full disk."""

    stage: str
    reference: str
    status: Status
    started: float
    seconds: float
    memory: int = 0
    error: str = ""
    code: str = ""
    mistake: bool = False
    passing: bool = False


def new_run(recipe: str) -> str:
    """A name for a run that sorts by time."""
    now = time.time()
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}-{int(now % 1 * 1000):03d}-{recipe}"


def airflow_run(dag_id: str, after: datetime) -> str:
    """The name of the journal of a DAG run that may begin at `after`."""
    return f"{after:%Y%m%dT%H%M%S}-{after.microsecond // 1000:03d}-{dag_id}"


def safe(run: str) -> str:
    """A name from elsewhere (an Airflow run's, say) as the name of a file."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", run).strip(".")[:120] or "run"


def journal_file(home: Path, run: str) -> Path:
    return home / "runs" / f"{safe(run)}.jsonl"


def live_file(home: Path, run: str) -> Path:
    return home / "runs" / f"{safe(run)}.live"


def now_file(home: Path, run: str) -> Path:
    return home / "runs" / f"{safe(run)}{NOW}"


def append(file: Path, record: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    point("run.before")
    append_line(file, record)
    point("run.after")


def records(file: Path) -> list[dict[str, Any]]:
    """Every whole line of a journal; a line torn by a kill is left out."""
    return list(_records(file)) if file.exists() else []


def stages(home: Path, run: str) -> list[StageLine]:
    """The stages of a run, in the order in which they ended; the last attempt of each.

    Raises:
        ValidationError: a line of a stage lacks what it has to hold.
    """
    last: dict[str, StageLine] = {}
    for record in records(journal_file(home, run)):
        if "stage" in record:
            line = StageLine.model_validate(record)
            last.pop(line.stage, None)
            last[line.stage] = line
    return list(last.values())


def made_anything(lines: list[StageLine]) -> bool:
    """Whether a run adds something to MLflow's picture: what only looks and tells, or was found, does not."""
    return any(
        line.status == "failed" or (line.status == "ran" and line.stage not in TELLING) for line in lines
    )


def _records(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict):
            yield record


def head_of(home: Path, run: str) -> dict[str, Any]:
    """What a journal says of the run itself, the last word counting."""
    head: dict[str, Any] = {}
    for record in records(journal_file(home, run)):
        head.update(record if "stage" not in record else {})
    return head


def open_runs(home: Path) -> dict[str, str]:
    """Run -> what it is: at work here, or open in Airflow, whose next stage may begin at any time."""
    found = {}
    for file in sorted((home / "runs").glob("*.jsonl")):
        head = head_of(home, file.stem)
        if "ended" not in head and (state := unended(home, file.stem, head)) in LIVE:
            found[file.stem] = state
    return found


def refuse_open_runs(home: Path) -> None:
    """Raises UserError where a run has not ended, between two of its stages too."""
    for run, state in open_runs(home).items():
        mend = (
            "wait for it" if state == AT_WORK else "wait for it, or end it there; if Airflow does not list it"
        )
        copy = home / "runs" / f"{safe(run)}{COPY}"
        gone = f", remove {copy}" if state == OPEN else ""
        raise UserError("run-open", f"no run may be open, run {run} {state}: {mend}{gone}, and ask again")


def unended(home: Path, run: str, head: dict[str, Any]) -> str:
    """What is to be said of a run whose journal has no end: it is at work, or Airflow's and open, or was broken off."""
    if (
        head.get("airflow") and (home / "runs" / f"{safe(run)}{COPY}").exists()
    ):  # until the last task has ended it
        return OPEN
    return AT_WORK if _lives(int(head.get("pid", 0)), float(head.get("started", 0.0))) else "was broken off"


def _lives(pid: int, since: float) -> bool:
    """Whether the process that had this number then has it still."""
    import psutil  # 20 ms, for runs that have not ended alone

    try:
        return pid > 0 and psutil.Process(pid).create_time() <= since
    except psutil.Error:
        return False
