"""`selfsup doctor`: is what lies on the disk whole, and do its parts agree? Changes nothing; says how to mend."""

import contextlib
import importlib.metadata
import json
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from components.data import versions
from components.data.shards import Index
from components.errors import UserError
from components.registry.journal import CHAMPION
from components.wording import counted
from pipelines import recipe_folders
from pipelines.engine.code_digest import ROOT
from pipelines.flows import due
from pipelines.operations.figures import LEAST, Status, status
from pipelines.registry.registry import registry_of
from pipelines.settings import Settings
from pipelines.stages.snapshot.disagreement import disagreement

AHEAD = 300.0  # seconds that a file may be newer than the clock
NAMED = 5  # files that are named


class Finding(NamedTuple):
    """mend: what to do; None: all is well."""

    what: str
    found: str
    mend: str | None = None


def examine(settings: Settings) -> Iterator[Finding]:
    """One finding of each check, in order; a check that cannot be made is one that fails."""
    now = status(settings)
    for what, check in CHECKS.items():
        try:
            found, mend = check(settings, now)
        except (UserError, OSError, sqlite3.Error) as error:
            found, mend = f"cannot be checked: {error}", "mend that, and ask again"
        yield Finding(what, found, mend)


Answer = tuple[str, str | None]


def locked(lock: Path) -> dict[str, str]:
    """Package -> version, without what a build adds to it, of the lines of a lock that are for this Python."""
    lines = [line for line in lock.read_text().splitlines() if "==" in line and not line.startswith("#")]
    asked = [Requirement(line.partition(" #")[0]) for line in lines]
    here = [one for one in asked if one.marker is None or one.marker.evaluate()]
    return {one.name: str(one.specifier).removeprefix("==").partition("+")[0] for one in here}


def _versions(settings: Settings, now: Status) -> Answer:
    lock = ROOT / "requirements.lock"
    if not lock.is_file():
        return "no requirements.lock beside the code", None
    wrong = []
    for name, version in locked(lock).items():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            if (here := importlib.metadata.version(name)).partition("+")[0] != version:
                wrong.append(f"{name} {here}, locked {version}")
    if wrong:
        return f"{', '.join(wrong[:NAMED])} ({len(wrong)} in all)", "`make test` brings .venv up to date"
    return "as in requirements.lock", None


def _permissions(settings: Settings, now: Status) -> Answer:
    places = [settings.home, *(settings.home / name for name in ("airflow", "platform", "logs"))]
    files = [
        path for place in places[1:] if place.is_dir() for path in place.rglob("*") if not path.is_symlink()
    ]
    loose = [
        path for path in (*places, *files) if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if loose:
        named = ", ".join(map(str, loose[:NAMED]))
        return f"{counted(len(loose), 'path')} others may read: {named}", f"`chmod -R go= {settings.home}`"
    return "secrets and logs are their owner's alone", None


def _disks(settings: Settings, now: Status) -> Answer:
    short = [disk for disk in now.disks if disk.free < LEAST * disk.total]
    told = ", ".join(f"{disk.place} {disk.free / 1e9:.1f} GB free" for disk in short or now.disks)
    return told, "`selfsup gc --yes`, or a larger disk" if short else None


def _clocks(settings: Settings, now: Status) -> Answer:
    moment = time.time()
    newest = max((file.stat().st_mtime for file in (settings.home / "runs").glob("*.jsonl")), default=moment)
    if newest > moment + AHEAD:
        return (
            f"a run's journal is {newest - moment:,.0f} s newer than the clock",
            "set the clock of this machine, or of the one that shares its home",
        )
    return "nothing is newer than now", None


def _databases(settings: Settings, now: Status) -> Answer:
    files = [settings.home / "airflow" / "airflow.db"]
    files += (
        [Path(settings.mlflow.removeprefix("sqlite:///"))] if settings.mlflow.startswith("sqlite:///") else []
    )
    wrong, there = [], [file for file in files if file.is_file()]
    for file in there:
        try:
            with contextlib.closing(
                sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30.0)
            ) as database:
                said = str(database.execute("pragma quick_check(1)").fetchone()[0])
        except sqlite3.DatabaseError as error:
            said = str(error)
        if said != "ok":
            wrong.append(f"{file}: {said}")
    mend = "`make down`; bring it back from a backup (Airflow's may be deleted: it holds the history of runs alone)"
    return ("; ".join(wrong), mend) if wrong else (f"{counted(len(there), 'database')} whole", None)


