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

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from components.crash import point
from components.data.replaced import Replacements
from components.data.shards import LABELS, Index, LabelFile, batches, write_table

FOLDERS = "folders"
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


def read_labels(folder: Path, index: Index) -> list[tuple[int, Row]]:
    """Every row ever given, with the number of its file, in order of arrival. What was said of a former version of a
    file is said of the newest."""
    past = Replacements(folder, index)
    rows = [
        (number, row) for number, file in enumerate(index.labels) for row in read_rows(folder / file.file)
    ]
    if not past.retired:
        return rows
    return [
        (number, row._replace(id=past.heirs.get(row.id, row.id)))
        for number, row in rows
        if row.id not in past.retired or row.id in past.heirs
    ]


def read_rows(file: Path) -> list[Row]:
    """The rows of one file; one that was written before origins were kept has none."""
    return [
        Row(*values)
        for batch in batches(file, ROW.names)
        for values in zip(*(batch.get(name, [""] * len(batch["id"])) for name in ROW.names), strict=True)
    ]


def append(folder: Path, index: Index, rows: Iterable[Row]) -> tuple[Index, int]:
    """The index with those rows that are not what their origin said last, and how many they were. The index is not
    saved.
    """
    rows = list(rows)
    new = news(rows, read_labels(folder, index)) if rows else []
    if not new:
        return index, 0
    columns = {name: [getattr(row, name) for row in new] for name in ROW.names}
    file = write_table(folder, LABELS, columns, ROW)
    point("ingest.labels")
    entry = LabelFile(file=file, rows=len(new), digest=Path(file).stem)
    return index.model_copy(update={"labels": [*index.labels, entry]}), len(new)


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
