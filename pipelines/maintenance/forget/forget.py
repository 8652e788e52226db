"""selfsup forget RECIPE SAMPLE...: these samples as if they had never come, but for the models that learnt from them.

In this order: the data folder is written anew and becomes a version; the versions that hold a sample go, from cache and
remote; models are marked; copies in MLflow and runs in the store go. What was killed on the way is ended by the same
command: what is to go is written down first, and the snapshots, by which the rest is found, go last. Nothing else runs
meanwhile.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from components.crash import point
from components.data import erase as folders
from components.data import file_cache, version_erase, versions
from components.data.guard import writing
from components.data.shards import Index, read_shards
from components.errors import UserError
from components.registry.journal import person
from components.wording import counted
from pipelines import recipe_folders
from pipelines.engine.journal import refuse_open_runs
from pipelines.engine.store_lock import unused
from pipelines.flows.run import home_lock
from pipelines.maintenance.forget import record, runs
from pipelines.maintenance.forget.bucket import Bucket
from pipelines.recipe import Recipe
from pipelines.registry.registry import registry_of
from pipelines.settings import Settings
from pipelines.stages.ingest import Request as Ingest
from pipelines.stages.ingest import inbox_of
from pipelines.tracking import erasing

ID = re.compile(r"[0-9a-f]{64}")
ANY_SIZE = 1 << 50  # bytes
LOGS = ("runs/*", "older-runs.jsonl", "logs/*", "airflow/logs/**/*", "airflow/runs/*")


class Found(NamedTuple):
    """files: of the recipe's folder. held: of DVC. made: runs. models: versions of the recipe's model."""

    ids: list[str]
    files: list[str]
    held: version_erase.Held
    made: runs.Runs
    models: list[str]

    def describe(self) -> str:
        return (
            f"{counted(len(self.ids), 'sample')}: in {counted(len(self.files), 'file')} of the data, "
            f"{counted(len(self.held.versions), 'data version')}, {counted(len(self.made), 'run')}, and what "
            f"{counted(len(self.models), 'model')} learnt from"
        )


def forget(
    asked: str, samples: Sequence[str], settings: Settings, yes: bool, say: Callable[[str], None]
) -> Found:
    """Say what holds the samples; `yes`: and take them out.

    Args:
        samples: each an id, a file, a name as it arrived, or a table that was delivered, for all that it brought.

    Raises:
        UserError: a sample is not known, or, with `yes`, still lies in the inbox; a run is open; MLflow or the
            storage cannot be asked.
    """
    recipe = recipe_folders.find(asked, settings)
    data = settings.data / recipe.name
    with home_lock(settings.home), unused(settings), writing(data):
        refuse_open_runs(settings.home)
        earlier = _earlier(recipe, settings)
        known = earlier.samples if earlier else {}
        asked_for = known | {
            sample: known.get(sample) or _ids(sample, recipe, settings) for sample in samples
        }
        ids = sorted(set(chain.from_iterable(asked_for.values())))
        left = [name for name, id in in_inbox(recipe, settings) if id in ids]
        there = (
            f"still in the inbox, from which the next ingest would take them again: {counted(len(left), 'file')}, "
            f"{', '.join(left[:5])}; remove {'it' if len(left) == 1 else 'them'} there first (and the labels)"
        )
        if left and yes:
            raise UserError("samples-still-delivered", f"{there}, then ask again")
        found = _look(recipe, ids, settings)
        say(found.describe())
        if left:
            say(there)
        if not (found.files or found.held.objects or found.made or earlier):
            say("nothing holds them: there is nothing to do")
        elif not yes:
            say("nothing was changed: add --yes to forget them for good; no backup of ours brings them back")
        else:
            models = [f"{recipe.model}/{version}" for version in found.models]
            begun = record.Begun(
                recipe=recipe.name,
                when=earlier.when if earlier else datetime.now(UTC).isoformat(timespec="seconds"),
                samples=asked_for,
                versions=sorted({*found.held.versions, *(earlier.versions if earlier else ())}),
                models=sorted({*models, *(earlier.models if earlier else ())}),
            )
            record.begin(settings.home, begun)
            point("forget.begun")
            _forget(recipe, found, begun, settings, say)
    return found


def _earlier(recipe: Recipe, settings: Settings) -> record.Begun | None:
    """What a command that was killed had begun.

    Raises:
        UserError: it was another recipe's.
    """
    earlier = record.begun(settings.home)
    if earlier is not None and earlier.recipe != recipe.name:
        names = " ".join(earlier.samples)
        raise UserError(
            "forgetting-unfinished",
            f"forgetting samples of {earlier.recipe} was begun and not ended; end it first: "
            f"`selfsup forget {earlier.recipe} {names} --yes`",
        )
    return earlier


def in_inbox(recipe: Recipe, settings: Settings) -> Iterator[tuple[str, str]]:
    """Name and id of each sample that lies in the recipe's inbox."""
    if not recipe.inbox.is_dir():
        return
    asked = Ingest.model_validate(recipe.request("ingest", {}) | {"settle_seconds": 0.0})
    inbox = inbox_of(asked, settings)
    for delivery in inbox.list().deliveries:
        for item in inbox.items(delivery, ANY_SIZE):
            if item.data:
                yield item.name, hashlib.sha256(item.data).hexdigest()


