"""All that a run leaves: versions, aliases, the journal, files, halves of files, processes."""

import contextlib
import hashlib
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import psutil

from tests.crash.place import MARK, NAME, Home

# Of an output: seconds, speeds, names that MLflow draws by lot, sizes of files in which the home's path stands,
# a page that tells the time.
VARYING = ("second", "bytes", "wait_share", "run_id", "model_id", "page", "latency", "milliseconds")
MLFLOW = {
    "versions": "select name, version, status from model_versions",
    "tags": "select version, key, value from model_version_tags where key in"
    " ('selfsup.reference', 'selfsup.digest', 'selfsup.gate')",
    "aliases": "select alias, version from registered_model_aliases",
    "models": "select name, status from logged_models",
    "runs": "select r.name, r.status, t.value from runs r left join tags t on t.run_uuid = r.run_uuid"
    " and t.key = 'selfsup.reference' where r.lifecycle_stage = 'active'",
    "metrics": "select r.name, m.key, count(*) from metrics m join runs r on r.run_uuid = m.run_uuid"
    " group by r.run_uuid, m.key",
}


def traces(home: Home, done: dict[str, str]) -> dict[str, Any]:
    """What must be the same however often a run was killed; done: the references that it came to."""
    outputs = {f"output {stage}": output(home, reference) for stage, reference in done.items()}
    return {
        "references": done, **outputs, **models(home), "files": files(home), "promotions": promotions(home),
        "halves": halves(home), "processes": processes(home),
    }  # fmt: skip


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """The names of the traces that are not as expected, with both."""
    keys = sorted(found.keys() | expected.keys())
    return [
        f"{key}: {found.get(key)!r:.400} instead of {expected.get(key)!r:.400}"
        for key in keys if found.get(key) != expected.get(key)
    ]  # fmt: skip


def models(home: Home) -> dict[str, list[tuple[Any, ...]]]:
    """What MLflow's database holds, by the queries above."""
    database = home.root / "home" / "mlflow" / "mlflow.db"
    if not database.exists():
        return {}
    return {name: ask(database, query) for name, query in MLFLOW.items()}


def ask(database: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows, sorted; none before the tables are made."""
    open_ = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return sorted(open_.execute(query).fetchall(), key=repr)
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        return []
    finally:
        open_.close()


def promotions(home: Home) -> dict[str, list[Any]]:
    """Of the promotion journal: the moves that were done (action, from, to), and how many are still open."""
    file = home.root / "home" / "journal" / f"{NAME}.jsonl"
    entries = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    count = {state: sum(e["state"] == state for e in entries) for state in ("begun", "done", "abandoned")}
    moves = [[e["action"], e["from_version"], e["to_version"]] for e in entries if e["state"] == "done"]
    return {"done": moves, "open": [count["begun"] - count["done"] - count["abandoned"]]}


def files(home: Home) -> dict[str, str]:
    """Path -> sha256 of every file of the data folder, and of data.dvc."""
    found = [*home.data.rglob("*"), home.data.with_name("data.dvc")]
    return {
        path.relative_to(home.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(found) if path.is_file()
    }  # fmt: skip


def output(home: Home, reference: str) -> dict[str, Any]:
    """What a finished run gave, digests of its files included, less what differs each time."""
    manifest = json.loads((home.store / reference / "manifest.json").read_text())
    given: dict[str, Any] = manifest["output"]
    varying = [key for key in given if any(word in key for word in VARYING)]
    return {key: value for key, value in given.items() if key not in varying}


def halves(home: Home) -> list[str]:
    """Files that should not outlive the run that wrote them."""
    hidden = [path for top in (home.store, home.data) for path in top.rglob(".*")]
    hidden = [path for path in hidden if path.suffix != ".lock" and path.name != ".gitignore"]
    temporary = [path for top in (home.store, home.data) for path in top.rglob("*.tmp")]
    copies = (home.store / "register").glob("*/saved")  # it lies in MLflow
    return sorted({path.relative_to(home.root).as_posix() for path in [*hidden, *temporary, *copies]})


def processes(home: Home, patience: float = 10.0) -> list[str]:
    """Command lines of what runs of this home have left running; those that are ending are waited for."""
    until = time.monotonic() + patience
    while (left := running(home)) and time.monotonic() < until:
        time.sleep(0.1)
    lines = []
    for process in left:
        with contextlib.suppress(psutil.Error):
            lines.append(" ".join(process.cmdline()))
    return lines


def running(home: Home) -> list[psutil.Process]:
    """All that runs of this home have started and that has not ended."""
    found = []
    for process in psutil.process_iter():
        try:
            # a fork shows the variables of the process that it came from, and Ray writes over its own: the folder
            # in which they run tells
            mine = process.environ().get(MARK) == str(home.root) or Path(process.cwd()) == home.root
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
