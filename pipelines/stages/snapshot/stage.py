"""Snapshot: everything ingested so far becomes a data version, and one packed array and table to train from.

The recipe's folder is named by its own digest, so another recipe's delivery changes nothing here; the version
is that of the whole data folder, with which DVC brings all of it back.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from components.config import Config
from components.crash import point
from components.data import labels, versions
from components.data.guard import reading
from components.data.replaced import Replacements, read_current
from components.data.shards import Index, folder_digest, read_shards
from components.data.splits import splits_of
from components.data.table import Table
from components.errors import UserError
from components.modalities.base import MisfitError
from components.modalities.packing import PackingConfig
from components.modalities.registry import ModalityConfig, build_modality
from components.tasks.base import Targets, Task
from components.tasks.registry import USUAL, TaskConfig, build_task
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference.founding import founding
from pipelines.inference.samples import packing_of
from pipelines.settings import Settings
from pipelines.stages.snapshot.notes import deliveries_of, left_out, of_sources, refused_labels, tell
from pipelines.stages.snapshot.packed_before import founded_on, packed_before, style_before

VERSION = 4
CLASSES = build_task(USUAL)


class Request(Config):
    """What the stage snapshot is given."""

    modality: ModalityConfig
    """Kind of the samples and what belongs to it."""

    task: TaskConfig = USUAL
    """What labels mean."""

    test_share: float = Field(0.2, ge=0, lt=1)
    """Share of the samples, by hash of the id, that are never trained on; unused where somebody names test
    samples."""

    expect: tuple[str, ...] = ()
    """Data versions (`....dir`) or digests of the data folder, one of which it must have; none: any."""


class Output(Config):
    """version: hash in data.dvc; files, bytes: of the whole data folder. digest: of this recipe's folder;
    folders: recipe -> digest of its folder, of all that the version holds.

    classes: their names, none where labels are numbers; style: how label texts were read (components.tasks.base).
    refused: CSV list (id, reason) of labels that mean nothing to the task, which count as none.
    masks: Parquet (row, mask), the class of each pixel as text (components.data.masks), where labels are masks.
    packing: what training must know of the packed samples. arrays: they, by name. table: Parquet, see
    components.data.table. labelled, tests: training and test samples with a label. sources: names of where samples come
    from, empty where the recipe names no such column. unreadable: CSV list (id, name, reason) of samples in shards that
    cannot be decoded and have no row. near_duplicates: samples that repeat an earlier one. leaked_tests: test samples
    with a near-duplicate among the training samples, which are not among `tests`.
    """

    version: str
    files: int
    bytes: int
    digest: str
    folders: dict[str, str]
    samples: int
    labelled: int
    tests: int
    classes: list[str]
    style: str = ""
    refused: Artifact | None = None
    masks: Artifact | None = None
    packing: PackingConfig
    arrays: dict[str, Artifact]
    table: Artifact
    sources: list[str] = Field(default_factory=list)
    unreadable: Artifact | None = None
    near_duplicates: int = 0
    leaked_tests: int = 0


def observe(request: Request, settings: Settings, recipe: str = "") -> dict[str, str]:
    """The recipe's folder as it stands, the packing that its samples have to have and how its labels are read; without
    a recipe's name, every recipe's folder."""
    folders = {recipe: folder_digest(settings.data / recipe)} if recipe else _folders(settings.data)
    found = {f"data/{name}": digest for name, digest in folders.items()}
    if not recipe:
        return found
    return (
        found
        | founded_on(request.modality, settings, recipe, folders[recipe])
        | style_before(request.task, settings, recipe, folders[recipe])
    )


def disagreement(settings: Settings, recipe: str = "") -> str | None:
    """What is wrong between data.dvc and the data folder, in one line, as far as a look at names, sizes and
    earlier snapshots tells; None where they agree, or where the folder has changed since the last snapshot.

    recipe: whose data are to be the named ones where only another recipe's have changed since.

    Raises:
        UserError: data.dvc cannot be read.
    """
    data, named, here = settings.data, versions.read(settings.data), _folders(settings.data)
    made = [
        json.loads(file.read_bytes())["output"] for file in settings.store.glob("snapshot/*/manifest.json")
    ]
    folders = [(str(output["version"]), output.get("folders", {})) for output in made]
    held = sorted({version for version, then in folders if here and then == here})
    if not held:
        return _other_than(recipe, named, folders, here, versions.pointer(data))
    pointer = versions.pointer(data)
    if named is None:
        return f"{pointer} is missing; the folder holds {held[0]}: `selfsup data checkout {held[0]}` writes it again"
    if named.hash not in held:
        return (
            f"{pointer} names version {named.hash}, but the folder holds {held[0]}: bring the named one with "
            f"`selfsup data checkout {named.hash}`, or set the file right with `selfsup data checkout {held[0]}`"
        )
    if (found := versions.size(data)) != (named.files, named.bytes):
        return (
            f"{data} was changed by hand: {counted(named.files, 'file')} of {named.bytes:,} bytes needed for version "
            f"{named.hash}, there are {found[0]} of {found[1]}; bring it back with `selfsup data checkout {named.hash}`"
        )
    return None


def _other_than(
    recipe: str,
    named: versions.Version | None,
    made: list[tuple[str, dict[str, str]]],
    here: dict[str, str],
    pointer: Path,
) -> str | None:
    """The same of one recipe's data, where no version is the whole folder: another recipe's await their snapshot."""
    own = here.get(recipe)
    fits = {version for version, then in made if own is not None and then.get(recipe) == own}
    if not fits or (named is not None and named.hash in fits):
        return None
    news = [name for name, digest in here.items() if all(then.get(name) != digest for _, then in made)]
    said = (
        "is missing" if named is None else f"names version {named.hash}, and that has other data of {recipe}"
    )
    flows = " or ".join(f"`selfsup run {name} --flow ingest`" for name in news)
    return f"{pointer} {said}: {flows or 'the next snapshot'} makes a version of all that is there, and writes it"


def _folders(data: Path) -> dict[str, str]:
    """Recipe -> digest of its folder, of all that have been ingested."""
    return {file.parent.name: folder_digest(file.parent) for file in sorted(data.glob("*/index.json"))}


def run(request: Request, folder: Path, context: Context) -> Output:
    """Raises:
    UserError: nothing was ingested; the data are not those expected; no image can be decoded, or a decoder is missing;
        all images are the same single colour; no room.
    """
    settings = context.settings
    source = settings.data / context.recipe
    with reading(source):
        index = Index.load(source)
        if not index.samples:
            raise UserError(
                "no-samples", f"no samples in {source}; put some into the recipe's inbox and run ingest"
            )
        version = versions.snapshot(settings.data, settings.dvc_remote, settings.home / "dvc-cache")
        point("snapshot.pushed")
        digest = folder_digest(source)
        if request.expect and not {version.hash, digest} & set(request.expect):
            raise UserError(
                "unexpected-data-version",
                _unexpected(" or ".join(request.expect), version.hash, digest, index),
            )
        before = packed_before(request.modality, context)
        modality = build_modality(request.modality)
        first = (
            founding(request.modality, context.store, context.recipe)
            if context.observed.get("packing")
            else None
        )

        def encoded() -> Iterator[Sequence[Any]]:
            for _, batch in read_current(source, index, ["id", "bytes"]):
                yield batch["bytes"] if before is None else before.taken(batch["id"], batch["bytes"])

        try:
            packed = modality.pack(
                encoded,
                index.samples - len(Replacements(source, index).retired),
                folder,
                before=packing_of(first.output) if first is not None else None,
                progress=lambda done: context.progress(0.9 * done, "packing"),
            )
        except MisfitError as error:
            came = deliveries_of(error.places, source, index, context.recipe)
            raise UserError(error.code, f"{error}. {came}") from None
        files = {name: folder / file for name, file in packed.files.items()}
        unreadable = left_out(source, index, packed, folder, context)
        context.progress(0.9, "near-duplicates")
        group = modality.near_duplicates(files)
        task = build_task(request.task)
        table, targets, sources = make_table(
            source, index, request.test_share, left_out=packed.unreadable, group=group,
            task=task, style=context.observed.get("style", ""),
        )  # fmt: skip
    table.save(folder / "table.parquet")
    rows = table.train_rows() if len(table.train_rows()) else np.arange(len(table))
    packing = modality.packing(packed, folder, rows)
    point("snapshot.packed")
    refused = refused_labels(targets.refused, folder, context)
    masks = write_masks(targets.mask, table, folder) if targets.mask else None
    meaning = "labels are numbers" if task.numeric else counted(len(targets.classes), "class")
    tell(
        table,
        packed,
        f"{meaning}, {of_sources(table, sources)}data version {version.hash}",
        context,
    )
    return Output(
        version=version.hash,
        files=version.files,
        bytes=version.bytes,
        digest=digest,
        folders=_folders(settings.data),
        samples=len(table),
        labelled=len(table.labelled_rows()),
        tests=len(table.test_rows()),
        classes=targets.classes,
        style=targets.style,
        refused=refused,
        masks=masks,
        packing=packing,
        unreadable=unreadable,
        near_duplicates=table.repeated(),
        leaked_tests=table.leaked_tests(),
        arrays={name: Artifact.of(file, folder) for name, file in files.items()},
        table=Artifact.of(folder / "table.parquet", folder),
        sources=sources,
    )


def write_masks(masks: Mapping[str, str], table: Table, folder: Path) -> Artifact:
    """The masks of the rows that have one, in order. masks: id -> mask."""
    rows = [row for row, id in enumerate(table.ids.tolist()) if id in masks]
    columns = {"row": pa.array(rows, pa.int64()), "mask": [masks[str(table.ids[row])] for row in rows]}
    pq.write_table(pa.table(columns), folder / "masks.parquet", compression="zstd")
    return Artifact.of(folder / "masks.parquet", folder)


def make_table(
    source: Path,
    index: Index,
    test_share: float,
    left_out: Collection[int] = (),
    group: NDArray[np.int64] | None = None,
    task: Task[Any] = CLASSES,
    style: str = "",
) -> tuple[Table, Targets, list[str]]:
    """Row by row what the packed array holds, in order of arrival; what the labels mean; and the names of the sources,
    sorted; no sources where no shard tells any.

    Args:
        left_out: positions, in order of arrival, of samples that files hold and that have no row. group: see Table;
            None: no sample has a near-duplicate. style: see Task.targets.
    """
    ids: list[str] = []
    shards: list[str] = []
    origins: list[str] = []
    together: list[str] = []
    past = Replacements(source, index)
    for shard, batch in read_current(source, index, ["id", "source", "group"]):
        ids += batch["id"]
        shards += [shard.digest] * len(batch["id"])
        origins += batch.get("source", [""] * len(batch["id"]))
        together += batch.get("group", [""] * len(batch["id"]))
    if left_out:
        kept = [k for k in range(len(ids)) if k not in left_out]
        ids, shards, origins, together = (
            [column[k] for k in kept] for column in (ids, shards, origins, together)
        )
    own = np.arange(len(ids))
    group = own if group is None else group
    settled = labels.settle(labels.read_labels(source, index))
    targets = task.targets(settled.labels, style)
    value = np.array([targets.value.get(id, np.nan) for id in ids]) if task.numeric else None
    label = [targets.label.get(id, -1) for id in ids]
    firsts = [past.origins.get(id, id) for id in ids]
    whole = united(group.tolist(), together)
    leads = _leads(whole, firsts, source, index) if past.rows else whole
    split = splits_of(firsts, test_share, _named(settled.named, past), leads)
    sources, of = np.unique(np.array(origins), return_inverse=True)
    table = Table(
        np.array(ids), np.array(shards, object), np.array(split), np.array(label, np.int64),
        of.astype(np.int64) if any(origins) else None,
        group if (group != own).any() else None,
        value,
    )  # fmt: skip
    return table, targets, sources.tolist() if any(origins) else []


def united(group: list[int], together: list[str]) -> list[int]:
    """Of each sample, the row of the first of those that must be in one split with it: near-duplicates, and samples of
    one name in `together` ("": of none), whatever links them.

    united([0, 1, 1, 3], ["a", "", "a", "b"]) = [0, 0, 0, 3].
    """
    parent = list(range(len(group)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    first: dict[str, int] = {}
    for row, (near, name) in enumerate(zip(group, together, strict=True)):
        for other in (near, first.setdefault(name, row) if name else row):
            low, high = sorted((root(row), root(other)))
            parent[high] = low
    return [root(row) for row in range(len(group))]


def _leads(group: list[int], firsts: list[str], source: Path, index: Index) -> list[int]:
    """Of each sample, the row of that member of its group whose file came first, in whatever version."""
    came = {id: place for place, id in enumerate(_ids(source, index))}
    lead: dict[int, int] = {}
    for row, of in enumerate(group):
        lead[of] = min(lead.get(of, row), row, key=lambda row: came[firsts[row]])
    return [lead[of] for of in group]


def _ids(source: Path, index: Index) -> Iterator[str]:
    """Of all samples that ever came, in order."""
    for _, batch in read_shards(source, index, ["id"]):
        yield from batch["id"]


def _named(named: dict[str, str], past: Replacements) -> dict[str, str]:
    """The splits that people named, by the id of each file's first version."""
    origins: dict[str, str] = {}
    for id, split in named.items():
        origin = past.origins.get(id, id)
        if origins.get(origin) != "test":
            origins[origin] = split
    return origins


def _unexpected(expected: str, version: str, digest: str, index: Index) -> str:
    last = index.deliveries[-1].name if index.deliveries else "none"
    return (
        f"the data are not those that the recipe expects: {expected} is needed, the version is {version} "
        f"(digest {digest}, {counted(index.samples, 'sample')}, last delivery {last}); most likely something was "
        f"delivered since, or another recipe shares the data folder: set snapshot.expect to what is "
        f"there, or leave it out"
    )
