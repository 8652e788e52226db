"""Labels that people gave: an append-only table beside the samples, because labels come later and are
corrected.

    labels/DIGEST.parquet  id, label, annotator, time, split

One file holds the rows that one ingest found new. A sample's label is what its annotator said last: by time,
and where times are equal or absent, in the file that came later. Two annotators who differ, or one who says
two things at once, contradict each other: such a sample is listed and counts as unlabelled; nobody guesses.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from components.crash import point
from components.data.shards import (
    DUPLICATE,
    LABELS,
    Index,
    LabelFile,
    batches,
    read_quarantine,
    read_shards,
    write_table,
)  # fmt: skip
from components.data.splits import SPLITS
from components.errors import UserError

KEYS = ("id", "name", "path")
ROW = pa.schema([(name, pa.string()) for name in ("id", "label", "annotator", "time", "split")])


class Row(NamedTuple):
    """id: of a sample. time: ISO 8601 in UTC, or "". split: "train", "test" or ""."""

    id: str
    label: str
    annotator: str = ""
    time: str = ""
    split: str = ""


class Given(NamedTuple):
    """A label as a person wrote it: key is an id, a name or a path; row.id is still empty."""

    key: str
    row: Row


class Settled(NamedTuple):
    """labels: id -> label. contradictory: id -> the labels given, sorted. named: id -> split that a person
    named.
    """

    labels: dict[str, str]
    contradictory: dict[str, list[str]]
    named: dict[str, str]

    @property
    def classes(self) -> list[str]:
        return sorted(set(self.labels.values()))


def given_of(rows: Iterable[Mapping[str, str]], source: str) -> Iterator[Given]:
    """Labels out of a table's rows; a row without a label is passed over.

    Raises:
        UserError: no column names the sample or the label, or a split is neither train, test nor empty.
    """
    for line, row in enumerate(rows, start=2):
        if line == 2 and ("label" not in row or not any(key in row for key in KEYS)):
            known = ", ".join(row)[:100]
            raise UserError(f"{source}: needs a column label and one of id, name, path; it has {known}")
        key, label = next((row[k] for k in KEYS if row.get(k)), ""), row.get("label", "")
        if not label:
            continue
        split = row.get("split", "").lower()
        if split not in ("", *SPLITS):
            raise UserError(f"{source}, line {line}: split must be train, test or empty, got {split[:40]!r}")
        yield Given(key, Row("", label, row.get("annotator", ""), utc(row.get("time", "")), split))


def utc(time: str) -> str:
    """ISO 8601 in UTC, so that text sorts as time does; what is no time stays as it is.

    utc("2026-01-12T10:00:00+01:00") = "2026-01-12T09:00:00Z".
    """
    try:
        moment = datetime.fromisoformat(time)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.replace(tzinfo=None).isoformat() + "Z"
    except (ValueError, OverflowError):
        return time


def find(folder: Path, index: Index, keys: set[str]) -> dict[str, set[str]]:
    """Key -> ids of the samples that it can mean: an id, a name, or the end of a name after a "/".

    The name of a dropped duplicate means the sample that it repeats. A whole name goes before the end of
    another.
    """
    exact: dict[str, set[str]] = {}
    ends: dict[str, set[str]] = {}
    for name, id, _ in _names(folder, index):
        for found in {id, name} & keys:
            exact.setdefault(found, set()).add(id)
        rest = name
        while "/" in rest:
            rest = rest.split("/", 1)[1]
            if rest in keys:
                ends.setdefault(rest, set()).add(id)
    return {**ends, **exact}


def _names(folder: Path, index: Index) -> Iterator[tuple[str, str, str]]:
    """(name, id, delivery) of every sample, dropped duplicates included."""
    for shard, batch in read_shards(folder, index, ["name", "id"]):
        for name, id in zip(batch["name"], batch["id"], strict=True):
            yield name, id, shard.delivery
    for delivery in index.deliveries:
        for name, reason in read_quarantine(folder, delivery):
            kind, _, id = reason.partition(": ")
            if kind == DUPLICATE:
                yield name, id, delivery.name


def from_folders(folder: Path, index: Index) -> Iterator[Given]:
    """The folder right above an image file as its label; a loose file has none."""
    for name, _, delivery in _names(folder, index):
        label = Path(name).parent.name
        if label and not delivery.endswith(".parquet"):  # names in a Parquet file are no paths
            yield Given(name, Row("", label, "folder"))


def resolve(given: Iterable[Given], ids: Mapping[str, set[str]]) -> tuple[list[Row], dict[str, str]]:
    """Rows with ids, and for each key that stays without one the reason. ids: see find."""
    rows, unknown = [], {}
    for key, row in given:
        match sorted(ids.get(key, ())):
            case [id]:
                rows.append(row._replace(id=id))
            case []:
                unknown[key] = "no sample of this id, name or path"
            case several:
                unknown[key] = f"{len(several)} samples are called so"
    return rows, unknown


def read_labels(folder: Path, index: Index) -> list[tuple[int, Row]]:
    """Every row ever given, with the number of its file, in order of arrival."""
    return [
        (number, Row(*values))
        for number, file in enumerate(index.labels)
        for batch in batches(folder / file.file, ROW.names)
        for values in zip(*(batch[name] for name in ROW.names), strict=True)
    ]


def append(folder: Path, index: Index, rows: Iterable[Row]) -> tuple[Index, int]:
    """The index with those rows that are not yet in the table, and how many they were. The index is not
    saved.
    """
    known = {row for _, row in read_labels(folder, index)}
    new = sorted(set(rows) - known)
    if not new:
        return index, 0
    columns = {name: [getattr(row, name) for row in new] for name in ROW.names}
    file = write_table(folder, LABELS, columns, ROW)
    point("ingest.labels")
    entry = LabelFile(file=file, rows=len(new), digest=Path(file).stem)
    return index.model_copy(update={"labels": [*index.labels, entry]}), len(new)


def settle(rows: Iterable[tuple[int, Row]]) -> Settled:
    """What holds, of all that was ever said. rows: (number of the file, row), see read_labels."""
    last: dict[tuple[str, str], tuple[tuple[str, int], set[str]]] = {}
    named: dict[str, str] = {}
    for number, row in rows:
        place, when = (row.id, row.annotator), (row.time, number)
        before = last.get(place)
        if before is None or when > before[0]:
            last[place] = (when, {row.label})
        elif when == before[0]:
            before[1].add(row.label)
        if row.split and named.get(row.id) != "test":  # once a test item, never trained on again
            named[row.id] = row.split
    said: dict[str, set[str]] = {}
    for (id, _), (_, labels) in last.items():
        said.setdefault(id, set()).update(labels)
    return Settled(
        labels={id: next(iter(labels)) for id, labels in said.items() if len(labels) == 1},
        contradictory={id: sorted(labels) for id, labels in said.items() if len(labels) > 1},
        named=named,
    )
