"""Snapshot: everything ingested so far becomes a data version, and one packed array and table to train from.

The recipe's folder is named by its own digest, so another recipe's delivery changes nothing here; the version
is that of the whole data folder, with which DVC brings all of it back.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydantic import Field

from components.config import Config
from components.data import labels, versions
from components.data.shards import Index, folder_digest, read_shards
from components.data.splits import splits_of
from components.data.table import Table
from components.errors import UserError
from components.modalities import MODALITIES, ModalityConfig
from pipelines.context import Artifact, Context
from pipelines.settings import Settings

VERSION = 1


class Request(Config):
    """test_share: of the samples, by hash of id, that are never trained on; unused where a person names test
    items. expect: data versions ("....dir") or digests of the folder, one of which there must be; none
    named: any.
    """

    modality: ModalityConfig
    test_share: float = Field(0.2, ge=0, lt=1)
    expect: tuple[str, ...] = ()


class Output(Config):
    """version: hash in data.dvc; files, bytes: of the whole data folder. digest: of this recipe's folder.

    mean, std: per channel, of pixels in [0, 1], over the training samples. images: .npy, uint8 [N, C, S, S].
    table: Parquet, see components.data.table. labelled, tests: training and test samples with a label.
    """

    version: str
    files: int
    bytes: int
    digest: str
    samples: int
    labelled: int
    tests: int
    classes: list[str]
    channels: int
    size: int
    mean: list[float]
    std: list[float]
    images: Artifact
    table: Artifact


def observe(request: Request, settings: Settings, recipe: str = "") -> dict[str, str]:
    """The recipe's folder as it stands; without a recipe's name, every recipe's."""
    folders = (
        [settings.data / recipe] if recipe else sorted(f.parent for f in settings.data.glob("*/index.json"))
    )
    return {f"data/{folder.name}": folder_digest(folder) for folder in folders}


def run(request: Request, folder: Path, context: Context) -> Output:
    """Raises:
    UserError: nothing was ingested; the data are not those expected; an image cannot be decoded; no room.
    """
    settings = context.settings
    source = settings.data / context.recipe
    with _unchanged(source):
        index = Index.load(source)
        if not index.samples:
            raise UserError(f"no samples in {source}; put some into the recipe's inbox and run ingest")
        version = versions.snapshot(settings.data, str(settings.dvc_remote), settings.home / "dvc-cache")
        digest = folder_digest(source)
        if request.expect and not {version.hash, digest} & set(request.expect):
            raise UserError(_unexpected(" or ".join(request.expect), version.hash, digest, index))
        table, classes = make_table(source, index, request.test_share)
        table.save(folder / "table.parquet")
        packed = MODALITIES[request.modality.name].pack(
            (data for _, batch in read_shards(source, index, ["bytes"]) for data in batch["bytes"]),
            table.split == "train",
            request.modality,
            folder / "images.npy",
            progress=lambda done: context.progress(done, "decoding"),
        )
    labelled, tests = len(table.labelled_rows()), len(table.test_rows())
    context.say(
        f"{packed.samples} samples, {labelled} labelled for training and {tests} for testing, "
        f"{len(classes)} classes, data version {version.hash}"
    )
    return Output(
        version=version.hash,
        files=version.files,
        bytes=version.bytes,
        digest=digest,
        samples=packed.samples,
        labelled=labelled,
        tests=tests,
        classes=classes,
        channels=request.modality.channels,
        size=request.modality.size,
        mean=packed.mean,
        std=packed.std,
        images=Artifact.of(folder / "images.npy", folder),
        table=Artifact.of(folder / "table.parquet", folder),
    )


def make_table(source: Path, index: Index, test_share: float) -> tuple[Table, list[str]]:
    """Row by row what the packed array holds, in order of arrival; and the names of the classes, sorted."""
    ids: list[str] = []
    shards: list[str] = []
    for shard, batch in read_shards(source, index, ["id"]):
        ids += batch["id"]
        shards += [shard.digest] * len(batch["id"])
    settled = labels.settle(labels.read_labels(source, index))
    number = {name: place for place, name in enumerate(settled.classes)}
    label = [number[settled.labels[id]] if id in settled.labels else -1 for id in ids]
    split = splits_of(ids, test_share, settled.named)
    return Table(np.array(ids), np.array(shards), np.array(split), np.array(label, np.int64)), settled.classes


def _unexpected(expected: str, version: str, digest: str, index: Index) -> str:
    last = index.deliveries[-1].name if index.deliveries else "none"
    return (
        f"the data are not those that the recipe expects: {expected} is needed, the version is {version} "
        f"(digest {digest}, {index.samples} samples, last delivery {last}); most likely something was "
        f"delivered since, or another recipe shares the data folder: set snapshot.expect to what is "
        f"there, or leave it out"
    )


@contextmanager
def _unchanged(source: Path) -> Iterator[None]:
    """No ingest writes to the folder meanwhile: it locks the folder itself, so no file tells of the lock."""
    if not source.is_dir():
        raise UserError(f"no data at {source}; put samples into the recipe's inbox and run ingest")
    handle = os.open(source, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)
