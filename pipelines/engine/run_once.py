"""Run a stage once: one request, one folder, one manifest.

The key of a run is a digest of all that it depends on: the stage and its VERSION, the recipe's name, the request as
given (upstream references included), what the stage observes of the world outside, and the code that the request can
reach.
"""

import inspect
import shutil
import time
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from components.config import explain
from components.crash import point
from components.errors import UserError
from components.files import locked
from pipelines.engine import code_digest
from pipelines.engine.context import Context
from pipelines.engine.manifest import Identity, Manifest, whole, write
from pipelines.engine.store import is_finished, load, part_of, publish
from pipelines.settings import Settings


def identify(
    stage: str, given: dict[str, Any], settings: Settings, recipe: str, observed: dict[str, str] | None = None
) -> Identity:
    """What a run would be named by. Imports the stage only where it observes the world outside.

    Raises:
        UserError: there is no such stage; or it observes, and the request is wrong.
    """
    if observed is None:
        observed = _observe(stage, given, settings, recipe) if code_digest.observes(stage) else {}
    return Identity(
        stage=stage,
        version=code_digest.version(stage),
        recipe=recipe,
        given=given,
        observed=observed,
        code=code_digest.code_digest(stage, given),
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
            return reference, not publish(reference, store)
        module = load(identity.stage, identity.given)
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
            request=request.model_dump(mode="json", by_alias=True),
            output=output.model_dump(mode="json"),
            started=round(started, 3),
            seconds=round(time.time() - started, 3),
        )
        point("store.output")
        write(part, manifest)
        point("store.manifest")
        return reference, not publish(reference, store)


def checked(module: ModuleType, given: dict[str, Any], recipe: str) -> Any:
    """The request as the stage's own type; a mistake in it is one line that names the recipe's section."""
    try:
        return module.Request.model_validate(given)
    except ValidationError as error:
        stage = module.__name__.removeprefix("pipelines.stages.").partition(".")[0]
        raise UserError("invalid-recipe", explain(error, f"recipe {recipe}, {stage}")) from None


def _observe(stage: str, given: dict[str, Any], settings: Settings, recipe: str) -> dict[str, str]:
    module = load(stage)
    told = (checked(module, given, recipe), settings, recipe)
    asked = len(inspect.signature(module.observe).parameters)  # the recipe's name is for who wants it
    observed: dict[str, str] = module.observe(*told[:asked])
    return observed
