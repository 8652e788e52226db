"""Wrong labels: the definition by hand, cleanlab's suspects, and labels that were turned round on purpose."""

import numpy as np
import pytest

from components.evaluation.labels.label_errors import confident, joint, suspects, usual


def planted(count: int, share: float, seed: int, classes: int = 5, skill: float = 3.0):
    """Probabilities of a model that names about 9 of 10 samples right, and labels of which a share is wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, count)
    logits = rng.standard_normal((count, classes)) + skill * np.eye(classes)[truth]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.random(count) < share
    labels = np.where(wrong, (truth + rng.integers(1, classes, count)) % classes, truth)
    return p, labels, wrong, truth


def test_thresholds_and_joint_by_hand():
    p = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.9, 0.1]])
    labels = np.array([0, 0, 1, 1, 1])
    np.testing.assert_allclose(usual(p, labels), [0.8, 0.5])
    np.testing.assert_array_equal(confident(p, labels), [0, -1, 1, 1, 0])
    np.testing.assert_array_equal(joint(p, labels), [[1, 0], [1, 2]])
    found = suspects(p, labels)
    assert found.rows.tolist() == [4]
    assert found.likely.tolist() == [0]
    assert found.margin[0] == pytest.approx(-0.8)


def test_a_class_without_a_label_is_never_likely():
    p = np.array([[0.1, 0.1, 0.8], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    assert usual(p, np.array([0, 0, 1]))[2] == np.inf
    assert 2 not in confident(p, np.array([0, 0, 1]))


def test_most_planted_errors_are_found_and_most_of_what_is_found_is_one():
    """400 labels, one in ten wrong, the model right on .95: recall .70 and precision .99 were measured."""
    recall, precision = [], []
    for seed in range(10):
        p, labels, wrong, truth = planted(400, 0.1, seed)
        found = suspects(p, labels)
        recall.append(wrong[found.rows].sum() / wrong.sum())
        precision.append(wrong[found.rows].mean())
        hits = found.rows[wrong[found.rows]]
        assert (found.likely[wrong[found.rows]] == truth[hits]).mean() > 0.9
    assert np.mean(recall) == pytest.approx(0.70, abs=0.02)
    assert np.mean(precision) > 0.98


def test_the_worst_come_first():
    p, labels, wrong, _ = planted(400, 0.1, 3)
    found = suspects(p, labels)
    assert (np.diff(found.margin) >= 0).all()
    half = len(found.rows) // 2
    assert wrong[found.rows[:half]].all()


def test_the_suspects_are_cleanlabs():
    """cleanlab 2.9.0, find_label_issues(filter_by="confident_learning", ranked by "normalized_margin"). It gave the
    same list on all of 20 draws of 400."""
    p, labels, _, _ = planted(60, 0.15, 0)
    assert suspects(p, labels).rows.tolist() == [3, 28, 17, 39]


def test_right_labels_raise_few_suspicions():
    p, labels, _, _ = planted(400, 0.0, 1, skill=5.0)
    assert len(suspects(p, labels).rows) <= 4


def test_logits_are_refused():
    with pytest.raises(ValueError, match="softmax"):
        suspects(np.array([[2.0, 1.0]]), np.array([0]))
    with pytest.raises(ValueError, match="labels"):
        suspects(np.array([[0.5, 0.5]]), np.array([0, 1]))
