import numpy as np
import pytest

from benchmarks.unseen.image_set import Images, finished


def images(pixels, labels, test, classes=("a", "b")):
    grey = np.array(pixels, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), dtype=np.uint8)
    return Images(grey, np.array(labels), list(classes), np.array(test, dtype=bool))


def rows(found):
    return sorted(
        zip(found.images[:, 0, 0].tolist(), found.labels.tolist(), found.test.tolist(), strict=True)
    )


@pytest.mark.parametrize("first", [True, False])
def test_of_equal_images_one_stays_a_test_image_where_there_is_one(first):
    held = [first, not first]
    found = finished(images([1, 2, 2, 3, 4, 5], [0, 0, 0, 1, 1, 1], [0, *held, 0, 0, 1]), 0)
    assert rows(found) == [(1, 0, False), (2, 0, True), (3, 1, False), (4, 1, False), (5, 1, True)]


def test_equal_images_of_two_classes_all_go():
    found = finished(images([1, 2, 3, 4, 9, 9], [0, 0, 1, 1, 0, 1], [0, 1, 0, 1, 0, 1]), 0)
    assert [pixel for pixel, _, _ in rows(found)] == [1, 2, 3, 4]


def test_the_order_is_random_but_the_same_for_the_same_seed():
    given = images(range(100), [0, 1] * 50, ([0] * 7 + [1] * 3) * 10)
    first, again, other = (finished(given, seed).images[:, 0, 0].tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert sorted(first) == list(range(100)) != first


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (images([1, 2, 3], [0, 1, 0], [0, 0, 1]), "each class must have test images; there is none of b"),
        (images([1, 2, 3], [0, 1, 0], [0, 1, 1]), "each class must have training images; there is none of b"),
        (images([1, 2], [0, 2], [0, 1]), "labels must be 0 to 1, got 0 to 2"),
        (images([1, 2], [0], [0, 1]), r"labels and test must be \[2\], got \[1\] and \[2\]"),
        (images([1, 2], [0, 1], [0, 1], ["a", "a"]), "class names must differ"),
        (
            Images(np.zeros((2, 3)), np.zeros(2, int), ["a"], np.ones(2, bool)),
            r"got float64 \[2, 3\]",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        finished(given, 0)
