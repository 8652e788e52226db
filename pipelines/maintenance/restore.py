"""Bring a data version back: named by its hash, by a snapshot of it, or by a model that was made from it."""

import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from components.data import versions
from components.data.guard import writing
from components.data.shards import damaged
from components.data.versions import Version
from components.errors import UserError
from components.wording import counted
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import read_manifest
from pipelines.maintenance.forget.record import refuse_erased
from pipelines.settings import Settings

DIGEST = re.compile(r"[0-9a-f]{64}")
SNAPSHOT = re.compile(r"snapshot/[0-9a-f]{16}")


def checkout(
    asked: str, settings: Settings, recipe: str | None, into: Path | None, say: Callable[[str], None]
) -> Version:
    """The data folder, or a new folder `into`, holds the version `asked` (see find) when this returns, every
    file hashed again.

    Raises:
        UserError: nobody knows the version; it is neither here nor in the remote, or damaged there; the data
            folder holds what no version keeps; `into` is not empty; a run is at work.
    """
    version = find(asked, settings, recipe)
    refuse_erased(version, settings.home)
    if into is not None:
        found = _aside(version, settings, into.expanduser().absolute())
        say(
            f"{found.hash}: {counted(found.files, 'file')}, {found.bytes:,} bytes in {into}, every digest verified"
        )
        return found
    from pipelines.flows.run import home_lock

    with home_lock(settings.home), ExitStack() as held:
        for index in sorted(settings.data.glob("*/index.json")):
            held.enter_context(writing(index.parent))
        found = versions.restore(settings.data, version, settings.dvc_remote, settings.home / "dvc-cache")
        _verify(settings.data)
        versions.verify(settings.data, version, settings.dvc_remote, settings.home / "dvc-cache")
    recipes = ", ".join(sorted(index.parent.name for index in settings.data.glob("*/index.json")))
    say(
        f"{found.hash}: {counted(found.files, 'file')}, {found.bytes:,} bytes in {settings.data} ({recipes}), "
        "every digest verified"
    )
    say("what was delivered after it comes back with the next change of the inbox, or with a later version")
    return found


def find(asked: str, settings: Settings, recipe: str | None = None) -> str:
    """The hash of a data version. asked: the hash ("....dir"); the digest of a recipe's folder, or a snapshot
    ("snapshot/KEY"), as some snapshot in the store has it; or, with a recipe, a version of its model or an
    alias such as champion.

    Raises:
        UserError: it is none of these, or nothing of this name is known.
    """
    if versions.HASH.fullmatch(asked):
        return asked
    if SNAPSHOT.fullmatch(asked):
        return str(read_manifest(asked, settings.store).output["version"])
    if DIGEST.fullmatch(asked):
        files = sorted(settings.store.glob("snapshot/*/manifest.json"))
        for manifest in (Manifest.model_validate_json(file.read_bytes()) for file in files):
            if manifest.output["digest"] == asked and recipe in (None, manifest.recipe):
                return str(manifest.output["version"])
        raise UserError(
            "data-version-lost",
            f"no snapshot in {settings.store} has the digest {asked}; name the data version (....dir)",
        )
    if recipe is None:
        raise UserError(
            "invalid-data-version",
            f"a data version (....dir), a snapshot's digest or reference is needed, got {asked!r:.80}; "
            "for a model's version name the recipe too: --recipe NAME",
        )
    from pipelines.registry.record import tags_of  # opens MLflow

    version, tags = tags_of(recipe, asked, settings)
    if not versions.HASH.fullmatch(tags.get("selfsup.data", "")):
        raise UserError(
            "record-incomplete",
            f"{recipe} version {version} does not say its data version (tag selfsup.data)",
        )
    return tags["selfsup.data"]


def _aside(version: str, settings: Settings, into: Path) -> Version:
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise UserError("folder-not-empty", f"{into} is not empty; name a folder that is not there yet")
    scratch = settings.home / "checkout" / version[:32]
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        found = versions.restore(scratch / "data", version, settings.dvc_remote, settings.home / "dvc-cache")
        _verify(scratch / "data")
        into.parent.mkdir(parents=True, exist_ok=True)
        if into.exists():
            into.rmdir()
        shutil.move(scratch / "data", into)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return found


def _verify(data: Path) -> None:
    wrong = [
        f"{index.parent.name}/{name}" for index in data.glob("*/index.json") for name in damaged(index.parent)
    ]
    if wrong:
        raise UserError(
            "data-damaged",
            f"{counted(len(wrong), 'file')} of {data} with other content than the name says, e.g. {wrong[0]}: "
            f"cache or remote is "
            "damaged; bring it back from a backup",
        )
