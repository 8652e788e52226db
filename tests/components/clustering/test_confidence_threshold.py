import numpy as np
import pytest

from components.clustering.confidence_threshold import (
    Calibrator,
    Evidence,
    calibrate,
    cap,
    choose,
    cross_fit,
    curve,
)
from components.errors import UserError


def evidence(probability, right, rounds=1):
    return Evidence(np.array(probability, dtype=float), np.array(right, dtype=bool), rounds, ())


def test_no_label_is_named_by_itself_and_each_once_a_round():
    seen = []
    rows, labels = np.arange(20) * 3, np.repeat([0, 1], 10)

    def name(at, given):
        assert (labels[at // 3] == given).all()
        seen.append(set(range(0, 60, 3)) - set(at.tolist()))
        p = np.full((60, 2), 0.5)
        p[at] = 7  # would show if a taught row were judged
        return p

    found = cross_fit(name, rows, labels, folds=5, rounds=2)
    assert found.probability.max() == 0.5
    assert sorted(row for held in seen for row in held) == sorted(rows.tolist() * 2)
    assert found.labels == 20
    for held in seen:  # both classes in every fold
        assert sum(r < 30 for r in held) == sum(r >= 30 for r in held) == 2


def test_right_is_judged_by_the_label():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    found = cross_fit(lambda at, given: p, np.arange(4), np.array([0, 0, 1, 1]), folds=2, rounds=1)
    pairs = sorted(zip(found.probability.tolist(), found.right.tolist(), strict=True))
    assert pairs == [(0.6, False), (0.7, True), (0.8, True), (0.9, True)]


def test_single_labels_stay_in_the_teaching_part_and_are_told():
    labels = np.array([0, 0, 0, 1, 2])

    def name(at, given):
        assert {1, 2} <= set(given.tolist())
        return np.full((5, 3), 1 / 3)

    found = cross_fit(name, np.arange(5), labels)
    assert found.left_out == (1, 2)
    assert found.labels == 3


@pytest.mark.parametrize("labels", [[0, 1, 2], []])
def test_nothing_to_hold_out_is_no_evidence(labels):
    found = cross_fit(lambda at, given: 1 / 0, np.arange(len(labels)), np.array(labels, dtype=np.int64))
    assert found.labels == 0
    assert calibrate(found) == Calibrator(1.0, 0.0)
    assert curve(found, Calibrator()) == []


def test_identity_calibrator_changes_nothing():
    p = np.linspace(0.01, 0.99, 9)
    np.testing.assert_allclose(Calibrator()(p), p)


def test_calibration_finds_the_true_slope_of_much_evidence_and_hesitates_with_little():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.3, 0.999, 20_000)
    logit = np.log(p / (1 - p))
    right = rng.random(len(p)) < 1 / (1 + np.exp(-(0.5 * logit - 0.3)))
    much = calibrate(evidence(p, right))
    assert much.slope == pytest.approx(0.5, abs=0.05)
    assert much.offset == pytest.approx(-0.3, abs=0.08)
    little = calibrate(evidence(p[:20], right[:20]))
    assert 0.6 < little.slope < 1.1


def test_rounds_over_the_same_labels_are_not_more_labels():
    p, right = [0.9, 0.8, 0.7, 0.95], [False, True, False, True]
    once, thrice = calibrate(evidence(p, right)), calibrate(evidence(p * 3, right * 3, rounds=3))
    assert thrice.slope == pytest.approx(once.slope, abs=1e-3)
    assert thrice.offset == pytest.approx(once.offset, abs=1e-3)


def test_choice_is_the_smallest_threshold_that_holds():
    choice = choose(np.array([0.7, 1.0, 0.9, 0.8, 0.1]), 0.85)
    assert choice.threshold == 0.7  # (1 + .9 + .8 + .7) / 4 = .85
    assert choice.precision == pytest.approx(0.85)
    assert choose(np.array([0.7, 1.0, 0.9, 0.8, 0.1]), 0.86).threshold == 0.8
    assert choose(np.array([0.5, 0.6]), 0.9).threshold is None
    assert choose(np.zeros(0), 0.9).threshold is None


def test_equal_confidences_are_kept_or_left_together():
    choice = choose(np.array([1.0, 0.8, 0.8, 0.8]), 0.9)
    assert choice.threshold == 1.0  # one of the three .8 would do, all of them would not


def test_cap_keeps_the_most_confident_of_a_large_class():
    kept = np.array([True] * 8 + [False] * 2)
    predicted = np.array([0] * 6 + [1] * 4)
    confidence = np.array([0.9, 0.95, 0.91, 0.99, 0.92, 0.93, 0.9, 0.9, 1.0, 1.0])
    out = cap(kept, predicted, confidence, np.array([0.25, 0.75]), 2.0)  # room for 2 * .25 * 8 = 4 of class 0
    assert out.tolist() == [False, True, False, True, True, True, True, True, False, False]


def test_curve_by_hand():
    points = curve(evidence([0.9, 0.8, 0.7, 0.6], [True, True, False, True]), Calibrator(), points=4)
    assert [p["coverage"] for p in points] == [0.25, 0.5, 0.75, 1.0]
    assert [p["precision"] for p in points] == pytest.approx([1, 1, 2 / 3, 3 / 4])


def test_refuses_a_target_beyond_one():
    with pytest.raises(UserError, match=r"\(0, 1\]"):
        choose(np.ones(2), 1.5)
