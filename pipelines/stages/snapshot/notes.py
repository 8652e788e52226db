"""What a snapshot reports: samples that were left out, the range of grey values, near-duplicates."""

import csv
import shlex
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from components.data.replaced import read_current
from components.data.shards import Index
from components.data.table import Table
from components.errors import UserError, coded
from components.modalities.base import Written
from components.wording import are, counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context

UNREADABLE = "unreadable.csv"
REFUSED = "labels-refused.csv"
SHOWN = 5  # unreadable samples named one by one


def left_out(source: Path, index: Index, packed: Written, folder: Path, context: Context) -> Artifact | None:
    """Name the samples that cannot be decoded, in the run's log and in a CSV list; None where there are none.

    Raises:
        UserError: there is no other sample.
    """
    if not packed.unreadable:
        return None
    named = (
        (id, name)
        for _, batch in read_current(source, index, ["id", "name"])
        for id, name in zip(batch["id"], batch["name"], strict=True)
    )
    rows = [(*row, packed.unreadable[place]) for place, row in enumerate(named) if place in packed.unreadable]
    if not packed.samples:
        raise UserError(
            "samples-unreadable",
            f"none of the {len(rows)} samples can be decoded, e.g. {rows[0][1]}: {rows[0][2]}; deliver them again",
        )
    with (folder / UNREADABLE).open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows([("id", "name", "reason"), *rows])
    for _, name, reason in rows[:SHOWN]:
        context.say(f"left out: {name}: {reason}")
    if len(rows) > SHOWN:
        context.say(f"left out: {counted(len(rows) - SHOWN, 'more sample')} without a row, see {UNREADABLE}")
    return Artifact.of(folder / UNREADABLE, folder)


def deliveries_of(places: Collection[int], source: Path, index: Index, recipe: str) -> str:
    """In which deliveries samples came that do not fit, and how to be rid of them. places: in the order of arrival, of
    samples that files hold."""
    came = (of for _, batch in read_current(source, index, ["delivery"]) for of in batch["delivery"])
    counts = Counter(of for place, of in enumerate(came) if place in places)
    named = ", ".join(f"{name} ({counted(count, 'sample')})" for name, count in counts.most_common(SHOWN))
    more = ", ..." if len(counts) > SHOWN else ""
    return (
        f"They came in {named}{more}: to take them out, correct or remove the file, then "
        f"`selfsup forget {recipe} {shlex.quote(min(counts, key=lambda name: counts[name]))} --yes`"
    )


def refused_labels(refused: Mapping[str, str], folder: Path, context: Context) -> Artifact | None:
    """Name the labels that mean nothing to the task, in the run's log and in a CSV list; None where there are none.

    refused: id of the sample -> why.
    """
    if not refused:
        return None
    rows = sorted(refused.items())
    with (folder / REFUSED).open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows([("id", "reason"), *rows])
    for id, reason in rows[:SHOWN]:
        context.say(f"label left out: sample {id[:12]}: {reason}")
    if len(rows) > SHOWN:
        context.say(f"label left out: {counted(len(rows) - SHOWN, 'more label')}, see {REFUSED}")
    return Artifact.of(folder / REFUSED, folder)


def tell(table: Table, packed: Written, rest: str, context: Context) -> None:
    """What the snapshot holds, and what a person should know of it. rest: the end of the first line."""
    labelled, tests = len(table.labelled_rows()), len(table.test_rows())
    context.say(
        f"{counted(len(table), 'sample')}, {labelled:,} labelled for training and {tests} for testing, {rest}"
    )
    for note in packed.notes:
        context.say(note)
    if repeated := table.repeated():
        context.say(
            f"near-duplicates of earlier samples (the same content saved again): {counted(repeated, 'sample')}; "
            f"they share "
            "their split, and of those for testing one is measured"
        )
    if leaked := table.leaked_tests():
        context.say(
            "warning "
            + coded(
                "test-samples-leaked",
                f"{counted(leaked, 'test sample')} {are(leaked, 'has', 'have')} a near-duplicate among the "
                f"training samples, because the column split of the labels names both, and {are(leaked)} not measured: "
                "name them alike",
            )
        )


def of_sources(table: Table, names: list[str]) -> str:
    """How many samples each source has, for a person."""
    if table.source is None:
        return ""
    counts = np.bincount(table.source, minlength=len(names))
    return f"sources {', '.join(f'{name!r} {n}' for name, n in zip(names, counts, strict=True))}, "
