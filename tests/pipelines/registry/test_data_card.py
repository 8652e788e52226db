"""The data card of a snapshot."""

import numpy as np

from components.data.shards import Delivery
from components.data.table import Table
from pipelines.engine.manifest import Manifest
from pipelines.registry.data_card import data_card, label_counts, table, title_of


def manifest(stage, output, **given):
    return Manifest(
        stage=stage, version=1, recipe="toys", given=given, observed={}, code="", request={}, output=output, started=0,
        seconds=0,
    )  # fmt: skip


SNAPSHOT = {
    "version": "abc.dir", "digest": "d", "samples": 1200, "labelled": 30, "tests": 40, "near_duplicates": 3,
    "sources": ["north", "south"], "classes": ["cat", "dog"], "leaked_tests": 1, "unreadable": {"path": "x"},
}  # fmt: skip
INGEST = {
    "duplicates": 5, "quarantined": {"truncated file": 2}, "labels_unknown": 1, "labels_contradictory": 0,
}  # fmt: skip


def of_table():
    split = np.array(["train"] * 4 + ["test"] * 2)
    return Table(np.array(list("abcdef")), np.full(6, "s", object), split, np.array([0, 0, 1, -1, 1, -1]))


def test_labels_are_counted_by_class_and_split():
    assert label_counts(of_table(), SNAPSHOT) == {"cat": (2, 0), "dog": (1, 1)}
    assert label_counts(of_table(), {**SNAPSHOT, "masks": {"path": "masks.parquet"}}) == {}


def test_what_is_there_and_what_was_left_out():
    snapshot = manifest("snapshot", SNAPSHOT, modality={"name": "image", "size": 28, "range": [0, 1]})
    came = Delivery(
        digest="d", name="may.zip", accepted=1200, duplicates=5, quarantined={"truncated file": 2}
    )
    labels = {"cat": (2, 0), "dog": (1, 1)}
    card = data_card("snapshot/a", snapshot, manifest("ingest", INGEST), labels, [came]).splitlines()
    for line in (
        "# Data card: toys",
        "Snapshot `snapshot/a`.",
        "| kind | image (size 28) |",
        "| samples | 1,200 |",
        "| sources | north, south |",
        "| cat | 2 | 0 |",
        "| may.zip | 1,200 | 5 | 2 |",
        "- Duplicates in the newest ingest: 5.",
        "- Quarantined in the newest ingest: truncated file 2.",
        "- Labels without a sample: 1.",
        "- Samples that could not be decoded: listed in the snapshot.",
        "- Test samples with a near-duplicate among the training samples, not measured: 1 sample.",
    ):
        assert line in card, line


def test_without_an_ingest_nothing_is_said_of_it():
    card = data_card("snapshot/a", manifest("snapshot", SNAPSHOT), None, {})
    assert "newest ingest" not in card
    assert title_of(manifest("snapshot", SNAPSHOT)) == "sample"


def test_a_cell_cannot_break_a_table():
    assert table(("a",), [("x|y\nz",)]) == ["| a |", "|---|", "| x\\|y z |"]
