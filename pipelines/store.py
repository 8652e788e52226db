"""Run a stage once: one request, one folder, one manifest, never written twice.

A stage is a module pipelines.stages.NAME with VERSION, Request, Output and run(request, folder, context).
A finished run is named by its reference, "NAME/KEY". The key is a digest of all that it depends on: the
stage and its VERSION, the recipe's name, the request as given (upstream references included), what the stage
observes of the world outside, and the code that it imports. No manifest, no result: the manifest is written
last, then the folder gets its name. An interrupted run keeps its folder (.KEY.part); its retry resumes there.

Where the store has a remote (settings.Store), a run is shared there before its folder gets its name, and what is
not here is looked for there: machines with empty folders share finished runs.
"""

import importlib
import inspect
import shutil
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from components.config import explain
from components.crash import point
from components.errors import UserError
from components.files import fsync, locked
from pipelines import code, remote
from pipelines.artifact import Artifact
from pipelines.context import Context, read_metrics
from pipelines.manifest import Identity, Manifest, whole, write
from pipelines.settings import Settings, Store

__all__ = [
    "Artifact", "Context", "Identity", "Manifest", "identify", "is_finished", "key_of", "part_of", "read_manifest",
    "read_metrics", "read_output", "run_once", "share",
]  # fmt: skip


def identify(
    stage: str, given: dict[str, Any], settings: Settings, recipe: str, observed: dict[str, str] | None = None
) -> Identity:
    """What a run would be named by. Imports the stage only where it observes the world outside.

    Raises:
        UserError: there is no such stage; or it observes, and the request is wrong.
    """
    if observed is None:
        observed = _observe(stage, given, settings, recipe) if code.observes(stage) else {}
    return Identity(
        stage=stage,
        version=code.version(stage),
        recipe=recipe,
        given=given,
        observed=observed,
        code=code.code_digest(stage, given),
    )


def run_once(identity: Identity, settings: Settings, run: str = "") -> tuple[str, bool]:
    """The reference of the finished run, and whether it was found (else it has just been run).

    Raises:
        UserError: the request has an unknown, missing or wrong field; or what the stage says of its input.
    """
    reference, store = identity.reference, settings.store
    part = part_of(reference, store)
    with locked(part.with_suffix(".lock")):
        if is_finished(reference, store):
            return reference, True
        if whole(part):  # the process that made it was ended before it could say so
            return reference, not _publish(reference, store)
        module = load(identity.stage)
        request = checked(module, identity.given, identity.recipe)
        if (store / reference).is_dir():
            shutil.rmtree(store / reference)  # its manifest is gone: no result
        part.mkdir(exist_ok=True)
        context = Context(
            store=store,
            settings=settings,
            recipe=identity.recipe,
            folder=part,
            run=run,
            observed=identity.observed,
        )
        started = time.time()
        output = module.run(request, part, context)
        manifest = Manifest(
            **identity.model_dump(),
            request=request.model_dump(mode="json"),
            output=output.model_dump(mode="json"),
            started=round(started, 3),
            seconds=round(time.time() - started, 3),
        )
        point("store.output")
        write(part, manifest)
        point("store.manifest")
        return reference, not _publish(reference, store)


def is_finished(reference: str, store: Path) -> bool:
    """Whether it is here; a run that others share is brought here."""
    if (store / reference / "manifest.json").is_file():
        return True
    address = _remote(store)
    return address is not None and remote.bring(
        reference, store / reference, part_of(reference, store), address
    )


def share(reference: str, store: Path) -> None:
    """A finished run of this machine is there for others too: one made before the store had a remote, say."""
    if address := _remote(store):
        remote.share(reference, store / reference, address)


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
        raise UserError(f"no finished run {reference!r} in {where}; `selfsup runs` lists them")
    return Manifest.model_validate_json((store / reference / "manifest.json").read_bytes())


def read_output(reference: str, store: Path) -> Any:
    """The Output of a finished run, as its stage's own type."""
    manifest = read_manifest(reference, store)
    return load(manifest.stage).Output.model_validate(manifest.output)


def load(stage: str) -> ModuleType:
    return importlib.import_module(f"pipelines.stages.{stage}")


def checked(module: ModuleType, given: dict[str, Any], recipe: str) -> Any:
    """The request as the stage's own type; a mistake in it is one line that names the recipe's section."""
    try:
        return module.Request.model_validate(given)
    except ValidationError as error:
        raise UserError(explain(error, f"recipe {recipe}, {module.__name__.rpartition('.')[2]}")) from None


def _observe(stage: str, given: dict[str, Any], settings: Settings, recipe: str) -> dict[str, str]:
    module = load(stage)
    told = (checked(module, given, recipe), settings, recipe)
    asked = len(inspect.signature(module.observe).parameters)  # the recipe's name is for who wants it
    observed: dict[str, str] = module.observe(*told[:asked])
    return observed


def _remote(store: Path) -> str | None:
    return store.remote if isinstance(store, Store) else None


def _publish(reference: str, store: Path) -> bool:
    """The folder gets its name, once it is shared. Whether the result is this machine's own."""
    part, final, address = part_of(reference, store), store / reference, _remote(store)
    if address is not None and not remote.share(reference, part, address):
        if not remote.bring(reference, final, part, address):
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
