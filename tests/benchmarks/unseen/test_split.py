import numpy as np
import pytest

from benchmarks.unseen.image_set import Images
from benchmarks.unseen.split import draw_labels, hold_out


def test_a_group_that_does_not_fit_stays_in_training():
    assert hold_out([7, 7, 7, 8], 0).tolist() == [False, False, False, True]
    assert hold_out(["all"] * 4 + ["rest"] * 6, 3).tolist() == [True] * 4 + [False] * 6  # at least one group


def test_groups_are_never_torn_and_the_share_is_filled():
    groups = np.repeat(np.arange(50), 4)
    test = hold_out(groups, 1)
    assert test.sum() == 60
    assert all(len(set(test[groups == group])) == 1 for group in range(50))
    assert test.tolist() == hold_out(groups, 1).tolist() != hold_out(groups, 2).tolist()


def test_within_classes_each_gives_its_share():
    labels = np.array([0] * 100 + [1] * 10 + [2] * 2)
    test = hold_out(range(112), 0, within=labels)
    assert np.bincount(labels[test]).tolist() == [30, 3, 1]


def test_a_group_of_two_classes_cannot_be_held_out_within_classes():
    with pytest.raises(ValueError, match="group 5 has several"):
        hold_out([5, 5, 6], 0, within=np.array([0, 1, 1]))


def images(labels, test):
    count = len(labels)
    return Images(np.zeros((count, 2, 2), np.uint8), np.array(labels), ["a", "b"], np.array(test))


def test_labels_are_drawn_equally_by_class_from_training_alone_as_far_as_there_are():
    found = images([0] * 20 + [1] * 5, [False] * 10 + [True] * 10 + [False] * 3 + [True] * 2)
    rows = draw_labels(found, 4, 0)
    assert np.bincount(found.labels[rows]).tolist() == [4, 3]
    assert not found.test[rows].any()
    assert rows.tolist() == sorted(rows)


def test_draws_are_nested_and_differ_by_number():
    found = images([0, 1] * 100, [False] * 200)
    one, four, other = (set(draw_labels(found, *how).tolist()) for how in ((1, 5), (4, 5), (4, 6)))
    assert one < four
    assert len(four) == 8
    assert four != other
