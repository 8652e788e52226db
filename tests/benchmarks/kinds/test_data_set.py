import csv

import numpy as np
import pyarrow.parquet as pq

from benchmarks.kinds.data_set import Samples, draw_labels, finished, write_inbox


def samples(sizes=(400, 100), test=100):
    """Rows of one column; class k `sizes[k]` times, in turns as far as they go."""
    total = sum(sizes)
    names = [name for k, size in enumerate(sizes) for name in [f"c{k}"] * size]
    return finished({"a": [str(n) for n in range(total)]}, names, test)


def test_equal_samples_stay_once_and_those_of_two_classes_not_at_all():
    columns = {"a": ["1", "1", "2", "2", "3", "4"], "b": ["x", "x", "y", "y", "z", "z"]}
    found = finished(columns, ["p", "p", "p", "q", "q", "p"], test=1)
    rows = dict(
        zip(zip(found.columns["a"], found.columns["b"], strict=True), found.labels.tolist(), strict=True)
    )
    assert rows == {("1", "x"): 0, ("3", "z"): 1, ("4", "z"): 0}
    assert found.classes == ["p", "q"]
    assert found.test.tolist() == [True, False, False]


def test_samples_are_shuffled_alike_and_cut_at_train():
    found, again = samples(), samples()
    assert found.columns == again.columns
    assert found.columns["a"] != [str(n) for n in range(500)]
    cut = finished({"a": [str(n) for n in range(500)]}, ["c0"] * 400 + ["c1"] * 100, 100, train=50)
    assert (len(cut), int(cut.test.sum())) == (150, 100)
    assert cut.columns["a"] == found.columns["a"][:150]


def test_labels_are_drawn_from_training_samples_by_share_or_equally():
    found = samples()
    by_share, equal = draw_labels(found, 50, False, 0), draw_labels(found, 7, True, 0)
    for rows in (by_share, equal):
        assert not found.test[rows].any()
        assert (np.diff(rows) > 0).all()
    train = ~found.test
    expected = [round(50 * (found.labels[train] == k).mean()) for k in (0, 1)]
    assert np.bincount(found.labels[by_share]).tolist() == expected
    assert np.bincount(found.labels[equal]).tolist() == [7, 7]
    assert np.array_equal(equal, draw_labels(found, 7, True, 0))
    assert not np.array_equal(equal, draw_labels(found, 7, True, 1))


def test_a_rare_class_gets_five_labels():
    found = samples((480, 20), test=50)
    assert np.bincount(found.labels[draw_labels(found, 50, False, 0)])[1] == 5


def test_the_inbox_of_rows_is_a_csv_and_its_labels(tmp_path):
    found = samples((6, 4), test=3)
    labelled = np.flatnonzero(~found.test)[:2]
    write_inbox(tmp_path / "inbox", found, "table", labelled)
    with (tmp_path / "inbox" / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == found.names
    assert [row["a"] for row in rows] == found.columns["a"]
    with (tmp_path / "inbox" / "labels.csv").open(newline="") as file:
        labels = {row["name"]: (row["label"], row["split"]) for row in csv.DictReader(file)}
    named = {found.names[n]: found.classes[found.labels[n]] for n in range(10)}
    tests = {name: (named[name], "test") for name in found.names[:3]}
    assert labels == tests | {found.names[n]: (named[found.names[n]], "train") for n in labelled}


def test_the_inbox_of_texts_is_a_parquet_table(tmp_path):
    found = Samples({"text": ["one", "two"]}, np.array([0, 1]), ["p", "q"], np.array([True, False]))
    write_inbox(tmp_path / "inbox", found, "text", np.array([1]))
    assert pq.read_table(tmp_path / "inbox" / "texts.parquet").to_pydict() == {
        "text": ["one", "two"], "name": ["s000000", "s000001"],
    }  # fmt: skip
