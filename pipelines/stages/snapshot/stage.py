"""Snapshot: everything ingested so far becomes a data version, and one packed array and table to train from.

The recipe's folder is named by its own digest, so another recipe's delivery changes nothing here; the version
is that of the whole data folder, with which DVC brings all of it back.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from components.config import Config
from components.crash import point
from components.data import versions
from components.data.guard import reading
from components.data.replaced import Replacements, read_current
from components.data.shards import Index, folder_digest
from components.errors import UserError
from components.modalities.base import MisfitError, Modality, Written
from components.modalities.packing import PackingConfig
from components.modalities.registry import ModalityConfig, build_modality
from components.tasks.registry import USUAL, TaskConfig, build_task
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference.founding import founding
from pipelines.inference.samples import packing_of
from pipelines.settings import Settings
from pipelines.stages.snapshot.disagreement import digests
from pipelines.stages.snapshot.disagreement import disagreement as disagreement  # called by engine.execute
from pipelines.stages.snapshot.notes import deliveries_of, left_out, of_sources, refused_labels, tell
from pipelines.stages.snapshot.packed_before import founded_on, packed_before, style_before
from pipelines.stages.snapshot.table import make_table, write_masks

VERSION = 4


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
    folders = {recipe: folder_digest(settings.data / recipe)} if recipe else digests(settings.data)
    found = {f"data/{name}": digest for name, digest in folders.items()}
    if not recipe:
        return found
    return (
        found
        | founded_on(request.modality, settings, recipe, folders[recipe])
        | style_before(request.task, settings, recipe, folders[recipe])
    )


def run(request: Request, folder: Path, context: Context) -> Output:
    """Raises:
    UserError: nothing was ingested; the data are not those expected; no image can be decoded, or a decoder is missing;
        all images are the same single colour; no room.
    """
    settings, source = context.settings, context.settings.data / context.recipe
    modality, task = build_modality(request.modality), build_task(request.task)
    with reading(source):
        index = Index.load(source)
        if not index.samples:
            raise UserError(
                "no-samples", f"no samples in {source}; put some into the recipe's inbox and run ingest"
            )
        version, digest = _version(request, index, context)
        packed = _packed(modality, request, index, folder, context)
        files = {name: folder / file for name, file in packed.files.items()}
        unreadable = left_out(source, index, packed, folder, context)
        context.progress(0.9, "near-duplicates")
        table, targets, sources = make_table(
            source, index, request.test_share, left_out=packed.unreadable, group=modality.near_duplicates(files),
            task=task, style=context.observed.get("style", ""),
        )  # fmt: skip
    table.save(folder / "table.parquet")
    rows = table.train_rows() if len(table.train_rows()) else np.arange(len(table))
    packing = modality.packing(packed, folder, rows)
    point("snapshot.packed")
    refused = refused_labels(targets.refused, folder, context)
    masks = write_masks(targets.mask, table, folder) if targets.mask else None
    meaning = "labels are numbers" if task.numeric else counted(len(targets.classes), "class")
    tell(table, packed, f"{meaning}, {of_sources(table, sources)}data version {version.hash}", context)
    return Output(
        version=version.hash,
        files=version.files,
        bytes=version.bytes,
        digest=digest,
        folders=digests(settings.data),
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


def _version(request: Request, index: Index, context: Context) -> tuple[versions.Version, str]:
    """Make a data version of the whole data folder -> (it, digest of this recipe's folder).

    Raises:
        UserError: it is none of those that the request expects.
    """
    settings = context.settings
    version = versions.snapshot(settings.data, settings.dvc_remote, settings.home / "dvc-cache")
    point("snapshot.pushed")
    digest = folder_digest(settings.data / context.recipe)
    if request.expect and not {version.hash, digest} & set(request.expect):
        raise UserError(
            "unexpected-data-version", _unexpected(" or ".join(request.expect), version.hash, digest, index)
        )
    return version, digest


def _packed(
    modality: Modality[Any, Any], request: Request, index: Index, folder: Path, context: Context
) -> Written:
    """Pack all current samples into arrays in `folder`: rows that an earlier snapshot packed alike are copied, and
    where the recipe's first snapshot fixed the packing, it is kept.

    Raises:
        UserError: samples that do not fit that packing, with the deliveries that brought them.
    """
    source = context.settings.data / context.recipe
    before = packed_before(request.modality, context)
    first = None
    if context.observed.get("packing"):
        first = founding(request.modality, context.store, context.recipe)

    def encoded() -> Iterator[Sequence[Any]]:
        for _, batch in read_current(source, index, ["id", "bytes"]):
            yield batch["bytes"] if before is None else before.taken(batch["id"], batch["bytes"])

    try:
        return modality.pack(
            encoded,
            index.samples - len(Replacements(source, index).retired),
            folder,
            before=packing_of(first.output) if first is not None else None,
            progress=lambda done: context.progress(0.9 * done, "packing"),
        )
    except MisfitError as error:
        came = deliveries_of(error.places, source, index, context.recipe)
        raise UserError(error.code, f"{error}. {came}") from None


def _unexpected(expected: str, version: str, digest: str, index: Index) -> str:
    last = index.deliveries[-1].name if index.deliveries else "none"
    return (
        f"the data are not those that the recipe expects: {expected} is needed, the version is {version} "
        f"(digest {digest}, {counted(index.samples, 'sample')}, last delivery {last}); most likely something was "
        f"delivered since, or another recipe shares the data folder: set snapshot.expect to what is "
        f"there, or leave it out"
    )
