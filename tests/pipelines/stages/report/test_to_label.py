"""The list of what to label: what it asks for, and that it comes back through the inbox as labels."""

import csv
import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from components.data.labels import read_labels, settle
from components.data.shards import Index, read_shards
from components.data.table import Table
from components.evaluation.labels.acquisition import Asking
from pipelines.engine.context import Context
from pipelines.settings import Settings
from pipelines.stages import ingest
from pipelines.stages.report import to_label


class Place:
    """An inbox whose first delivery of 30 pictures is ingested, and clusters of them: 0 holds a label, 1 does not."""

    def __init__(self, root: Path) -> None:
        self.inbox, self.folder = root / "inbox", root / "run"
        self.inbox.joinpath("first").mkdir(parents=True)
        self.folder.mkdir()
        self.context = Context(
            root / "store", Settings(home=root / "home", data=root / "data"), "mine", self.folder
        )
        rng = np.random.default_rng(0)
        for number in range(30):
            image = Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8))
            loose = self.inbox / "=sum.png"
            image.save(loose if number == 20 else self.inbox / "first" / f"{number:02}.png")
        self.ingest()
        self.names = {
            id: name
            for _, batch in read_shards(self.target, Index.load(self.target), ["id", "name"])
            for id, name in zip(batch["id"], batch["name"], strict=True)
        }
        self.ids = list(self.names)
        cluster = np.repeat([0, 1], 15)
        x = np.eye(4)[cluster] + 0.2 * rng.standard_normal((30, 4))
        others = [
            f"{number:064x}" for number in range(5)
        ]  # test samples, in the first rows of the packed array
        self.table = Table(
            np.array([*others[::-1], *self.ids]), np.resize([s.digest for s in Index.load(self.target).shards], 35),
            np.array(["test"] * 5 + ["train"] * 30),
            np.array([0] + [-1] * 4 + [-1, 1] + [-1] * 28),
        )  # fmt: skip
        self.sources: Any = SimpleNamespace(
            context=self.context,
            outputs={"evaluate": {}},
            manifests={"evaluate": SimpleNamespace(given={})},
            table=self.table,
            sheet=lambda rows: f"<img rows {rows}>",
            features=(x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32),
            given={
                "id": self.ids, "row": list(range(5, 35)), "cluster": cluster.tolist(), "class": ["cat"] * 30,
                "confidence": [0.8] * 30, "source": ["cluster", "label", *["cluster"] * 13, *["neighbour"] * 15],
            },
        )  # fmt: skip

    @property
    def target(self) -> Path:
        return self.context.settings.data / "mine"

    def ingest(self) -> ingest.Output:
        request = ingest.Request.model_validate(
            {"inbox": str(self.inbox), "modality": {"name": "image"}, "settle_seconds": 0}
        )
        return ingest.run(request, self.folder, self.context)

    def labels(self) -> dict[str, str]:
        return settle(read_labels(self.target, Index.load(self.target))).labels

    def deliver(self, name: str, rows: list[dict[str, str]]) -> None:
        out = io.StringIO()
        writer = csv.DictWriter(out, to_label.HEADER)
        writer.writeheader()
        writer.writerows(rows)
        (self.inbox / name).write_text(out.getvalue())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def listed(place: Place, count: int = 8, tests: int = 0) -> list[dict[str, str]]:
    file = place.folder / "to_label.csv"
    to_label.write(to_label.to_label(place.sources, Asking(count=count, tests=tests)), file)
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_it_says_who_is_asked_for_and_why(place: Place) -> None:
    rows = listed(place)
    assert [row["rank"] for row in rows] == [str(n) for n in range(1, 9)]
    assert {row["cluster"] for row in rows} == {"0", "1"}
    reason = r"typical of \d+ like samples, none of which has a label; 80% of their pseudo-labels are expected right"
    assert all(re.fullmatch(reason, row["why"]) for row in rows)  # nine groups, of which one holds the label
    for row in rows:
        assert row["name"].removeprefix("'") == place.names[row["id"]]
        assert (row["suggested class"], row["confidence"]) == ("cat", "0.800")
        assert row["delivery"] == ("(inbox)" if "sum" in row["name"] else "first")
        assert row["label"] == row["annotator"] == ""
    assert place.ids[1] not in {row["id"] for row in rows}  # it has a label


