"""Labels that people gave: an append-only table beside the samples, because labels come later and are
corrected.

    labels/DIGEST.parquet  id, label, annotator, time, split, origin

origin: the label file that said it, the delivery, or FOLDERS. A row is added when an origin says of a sample what
it did not say last, so a label that is changed and changed back is in the table three times; an emptied label is
a row without one.

What holds: of each origin what it said last; of all origins of one annotator the latest by time, or, where one of
them has no time, the one that came last. What a person wrote goes before what came with the data; so
does an empty cell, which withdraws a folder's label, unless its row names a split. Two annotators who differ, or one
who says two things at once, contradict each other: such a sample is listed and counts as unlabelled; nobody guesses.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from components.crash import point
from components.data.by_part import ByPart, parts_for
from components.data.replaced import Replacements
from components.data.shards import LABELS, Index, LabelFile, batches, write_table

FOLDERS = "folders"
LARGEST = 1 << 15  # rows of a file, about, where many come at once
WITH_DATA = ("folder", "delivery")  # annotators of labels that came with the samples
ROW = pa.schema([(name, pa.string()) for name in ("id", "label", "annotator", "time", "split", "origin")])


class Row(NamedTuple):
    """id: of a sample. label: "" where there is none any more. time: ISO 8601 in UTC, or "". split: "train",
    "test" or ""."""

    id: str
    label: str
    annotator: str = ""
    time: str = ""
    split: str = ""
    origin: str = ""


class Settled(NamedTuple):
    """labels: id -> label. contradictory: id -> the labels given, sorted. named: id -> split that a person
    named. withdrawn: ids whose label came with the data and was withdrawn by a person's empty cell.
    """

    labels: dict[str, str]
    contradictory: dict[str, list[str]]
    named: dict[str, str]
    withdrawn: set[str]

    @property
    def classes(self) -> list[str]:
        return sorted(set(self.labels.values()))


Place = tuple[str, str, str]  # id, annotator, origin
Statement = tuple[int, set[Row]]  # number of the file, what was said in it
Part = tuple[
    Collection[Row], Collection[tuple[int, Row]]
]  # what is said of some samples, and all that was said of them before


def read_labels(folder: Path, index: Index) -> list[tuple[int, Row]]:
    """Every row ever given, with the number of its file, in order of arrival. What was said of a former version of a
    file is said of the newest."""
    return list(_given(folder, index))


def _given(folder: Path, index: Index) -> Iterator[tuple[int, Row]]:
    past = Replacements(folder, index)
    for number, file in enumerate(index.labels):
        for row in read_rows(folder / file.file):
            if row.id not in past.retired:
                yield number, row
            elif row.id in past.heirs:
                yield number, row._replace(id=past.heirs[row.id])


def labels_by_part(folder: Path, index: Index, parts: int) -> Iterator[list[tuple[int, Row]]]:
    """read_labels, of the samples of one part after the other (components.data.by_part)."""
    rows = ((row.id, number, *row[1:]) for number, row in _given(folder, index))
    with ByPart(folder, parts, rows) as given:
        for part in range(parts):
            yield [(number, Row(id, *rest)) for id, number, *rest in given[part]]


def read_rows(file: Path) -> Iterator[Row]:
    """The rows of one file; one that was written before origins were kept has none."""
    for batch in batches(file, ROW.names):
        columns = (batch.get(name, [""] * len(batch["id"])) for name in ROW.names)
        yield from map(Row._make, zip(*columns, strict=True))


def speakers(folder: Path, index: Index) -> tuple[set[str], set[str]]:
    """The origins and the annotators that have ever said anything."""
    origins, annotators = set[str](), set[str]()
    for file in index.labels:
        for batch in batches(folder / file.file, ["origin", "annotator"]):
            origins.update(batch.get("origin", [""]))
            annotators.update(batch["annotator"])
    return origins, annotators


def parts_of(index: Index) -> int:
    """In how many parts to look at what a folder holds of each sample."""
    return parts_for(index.samples + sum(delivery.duplicates for delivery in index.deliveries))


def settled(folder: Path, index: Index) -> "Iterator[Settled]":
    """What holds, of the samples of one part after the other."""
    return map(settle, labels_by_part(folder, index, parts_of(index)))


def append(folder: Path, index: Index, rows: Iterable[Row]) -> tuple[Index, int]:
    """The index with those rows that are not what their origin said last, and how many they were. The index is not
    saved.
    """
    return append_parts(folder, index, [part_with(folder, index, list(rows))])


def part_with(folder: Path, index: Index, rows: Collection[Row]) -> Part:
    """These rows, and all that was said of their samples."""
    ids = {row.id for row in rows}
    return rows, [(number, row) for number, row in _given(folder, index) if row.id in ids] if ids else []


def append_parts(folder: Path, index: Index, parts: Iterable[Part]) -> tuple[Index, int]:
    """The same, part by part, in order."""
    new, files = list[Row](), list[LabelFile]()
    for said, before in parts:
        new += news(said, before)
        if len(new) >= LARGEST:
            files.append(_write(folder, new))
            new = []
    if new:
        files.append(_write(folder, new))
    return index.model_copy(update={"labels": [*index.labels, *files]}), sum(file.rows for file in files)


def _write(folder: Path, rows: list[Row]) -> LabelFile:
    columns = dict(zip(ROW.names, map(list, zip(*rows, strict=True)), strict=True))
    file = write_table(folder, LABELS, columns, ROW)
    point("ingest.labels")
    return LabelFile(file=file, rows=len(rows), digest=Path(file).stem)


def in_turn(origins: Iterable[Iterable[Row]]) -> Iterator[list[Row]]:
    """Rows of several origins, in their order, as few times to append as keep what holds: where two origins differ on a
    sample, the later one has the last word."""
    together: dict[str, set[str]] = {}  # id -> its labels
    rows: list[Row] = []
    for origin in origins:
        own: dict[str, set[str]] = {}
        origin = list(origin)
        for row in origin:
            own.setdefault(row.id, set()).add(row.label)
        if any(together.get(id, said) != said for id, said in own.items()):
            yield rows
            together, rows = {}, []
        together |= own
        rows += origin
    if rows:
        yield rows


def news(rows: Iterable[Row], before: Iterable[tuple[int, Row]]) -> list[Row]:
    """The rows to add, sorted. before: see read_labels."""
    before = list(before)
    said = _statements(before)
    unsigned = {row for _, row in before if not row.origin}
    now: dict[Place, set[Row]] = {}
    for row in rows:
        now.setdefault((row.id, row.annotator, row.origin), set()).add(row)
    spoke: dict[tuple[str, str], list[str]] = {}
    for id, annotator, origin in said:
        spoke.setdefault((id, origin), []).append(annotator)
    new: set[Row] = set()
    withdrawable = _labelled_by_data_alone(said, now)
    for (id, annotator, origin), stated in now.items():
        stated = {row for row in stated if row.label} or stated
        if (id, annotator, origin) in said:
            new |= stated if stated != said[id, annotator, origin][1] else set()
        elif any(row.label or row.split for row in stated):
            new |= {row for row in stated if row._replace(origin="") not in unsigned}
        elif not annotator and (id, origin) in spoke:  # the whole row was emptied
            for other in spoke[id, origin]:
                gone = Row(id, "", other, origin=origin)
                if (id, other, origin) not in now and said[id, other, origin][1] != {gone}:
                    new.add(gone)
        elif annotator not in WITH_DATA and id in withdrawable:
            new |= stated
    return sorted(new)


def _labelled_by_data_alone(said: Mapping[Place, Statement], now: Mapping[Place, set[Row]]) -> set[str]:
    """Ids that have a label from what came with the data, and none from a person."""
    last = {place: rows for place, (_, rows) in said.items()} | dict(now)
    labelled = {
        (id, annotator in WITH_DATA) for (id, annotator, _), rows in last.items() for row in rows if row.label
    }
    return {id for id, with_data in labelled if with_data and (id, False) not in labelled}


def settle(rows: Iterable[tuple[int, Row]]) -> Settled:
    """What holds, of all that was ever said. rows: (number of the file, row), see read_labels."""
    rows = list(rows)
    named: dict[str, str] = {}
    for _, row in rows:
        if row.split and named.get(row.id) != "test":  # once a test item, never trained on again
            named[row.id] = row.split
    annotators: dict[tuple[str, str], list[Statement]] = {}
    for (id, annotator, _), statement in _statements(rows).items():
        annotators.setdefault((id, annotator), []).append(statement)
    people: dict[str, set[str]] = {}
    data: dict[str, set[str]] = {}
    emptied: set[str] = set()
    for (id, annotator), statements in annotators.items():
        last, given = _last(statements), data if annotator in WITH_DATA else people
        given.setdefault(id, set()).update(last - {""})
        if given is people and last == {""} and not any(row.split for _, rows in statements for row in rows):
            emptied.add(id)
    withdrawn = {id for id in emptied if data.get(id) and not people[id]}
    said = {id: people.get(id) or data.get(id, set()) for id in (people | data).keys() - withdrawn}
    return Settled(
        labels={id: next(iter(labels)) for id, labels in said.items() if len(labels) == 1},
        contradictory={id: sorted(labels) for id, labels in said.items() if len(labels) > 1},
        named=named,
        withdrawn=withdrawn,
    )


def _statements(rows: Iterable[tuple[int, Row]]) -> dict[Place, Statement]:
    """What each origin said last of each sample; what has no origin stands for itself."""
    last: dict[Place, Statement] = {}
    for number, row in rows:
        place = (row.id, row.annotator, row.origin or f"\0{number}")
        if place not in last or last[place][0] < number:
            last[place] = (number, {row})
        elif last[place][0] == number:
            last[place][1].add(row)
    return last


def _last(statements: list[Statement]) -> set[str]:
    """The labels of one annotator that hold, of one sample; more than one where they were said at once."""
    timed = all(row.time for _, said in statements for row in said)
    when = [
        ((row.time if timed else "", number, row.time), row.label)
        for number, said in statements
        for row in said
    ]
    latest = max(moment for moment, _ in when)
    return {label for moment, label in when if moment == latest}
