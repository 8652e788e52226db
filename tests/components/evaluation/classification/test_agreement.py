import numpy as np
import pytest

from components.evaluation.classification.agreement import agreement, possible, temperature_for, together
from components.evaluation.classification.calibration import ece, softmax


def test_agreement_is_the_share_that_both_name_alike():
    assert agreement(
        np.array([[1.0, 0], [0, 1], [3, 2]]), np.array([[9.0, 1], [1, 0], [1, 0]])
    ) == pytest.approx(2 / 3)


@pytest.mark.parametrize("temperature", [0.2, 0.5, 1.0, 3.0])
def test_the_temperature_of_one_pair_of_logits_in_closed_form(temperature):
    confidence = 1 / (1 + np.exp(-1 / temperature))
    assert temperature_for(np.array([[1.0, 0.0]]), confidence) == pytest.approx(temperature, rel=1e-6)


def test_the_mean_confidence_is_what_was_asked():
    logits = 5 * np.random.default_rng(0).standard_normal((500, 7))
    for wanted in (0.3, 0.6, 0.95):
        found = temperature_for(logits, wanted)
        assert softmax(logits / found).max(axis=1).mean() == pytest.approx(wanted, abs=1e-9)


def test_what_no_temperature_gives_is_told_by_its_bound():
    logits = np.array([[1.0, 0.0], [0.0, 2.0]])
    assert temperature_for(logits, 0.0) == pytest.approx(20)
    assert temperature_for(logits, 1.1) == pytest.approx(0.05)


def test_two_models_that_err_apart_calibrate_each_other():
    """Each right in 70 % of the samples, else anywhere; too sure by a factor of 4. They agree less often than each is
    right, so confidence errs on the low side, and by less than before."""
    rng = np.random.default_rng(0)
    count, classes = 20_000, 10
    truth = rng.integers(0, classes, count)

    def answers():
        said = np.where(rng.random(count) < 2 / 3, truth, rng.integers(0, classes, count))
        return np.eye(classes)[said] * 8 + rng.standard_normal((count, classes))

    one, other = answers(), answers()
    before, after = softmax(one), softmax(one / temperature_for(one, agreement(one, other)))
    right = one.argmax(axis=1) == truth
    assert right.mean() == pytest.approx(0.7, abs=0.01)
    assert ece(before.max(axis=1), right) > 0.25
    assert after.max(axis=1).mean() == pytest.approx(0.7**2 + 0.3**2 / 9, abs=0.01)


@pytest.mark.parametrize(
    ("right", "labels", "expected"),
    [(81, 263, 0.3662), (15, 148, 0.1605), (0, 20, 0.1611), (1, 29, 0.1718), (29, 29, 1.0)],
)
def test_the_largest_accuracy_that_labels_leave_possible(right, labels, expected):
    """The examples of Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3."""
    assert possible(right / labels, labels) == pytest.approx(expected, abs=1e-4)
    assert possible(0.0, 0) == 1.0


@pytest.mark.parametrize(
    ("held", "labels", "agreed", "expected"),
    [
        (4.0, 20, 1.0, 2), (4.0, 100, 1.0, 2), (16.0, 200, 1.0, 8), (4.0, 10**9, 1.0, 4), (0.5, 30, None, 0.5),
        (None, 0, 3.0, 3), (None, 0, None, 1),
    ],
)  # fmt: skip
def test_two_temperatures_meet_nearer_to_held_out_labels_the_more_these_are(held, labels, agreed, expected):
    assert together(held, labels, agreed) == pytest.approx(expected)


def test_the_range_is_kept_to_the_last_bit():
    assert all(together(end, labels, end) == end for end in (0.05, 20.0) for labels in (3, 18, 130, 999))
