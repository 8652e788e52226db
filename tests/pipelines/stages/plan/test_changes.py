"""What is new, against sets counted by hand."""

import numpy as np

from components.data.table import Table
from pipelines.stages.plan.changes import Seen, changed_labels, new_rows, spoiled


def table(text):
    """'a:train:0 b:test:-' as a table."""
    ids, split, label = zip(*(word.split(":") for word in text.split()), strict=True)
    numbers = [-1 if item == "-" else int(item) for item in label]
    return Table(np.array(ids), np.full(len(ids), "s"), np.array(split), np.array(numbers, dtype=np.int64))


def test_new_is_what_may_be_trained_on_and_was_not():
    then = table("a:train:- b:train:0 c:test:0")
    now = table("a:train:- b:train:0 c:test:0 d:test:- e:train:- f:train:1")
    assert new_rows(now, then).tolist() == [4, 5]
    assert new_rows(then, then).tolist() == []


def test_a_test_sample_that_became_a_training_sample_is_new():
    assert new_rows(table("a:train:- b:train:-"), table("a:train:- b:test:-")).tolist() == [1]


def test_labels_are_compared_by_the_name_of_their_class():
    then = Seen(table("a:train:0 b:train:1 c:test:1 d:train:- e:train:0"), ["bag", "shoe"])
    now = Seen(table("a:train:1 b:train:2 c:test:2 d:train:0 e:train:- f:train:-"), ["art", "bag", "shoe"])
    assert changed_labels(now, then) == 2  # d is new, e is withdrawn; a, b and c are called as before
    corrected = Seen(table("a:train:1 b:train:1 c:test:1 d:train:- e:train:0"), ["bag", "shoe"])
    assert changed_labels(corrected, then) == 1
    assert changed_labels(then, then) == 0


def test_a_sample_that_is_named_for_testing_after_it_was_trained_on_is_counted():
    trained, older = table("a:train:- b:train:- c:test:-"), table("z:train:-")
    now = table("a:test:0 b:train:- c:test:- d:test:0 z:test:-")
    assert spoiled(now, [trained]) == 1
    assert spoiled(now, [trained, older]) == 2
    assert spoiled(trained, [trained]) == 0


def test_labels_that_are_numbers_are_compared_as_numbers():
    def seen(*target):
        ids, label = np.array(list("abc")), np.array([0 if value == value else -1 for value in target])
        rows = Table(ids, np.full(3, "s"), np.full(3, "train"), label, target=np.array(target))
        return Seen(rows, [])

    nothing = float("nan")
    assert changed_labels(seen(1.0, 2.5, nothing), seen(1.0, 2.5, nothing)) == 0
    assert changed_labels(seen(1.0, 2.6, 3.0), seen(1.0, 2.5, nothing)) == 2  # b is corrected, c is new
    assert changed_labels(seen(nothing, 2.5, nothing), seen(1.0, 2.5, nothing)) == 1


def test_masks_are_compared_as_they_are():
    """A corrected mask is a changed label, though the table has 0 for each."""
    ids, label = np.array(["a", "b", "c"]), np.array([0, 0, -1])
    table = Table(ids, np.full(3, "s"), np.array(["train"] * 3), label)
    then = Seen(table, ["0", "1"], {0: "1x2 0*2", 1: "1x2 0*1 1*1"})
    assert changed_labels(Seen(table, ["0", "1"], {0: "1x2 0*2", 1: "1x2 1*2"}), then) == 1
    assert changed_labels(then, then) == 0
