"""Finished runs that a forgotten sample is part of: they go, but for what a comparison of models still needs.

A snapshot that holds the sample, and all that was given it, goes: packed arrays, features, pseudo-labels, weights on
the way, predictions, pages. What was measured of a model, its registration and its promotion stay, without a word of
the sample, so that the next model is judged against the champion.
"""

import json
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from components.crash import point
from components.data.erase import read, without
from components.data.table import Table
from components.errors import UserError
from components.files import write_atomically
from pipelines.engine import object_store
from pipelines.engine.artifact import Artifact, named
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import is_finished, part_of, share
from pipelines.maintenance import bucket_gc
from pipelines.registry.record import references, scrubbed
from pipelines.settings import Settings

KEPT = ("evaluate", "register", "promote")
Runs = dict[str, Manifest]  # by reference


def touched(recipe: str, ids: Collection[str], settings: Settings) -> Runs:
    """The recipe's snapshots that hold one of these samples, and all runs that were given one of them; and its runs of
    ingest, whose lists name files."""
    known = _manifests(recipe, settings)
    context = Context(store=settings.store, settings=settings, recipe=recipe)
    found = {r for r, made in known.items() if made.stage == "snapshot" and _has(r, made, ids, context)}
    if found:
        found |= {r for r, made in known.items() if made.stage == "ingest"}
    while more := {r for r, made in known.items() if r not in found and found & set(references(made.given))}:
        found |= more
    return {reference: made for reference, made in known.items() if reference in found}


def erase(runs: Runs, ids: Collection[str], settings: Settings) -> None:
    """The snapshots last: one that was killed finds the rest by them."""
    going = [reference for reference, made in runs.items() if made.stage not in KEPT]
    for reference in runs.keys() - set(going):
        _scrub(reference, ids, settings)
    going.sort(key=lambda reference: runs[reference].stage == "snapshot")
    for reference in going:
        if settings.store_remote is not None:
            object_store.erase(reference, settings.store_remote)
        for folder in (settings.store / reference, part_of(reference, settings.store)):
            (folder / "manifest.json").unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
        point("forget.run")


def _manifests(recipe: str, settings: Settings) -> Runs:
    found = {}
    for file in sorted(settings.store.glob("*/[!.]*/manifest.json")):
        made = Manifest.model_validate_json(file.read_bytes())
        found[f"{made.stage}/{file.parent.name}"] = made
    if settings.store_remote is not None:
        for reference in bucket_gc.records(settings.store_remote) - found.keys():
            if (record := object_store.lookup(reference, settings.store_remote)) is not None:
                found[reference] = Manifest.model_validate(record.manifest)
    return {reference: made for reference, made in found.items() if made.recipe == recipe}


def _has(reference: str, made: Manifest, ids: Collection[str], context: Context) -> bool:
    """Whether the snapshot's table names one of them; one whose table is gone or damaged counts as if it did."""
    is_finished(reference, context.store)  # brings what only others have
    try:
        table = Table.load(context.file(reference, Artifact.model_validate(made.output["table"])))
    except (UserError, KeyError):
        return True
    return not set(ids).isdisjoint(table.ids.tolist())


def _scrub(reference: str, ids: Collection[str], settings: Settings) -> None:
    """A run that stays, without a word of the samples; its manifest names its files as they are now."""
    context = Context(store=settings.store, settings=settings, recipe="")
    if not is_finished(reference, settings.store):
        return
    folder = settings.store / reference
    before = json.loads((folder / "manifest.json").read_bytes())
    after = {**before, "output": scrubbed(before["output"], ids)}
    for artifact in named(before["output"]):
        if artifact.path.endswith(".parquet"):
            file = context.file(reference, artifact)
            table = read(file)
            if len(rest := without(table, ids)) < len(table):
                write_atomically(file, lambda out, rest=rest: pq.write_table(rest, out))  # type: ignore[misc]
                after = _renamed(after, artifact, Artifact.of(file, folder))
    for log in folder.glob("log.txt"):
        erase_words(log, ids)
    if after == before:
        return
    text = json.dumps(after, indent=2).encode() + b"\n"
    write_atomically(folder / "manifest.json", lambda out: out.write(text))
    if settings.store_remote is not None:
        object_store.erase(reference, settings.store_remote)
        share(reference, settings.store)


def _renamed(value: Any, old: Artifact, new: Artifact) -> Any:
    if value == old.model_dump():
        return new.model_dump()
    if isinstance(value, dict):
        return {key: _renamed(item, old, new) for key, item in value.items()}
    return [_renamed(item, old, new) for item in value] if isinstance(value, list) else value


def erase_words(file: Path, ids: Collection[str]) -> None:
    """Take ids out of a text file, such as a log."""
    text = file.read_bytes()
    rest = text
    for id in ids:
        rest = rest.replace(id.encode(), b"(forgotten)")
    if rest != text:
        write_atomically(file, lambda out: out.write(rest))
