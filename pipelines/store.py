"""Run a stage once: one request, one folder, one manifest, never written twice.

A stage is a module pipelines.stages.NAME with VERSION, Request, Output and run(request, folder, context).
A finished run is named by its reference, "NAME/KEY". The key is a digest of all that it depends on: the
stage and its VERSION, the recipe's name, the request as given (upstream references included), what the stage
observes of the world outside, and the code that it imports. No manifest, no result: the manifest is written
last, then the folder gets its name. An interrupted run keeps its folder (.KEY.part); its retry resumes there.
"""

import hashlib
import importlib
import inspect
import json
import shutil
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from components.config import Config, explain
from components.errors import UserError
from components.files import fsync, locked
from pipelines import code
from pipelines.context import Artifact, Context, read_metrics
from pipelines.settings import Settings

__all__ = [
    "Artifact", "Context", "Manifest", "identify", "is_finished", "part_of", "read_manifest", "read_metrics",
    "read_output", "run_once",
]  # fmt: skip


class Identity(Config):
    """All that a run's key depends on.

    given: the request as the recipe has it, upstream references included. observed: of the world outside.
    code: digest of the modules imported.
    """

    stage: str
    version: int
    recipe: str
    given: dict[str, Any]
    observed: dict[str, str]
    code: str

    @property
    def reference(self) -> str:
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return f"{self.stage}/{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class Manifest(Identity):
    """What a finished run was made from, what it was asked and what it gave.

    request: as validated, defaults filled in. output: as its stage's Output dumps itself. started (unix time)
    and seconds: of the attempt that finished.
    """

    request: dict[str, Any]
    output: dict[str, Any]
    started: float
    seconds: float


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
        code=code.code_digest(stage),
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
        module = load(identity.stage)
        request = checked(module, identity.given, identity.recipe)
        if (store / reference).is_dir():
            shutil.rmtree(store / reference)  # its manifest is gone: no result
        part.mkdir(exist_ok=True)
        context = Context(store=store, settings=settings, recipe=identity.recipe, folder=part, run=run)
        started = time.time()
        output = module.run(request, part, context)
        manifest = Manifest(
            **identity.model_dump(),
            request=request.model_dump(mode="json"),
            output=output.model_dump(mode="json"),
            started=round(started, 3),
            seconds=round(time.time() - started, 3),
        )
        _publish(part, store / reference, manifest)
    return reference, False


def is_finished(reference: str, store: Path) -> bool:
    return (store / reference / "manifest.json").is_file()


def part_of(reference: str, store: Path) -> Path:
    """The folder of a run that is not finished; what its retry finds."""
    stage, _, key = reference.partition("/")
    return store / stage / f".{key}.part"


def read_manifest(reference: str, store: Path) -> Manifest:
    """The manifest of a finished run, without importing its stage: output is plain JSON values.

    Raises:
        UserError: no finished run has this reference.
    """
    file = store / reference / "manifest.json"
    if not file.is_file():
        raise UserError(f"no finished run {reference!r} in {store}; `selfsup runs` lists them")
    return Manifest.model_validate_json(file.read_bytes())


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


def _publish(part: Path, final: Path, manifest: Manifest) -> None:
    """Everything is on the disk before the manifest is, and the manifest before the folder has its name."""
    for file in part.rglob("*"):
        if not file.is_symlink():
            fsync(file)
    target = part / "manifest.json"
    target.write_text(manifest.model_dump_json(indent=2) + "\n")
    fsync(target)
    fsync(part)
    part.rename(final)
    fsync(final.parent)