def _ids(sample: str, recipe: Recipe, settings: Settings) -> list[str]:
    """What was asked for, as ids: that of a sample; or those that a delivery brought, without what still lies in the
    inbox where it does not all lie there, such as the rows of a corrected file."""
    if ID.fullmatch(sample):
        return [sample]
    data, named, brought = settings.data / recipe.name, set[str](), set[str]()
    file = Path(sample).resolve()
    inside = file.is_relative_to(recipe.inbox.resolve())
    delivery = file.relative_to(recipe.inbox.resolve()).as_posix() if inside else sample
    for _, batch in read_shards(data, Index.load(data), ["id", "name", "delivery"]):
        for id, name, of in zip(*(batch[column] for column in ("id", "name", "delivery")), strict=True):
            if name == sample:
                named.add(id)
            if of == delivery:
                brought.add(id)
    if len(named) == 1:
        return list(named)
    if brought and not named:
        return sorted(brought - {id for _, id in in_inbox(recipe, settings)} or brought)
    if Path(sample).is_file():
        return [hashlib.sha256(Path(sample).read_bytes()).hexdigest()]
    several = f"{len(named)} samples have this name: {', '.join(sorted(named))}; give the id"
    none = (
        "no sample or delivery has this name; give a sample's id, its file, or its name as it arrived, as predictions "
        "list them, or the file of a table that was delivered"
    )
    raise UserError("sample-not-found", f"{sample!r:.200}: {several if named else none}")


def _look(recipe: Recipe, ids: list[str], settings: Settings) -> Found:
    held = version_erase.find(_places(settings), recipe.name, ids)
    made = runs.touched(recipe.name, ids, settings)
    models = erasing.versions_of(registry_of(recipe.model, settings), made.keys(), held.versions)
    return Found(ids, folders.holding(settings.data / recipe.name, ids), held, made, models)


def _places(settings: Settings) -> list[version_erase.Objects]:
    cache = version_erase.Folder(settings.home / "dvc-cache")
    remote = settings.dvc_remote
    return [cache, Bucket(remote) if "://" in remote else version_erase.Folder(Path(remote))]


def _forget(
    recipe: Recipe, found: Found, begun: record.Begun, settings: Settings, say: Callable[[str], None]
) -> None:
    folders.erase(settings.data / recipe.name, found.ids)
    point("forget.folder")
    cached = file_cache.place(settings.home, recipe.name)
    for file in cached.parent.glob(f"{cached.name}*"):  # it has names and ids
        file.unlink()
    if versions.pointer(settings.data).exists():
        versions.snapshot(settings.data, settings.dvc_remote, settings.home / "dvc-cache")
    point("forget.version")
    version_erase.erase(_places(settings), found.held)
    point("forget.erased")
    registry = registry_of(recipe.model, settings)
    models = [name.removeprefix(f"{recipe.model}/") for name in begun.models]
    erasing.mark(registry, models, begun.when)
    point("forget.marked")
    erasing.erase(registry.client, recipe.name, found.made.keys(), found.ids)
    for pattern in LOGS:
        for file in filter(Path.is_file, settings.home.glob(pattern)):
            runs.erase_words(file, found.ids)
    record.end(settings.home, begun, person())
    point("forget.recorded")
    runs.erase(found.made, found.ids, settings)
    point("forget.runs")
    (settings.home / record.BEGUN).unlink()
    say(f"forgotten; marked: {', '.join(begun.models) or 'no model'}")
    say(f"next: `selfsup gc --yes` (trials and copies), `selfsup run {recipe.name}` (a model without them)")
