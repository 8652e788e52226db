import numpy as np
import pytest

from components.errors import UserError
from components.evaluation.labels.confirmation_bias import confirming, surest

ROSE = (0.6, 0.9)


def answers(right, confidence):
    """[h, 2] probabilities: class 1 is the label of all; `right` says which are answered so, each with its
    confidence."""
    p = np.empty((len(right), 2))
    p[:, 1] = np.where(right, confidence, 1 - np.asarray(confidence))
    p[:, 0] = 1 - p[:, 1]
    return p


def labels(h):
    return np.ones(h, dtype=np.int64)


def test_a_hand_computed_case():
    """Before, the 10 surest of 20 are all right; with the labels alone 9 are; after, 10 are above .9 and 3 of them
    right."""
    before = answers([True] * 15 + [False] * 5, np.linspace(0.99, 0.6, 20))
    alone = answers([True] * 9 + [False] * 11, np.linspace(0.99, 0.6, 20))
    after = answers([False] * 7 + [True] * 13, np.where(np.arange(20) < 10, 0.95, 0.7))
    found = confirming(before, alone, after, labels(20), ROSE, threshold=0.9)
    assert (found.sure, found.right_before, found.right_alone, found.right_after) == (10, 1.0, 0.9, 0.3)
    assert found.fall.value == pytest.approx(0.7)
    assert found.loss.value == pytest.approx(0.6)
    each = np.array([1] * 7 + [0] * 13)
    drawn = np.random.default_rng(1).choice(each, (20000, 20)).mean(1) * 2
    assert (found.fall.low, found.fall.high) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.051
    )
    assert found.found


def test_the_surest():
    p = answers([True, False, True, True], [0.7, 0.9, 0.6, 0.7])
    assert surest(p, 2).tolist() == [True, True, False, False]


GOOD, BAD = answers([True] * 20, [0.9] * 20), answers([False] * 10 + [True] * 10, [0.95] * 20)


@pytest.mark.parametrize(
    ("before", "alone", "confidence", "found"),
    [
        (GOOD, GOOD, ROSE, True),
        (GOOD, GOOD, (0.9, 0.9), False),  # no surer than before
        (BAD, GOOD, ROSE, False),  # no worse than before
        (GOOD, BAD, ROSE, False),  # the labels alone do the same: it is the training, not the guesses
    ],
)
def test_all_of_it_is_needed(before, alone, confidence, found):
    assert confirming(before, alone, BAD, labels(20), confidence).found == found


def test_taking_in_harder_samples_is_not_called_an_error():
    """Every answer stays and all get surer: above .8 were 40 with 39 right, now 90 with 72; as before among the 90
    surest."""
    right = np.r_[[True] * 39, [False], [True] * 33, [False] * 17, [True] * 5, [False] * 5]
    surer = np.r_[[0.99] * 40, np.linspace(0.95, 0.81, 50), [0.6] * 10]
    before = answers(right, np.r_[np.linspace(0.95, 0.81, 40), np.linspace(0.79, 0.6, 50), [0.55] * 10])
    found = confirming(before, before, answers(right, surer), labels(100), ROSE, threshold=0.8)
    assert (found.sure, found.right_before, found.right_after) == (90, 0.8, 0.8)
    assert (found.fall.value, found.found) == (0, False)


def test_few_labels_that_are_sure_say_nothing():
    p = answers([True] * 30, [0.7] * 30)
    p[:9] = answers([True] * 9, [0.9] * 9)
    assert confirming(p, p, p, labels(30), ROSE, threshold=0.8) is None
    assert confirming(p, p, p, labels(30), ROSE, threshold=0.6).sure == 30


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="h labels needed"):
        confirming(np.ones((3, 2)), np.ones((4, 2)), np.ones((3, 2)), labels(3), ROSE)
