"""Free the disk of what nobody needs: finished runs that no model and no recent run came from, and leftovers.

Nothing runs meanwhile: no run is open, the home's lock and that of the store are held, and whatever a process of ours
still has locked stays. A run's manifest goes first, so that a gc that is killed leaves no half run that counts. Where
the store has a remote, what goes here goes there before (bucket_gc.py): what a kill leaves is still here, and named by
the next gc.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from components.errors import UserError
from components.wording import counted
from pipelines.engine import journal, object_store
from pipelines.engine.journal import COPY, NOW, records
from pipelines.engine.manifest import Manifest
from pipelines.engine.store_lock import unused
from pipelines.flows.run import home_lock
from pipelines.maintenance import bucket_gc
from pipelines.maintenance.retention import Run, given, needed, of_models, of_runs, open_since, runs
from pipelines.settings import Settings


class Waste(NamedTuple):
    """path: a file or folder that nobody needs. bytes: on the disk. what: for a person."""

    path: Path
    bytes: int
    what: str


class Found(NamedTuple):
    """kept: reference -> why, of the finished runs here. waste: what may go. shared: and from the bucket."""

    kept: dict[str, str]
    waste: list[Waste]
    shared: bucket_gc.Waste = bucket_gc.Waste([], [], [])

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.waste)


def gc(settings: Settings, yes: bool, say: Callable[[str], None]) -> Found:
    """Say what nobody needs, with its size; `yes`: and delete it.

    Raises:
        UserError: a run is at work or open in Airflow; MLflow or the bucket cannot be asked; a manifest cannot be read.
        ConnectionError: the object storage does not answer.
    """
    with home_lock(settings.home), unused(settings):
        journal.refuse_open_runs(settings.home)  # one of Airflow's holds no lock between two of its stages
        found, address = look(settings), settings.store_remote
        for item in sorted(found.waste, key=lambda item: -item.bytes):
            say(f"{_size(item.bytes):>9}  {item.what}  {item.path}")
        if address is not None and any(found.shared):
            say(f"{_size(found.shared.bytes):>9}  {found.shared.describe(address)}")
        reasons: dict[str, int] = {}
        for why in found.kept.values():
            reasons[why] = reasons.get(why, 0) + 1
        for why, count in reasons.items():
            say(f"kept: {counted(count, 'run')} for {why}")
        if not yes:
            say(
                f"{_size(found.bytes)} in {counted(len(found.waste), 'place')} could go; nothing was deleted: "
                f"`selfsup gc --yes`"
            )
            return found
        if address is not None:
            bucket_gc.delete(found.shared, address)
        for item in found.waste:
            _delete(item.path)
        say(f"{_size(found.bytes)} in {counted(len(found.waste), 'place')} deleted")
    return found


def look(settings: Settings) -> Found:
    """What is kept and why, and what may go. Changes nothing."""
    manifests = _manifests(settings.store)
    listed = runs(settings, manifests)
    above = given(manifests, lambda reference: _shared(reference, settings))
    kept = needed([*of_models(settings, manifests), *of_runs(listed)], above)
    waste = [
        Waste(
            settings.store / reference,
            _bytes(settings.store / reference),
            f"run {reference} of {manifest.recipe}",
        )
        for reference, manifest in manifests.items()
        if reference not in kept
    ]
    waste += [*_parts(settings.store, kept, open_since(listed)), *_leftovers(settings.home, listed)]
    here = {reference: why for reference, why in kept.items() if reference in manifests}
    if settings.store_remote is None:
        return Found(here, waste)
    return Found(here, waste, bucket_gc.look(manifests.keys() - kept.keys(), settings.store_remote))


def _shared(reference: str, settings: Settings) -> Manifest | None:
    """A run that only others have: it may have been given what is here."""
    address = settings.store_remote
    record = None if address is None else object_store.lookup(reference, address)
    return None if record is None else Manifest.model_validate(record.manifest)


def _manifests(store: Path) -> dict[str, Manifest]:
    found = {}
    for file in sorted(store.glob("*/[!.]*/manifest.json")):
        try:
            manifest = Manifest.model_validate_json(file.read_bytes())
        except ValueError as error:
            why = str(error).splitlines()[0][:80]
            raise UserError(
                "run-files-damaged",
                f"{file} cannot be read ({why}): remove {file.parent} and run its recipe again",
            ) from None
        found[f"{manifest.stage}/{file.parent.name}"] = manifest
    return found


def _parts(store: Path, kept: dict[str, str], since: float | None) -> Iterator[Waste]:
    """Folders of stages that did not end, unless a run may take them up again, and folders without manifest."""
    for folder in sorted(store.glob("*/*")):
        if not folder.is_dir() or ((folder / "manifest.json").is_file() and not folder.name.startswith(".")):
            continue
        key = folder.name.strip(".").partition(".")[0]
        if f"{folder.parent.name}/{key}" in kept and not (folder.parent / key / "manifest.json").is_file():
            continue
        touched = max((file.lstat().st_mtime for file in folder.rglob("*")), default=folder.stat().st_mtime)
        if (since is not None and touched >= since) or _is_locked(folder.parent / f".{key}.lock"):
            continue
        yield Waste(folder, _bytes(folder), "unfinished stage")


def _leftovers(home: Path, listed: list[Run]) -> Iterator[Waste]:
    """Live pictures and recipe copies of runs that have ended, Ray's logs, what was only tried out or compared."""
    for run in listed:
        ended = any("ended" in record for record in records(home / "runs" / f"{run.name}.jsonl"))
        for suffix in (".live", NOW, COPY):
            file = home / "runs" / f"{run.name}{suffix}"
            if ended and file.exists():
                yield Waste(file, _bytes(file), "of a run that has ended")
    for folder in sorted(home.glob("ray/*")):
        if folder.is_symlink() and (elsewhere := folder.resolve()).is_dir():
            yield Waste(elsewhere, _bytes(elsewhere), "Ray's logs")
        yield Waste(folder, 0 if folder.is_symlink() else _bytes(folder), "Ray's logs")
    for folder in sorted(home.glob("choose/*")):
        yield Waste(folder, _bytes(folder), "objectives compared")
    for folder in sorted([*home.glob("checkout/*"), *home.glob("reproduce/*")]):
        if not _is_locked(folder / "run.lock"):
            yield Waste(folder, _bytes(folder), "a model rebuilt or data looked at")


def _is_locked(file: Path) -> bool:
    if not file.exists():
        return False
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _delete(path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    (path / "manifest.json").unlink(missing_ok=True)
    shutil.rmtree(path)


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if not file.is_dir()]
    return sum(file.lstat().st_size for file in files)


def _size(count: int) -> str:
    size, units = float(count), ["B", "kB", "MB", "GB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} {units[0]}" if units[0] == "B" else f"{size:.1f} {units[0]}"