def test_every_third_sample_is_for_testing_until_enough_have_a_label(place: Place) -> None:
    rows = listed(place, count=9, tests=4)
    assert [row["use"] for row in rows] == ["training", "training", "testing"] * 3
    assert [row["rank"] for row in rows] == [str(n) for n in range(1, 10)]
    tests = [row for row in rows if row["use"] == "testing"]
    assert [row["id"] for row in tests] == [f"{number:064x}" for number in range(3)]  # 4 has a label
    assert {(row["suggested class"], row["confidence"], row["cluster"]) for row in tests} == {("", "", "")}
    assert {row["why"] for row in tests} == {
        "drawn by chance from 4 test samples without a label: the model is judged on it"
    }
    assert [row["use"] for row in listed(place, count=6, tests=50)].count("testing") == 2  # a third at most
    assert [row["use"] for row in listed(place, count=9, tests=2)].count("testing") == 1  # 1 of 2 has a label
    assert "testing" not in {row["use"] for row in listed(place, count=9, tests=1)}
    pictures = to_label.pictures(to_label.to_label(place.sources, Asking(count=3, tests=4)), place.sources)
    assert pictures[2]["text"] == "3 · for testing"


def test_the_reason_by_hand() -> None:
    members, labelled = np.array([1, 1, 1, 0], dtype=bool), np.array([0, 0, 0, 1], dtype=bool)
    confidence = np.array([0.5, 0.6, 0.7, 0.0])
    assert to_label.why(members, confidence, labelled, named=False) == (
        "typical of 3 like samples, none of which has a label"
    )
    assert to_label.why(members, confidence, ~labelled, named=True) == (
        "typical of 3 like samples, 3 of which have a label; 60% of their pseudo-labels are expected right"
    )


def test_one_of_a_kind_has_no_like_samples() -> None:
    one, none = np.array([1, 0], dtype=bool), np.array([0, 0], dtype=bool)
    assert to_label.why(one, np.array([0.5, 0.5]), none, named=True) == "like no other sample"


def test_a_name_that_a_spreadsheet_would_compute_is_plain_text(place: Place) -> None:
    names = [row["name"] for row in listed(place, count=60)]
    assert "'=sum.png" in names
    assert not any(name.startswith("=") for name in names)


def test_filled_in_it_comes_back_as_labels(place: Place) -> None:
    rows = listed(place)
    for number, row in enumerate(rows[:5]):
        row["label"], row["annotator"] = ("cat", "dog")[number % 2], "ann"
    place.deliver("labels-2.csv", rows)
    output = place.ingest()
    assert (output.labels_new, output.labels_unknown, output.labels_contradictory) == (5, 0, 0)
    assert place.labels() == {row["id"]: ("cat", "dog")[n % 2] for n, row in enumerate(rows[:5])}


def test_two_annotators_who_differ_are_reported_and_nobody_guesses(place: Place) -> None:
    rows = listed(place)[:3]
    for who, file, said in (("ann", "labels-2.csv", "cat"), ("bob", "labels-3.csv", "dog")):
        for number, row in enumerate(rows):
            row["label"], row["annotator"] = (said if number == 0 else "cat"), who
        place.deliver(file, rows)
    output = place.ingest()
    assert output.labels_contradictory == 1
    assert output.contradictory is not None
    with (place.folder / output.contradictory.path).open() as stream:
        told = list(csv.DictReader(stream))
    assert told == [{"id": rows[0]["id"], "labels": "cat | dog"}]
    assert place.labels() == {row["id"]: "cat" for row in rows[1:]}


def test_thumbnails_show_the_rows_of_the_list(place: Place) -> None:
    rows = to_label.to_label(place.sources, Asking(count=3, tests=0))
    assert [row["row"] for row in rows] == [5 + place.ids.index(row["id"]) for row in rows]
    pictures = to_label.pictures(rows, place.sources)
    assert [picture["text"].partition(" · ")[0] for picture in pictures] == ["1", "2", "3"]
    assert [picture["sample"] for picture in pictures] == [f"<img rows [{row['row']}]>" for row in rows]
