"""The store of finished runs: each is a folder with a manifest, by its reference "STAGE/KEY", and never written twice.

A stage is a module pipelines.stages.NAME, or stage.py in a package of that name, with VERSION, Request, Output and
run(request, folder, context); the last three may lie in a module a task. No manifest, no result: the manifest is
written last, then the folder gets its name. An interrupted run keeps its folder (.KEY.part); its retry resumes there.

Where the store has a remote (settings.Store), a run is shared there before its folder gets its name, and what is
not here is looked for there: machines with empty folders share finished runs.
"""

import importlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from components.crash import point
from components.errors import UserError
from components.files import fsync
from components.tasks.registry import task_name
from pipelines.engine import code_digest, object_store
from pipelines.engine.manifest import Manifest
from pipelines.settings import Store


def is_finished(reference: str, store: Path) -> bool:
    """Whether it is here; a run that others share is brought here."""
    if (store / reference / "manifest.json").is_file():
        return True
    address = _remote(store)
    return address is not None and object_store.bring(
        reference, store / reference, part_of(reference, store), address
    )


def share(reference: str, store: Path) -> None:
    """A finished run of this machine is there for others too: one made before the store had a remote, say."""
    if address := _remote(store):
        object_store.share(reference, store / reference, address)


def part_of(reference: str, store: Path) -> Path:
    """The folder of a run that is not finished; what its retry finds."""
    stage, _, key = reference.partition("/")
    return store / stage / f".{key}.part"


def key_of(folder: Path) -> str:
    """The key of the run that works in this folder; its reference is "STAGE/KEY"."""
    return folder.name.removeprefix(".").removesuffix(".part")


def read_manifest(reference: str, store: Path) -> Manifest:
    """The manifest of a finished run, without importing its stage: output is plain JSON values.

    Raises:
        UserError: no finished run has this reference.
    """
    if not is_finished(reference, store):
        where = " or ".join(str(place) for place in (store, _remote(store)) if place)
        raise UserError("no-such-run", f"no finished run {reference!r} in {where}; `selfsup runs` lists them")
    return Manifest.model_validate_json((store / reference / "manifest.json").read_bytes())


def read_output(reference: str, store: Path) -> Any:
    """The Output of a finished run, as its stage's own type."""
    manifest = read_manifest(reference, store)
    return load(manifest.stage, manifest.given).Output.model_validate(manifest.output)


def load(stage: str, given: Mapping[str, Any] | None = None) -> ModuleType:
    """The module with Request, Output and run of a stage. Where the stage's own has none, they differ by task, and it
    is that of the task in the request `given`, from the table BY_TASK.

    Raises:
        UserError: the stage does nothing for that task.
    """
    module = importlib.import_module(code_digest.stage_module(stage))
    if hasattr(module, "run"):
        return module
    by_task, task = module.BY_TASK, task_name(given or {})
    if task not in by_task:
        raise UserError(
            "unknown-name",
            f"stage {stage} needs a task that it knows, got {task!r:.80}; tasks: {', '.join(by_task)}",
        )
    found: ModuleType = by_task.module(task)
    return found


def _remote(store: Path) -> str | None:
    return store.remote if isinstance(store, Store) else None


def publish(reference: str, store: Path) -> bool:
    """The folder gets its name, once it is shared. Whether the result is this machine's own."""
    part, final, address = part_of(reference, store), store / reference, _remote(store)
    if address is not None and not object_store.share(reference, part, address):
        if not object_store.bring(reference, final, part, address):
            raise ConnectionError(f"{address}: {reference} was there and is not; run again")
        mine = not part.exists()  # it was shared by this machine's last attempt
        shutil.rmtree(part, ignore_errors=True)
        return mine
    if final.is_dir() and not (final / "manifest.json").is_file():
        shutil.rmtree(final)
    try:
        part.rename(final)
    except FileNotFoundError:  # another process of this machine found it shared, and did so
        if not (final / "manifest.json").is_file():
            raise
    fsync(final.parent)
    point("store.renamed")
    return True