def _registry(settings: Settings, now: Status) -> Answer:
    wrong, seen = [], 0
    for recipe in recipe_folders.scheduled(settings)[0].values():
        version = due.champion(recipe, settings)
        if version is None:
            continue
        seen += 1
        registry = registry_of(recipe.model, settings)
        alias = registry.alias(CHAMPION)
        if alias != version:
            wrong.append(f"{recipe.model}: champion {version} by the journal, {alias} in MLflow")
    mend = (
        "`selfsup history NAME` brings them together; `selfsup rollback NAME` where the version was deleted"
    )
    return ("; ".join(wrong), mend) if wrong else (f"{counted(seen, 'champion')}, as in the journals", None)


def _store(settings: Settings, now: Status) -> Answer:
    """Every file that a manifest names is there, with its size; hashes are compared when a file is used."""
    wrong, runs = [], 0
    for file in settings.store.glob("*/[!.]*/manifest.json"):
        runs += 1
        try:
            lost = [name for name, size in _files_of(file) if not _has(file.parent / name, size)]
        except ValueError:
            lost = [file.name]
        wrong += [str(file.parent / name) for name in lost]
    if wrong and settings.store_remote is None:
        named = ", ".join(wrong[:NAMED])
        mend = "remove the folders of these runs and run the recipe again: they are made anew"
        return f"{counted(len(wrong), 'file')} missing or of another size: {named}", mend
    return f"{counted(runs, 'run')}, with the files of their manifests", None


def _files_of(manifest: Path) -> Iterator[tuple[str, int]]:
    """(path, bytes) of each artifact that an output names."""
    waiting = [json.loads(manifest.read_bytes())["output"]]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if {"path", "sha256", "bytes"} <= value.keys():
                yield value["path"], value["bytes"]
            else:
                waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _has(file: Path, size: int) -> bool:
    try:
        return file.stat().st_size == size
    except OSError:
        return False


def _data(settings: Settings, now: Status) -> Answer:
    for name in recipe_folders.scheduled(settings)[0]:
        Index.load(settings.data / name)  # names what is missing
    if (wrong := disagreement(settings)) is not None:
        return wrong, "see there"
    return "data.dvc and folders agree", None


def _remote(settings: Settings, now: Status) -> Answer:
    if "://" in settings.dvc_remote:
        return f"{settings.dvc_remote}: asked when data are pushed", None
    remote, version = Path(settings.dvc_remote), versions.read(settings.data)
    if version is None:
        return "no data version yet", None
    if not (remote / "files" / "md5" / version.hash[:2] / version.hash[2:]).is_file():
        mend = "the next snapshot pushes it; else bring the remote back from a backup"
        return f"the version of data.dvc is not in {remote}", mend
    return f"the version of data.dvc is in {remote}", None


def _platform(settings: Settings, now: Status) -> Answer:
    down = [name for name, service in now.services.items() if not service.well]
    if len(down) == len(now.services):
        return "nothing is up", None
    return (
        (f"not well: {', '.join(down)}", "`make up`; their logs are in HOME/logs")
        if down
        else ("all run", None)
    )


CHECKS: dict[str, Callable[[Settings, Status], Answer]] = {
    "versions": _versions,
    "rights": _permissions,
    "disks": _disks,
    "clocks": _clocks,
    "databases": _databases,
    "registry and journals": _registry,
    "store and manifests": _store,
    "data": _data,
    "DVC remote": _remote,
    "services": _platform,
}
