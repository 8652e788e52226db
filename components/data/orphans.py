"""Files in place that the index does not name: a kill came between the two. What is nowhere else is kept."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from components.data import labels
from components.data.growing import Growing
from components.data.shards import LABELS, SHARDS, TOLD, Index, batches, present
from components.wording import counted


def orphans(folder: Path, index: Index) -> list[str]:
    """Their paths relative to the folder, sorted. Half-written files, of no value to anybody, are removed."""
    for rest in [*folder.glob(".*.tmp"), *folder.glob("*/.*.tmp")]:
        rest.unlink()
    return sorted(present(folder) - index.files())


def adopt_samples(growing: Growing, found: list[str]) -> Iterator[str]:
    """Shards that no delivery of this run has written again: samples that are nowhere else stay.

    Yields:
        for each shard that held any, one line about it.
    """
    for file in (file for file in found if file not in growing.index.files()):
        if file.startswith(f"{SHARDS}/"):
            for batch in batches(growing.folder / file, ["bytes", "name", "delivery", *TOLD]):
                told = [batch.pop(column, [""] * len(batch["name"])) for column in TOLD]
                for data, name, delivery, source, group in zip(*batch.values(), *told, strict=True):
                    id = hashlib.sha256(data).digest()
                    if id not in growing:
                        growing.writer.begin(delivery)
                        growing.writer.add(id.hex(), data, name, source, group)
                        growing.new.add(id)
            if growing.writer.pending:
                shards = growing.writer.finish()
                growing.keep(shards)
                yield f"adopted {counted(sum(s.rows for s in shards), 'sample')} of {file}"
        if file not in growing.index.files() and not file.startswith(f"{LABELS}/"):
            (growing.folder / file).unlink()


def adopt_labels(growing: Growing, found: list[str]) -> None:
    """Labels that a killed run wrote stay, for the files that gave them may be gone. Call it before the label files
    are read: what they say now is the last word."""

    def first_row(file: str) -> tuple[str, ...]:
        return next(labels.read_rows(growing.folder / file), ())

    given = (file for file in found if file.startswith(f"{LABELS}/") and file not in growing.index.files())
    for file in sorted(given, key=first_row):  # as they were written, where many rows came at once
        rows = list(labels.read_rows(growing.folder / file))
        growing.label([labels.part_with(growing.folder, growing.index, rows)])
        if file not in growing.index.files():
            (growing.folder / file).unlink()
