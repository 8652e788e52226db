"""Labels named as probably wrong: none of right labels by a weak model, most wrong ones by a strong one."""

import numpy as np
import pytest

from components.evaluation.labels.label_errors import suspects
from components.evaluation.labels.label_noise import Noise, expected_disputes, fit_noise, named, powered
from tests.components.evaluation.labels.test_label_errors import planted


def summary(count, share, draws, **how):
    """Over draws: share that name a label; of these the mean estimated precision, precision, recall; disputed."""
    rows = []
    for seed in range(draws):
        p, labels, wrong, _ = planted(count, share, seed, **how)
        found = named(p, labels)
        if len(rows_of := found.suspects.rows):
            rows.append((found.precision, wrong[rows_of].mean(), wrong[rows_of].sum() / max(wrong.sum(), 1)))
    return len(rows) / draws, np.mean(rows or [(np.nan,) * 3], axis=0)


@pytest.mark.parametrize(("count", "classes", "skill"), [(99, 10, 1.0), (99, 10, 2.0), (300, 64, 1.5)])
def test_a_weak_model_and_right_labels_name_none(count, classes, skill):
    spoke, _ = summary(count, 0.0, 60, classes=classes, skill=skill)
    assert spoke <= 0.05
    p, labels, _, _ = planted(count, 0.0, 0, classes, skill)
    found = named(p, labels)
    assert found.disputed == len(suspects(p, labels).rows) > 5
    assert found.precision is None
    assert len(found.wrong) == len(found.suspects.rows) == 0
    assert f"models that had not seen them dispute {found.disputed} of {count} labels, " in found.why


@pytest.mark.parametrize("sharpened", [0.3, 1.0, 3.0])
def test_a_strong_model_names_most_flipped_labels_with_an_estimate_near_the_truth(sharpened):
    """400 labels, one in 20 wrong, the model right on .98; whatever the temperature of its probabilities is."""
    found, truth, recall = [], [], []
    for seed in range(20):
        p, labels, wrong, _ = planted(400, 0.05, seed, classes=10, skill=4.0)
        result = named(powered(p, sharpened), labels)
        rows = result.suspects.rows
        found.append(result.precision)
        truth.append(wrong[rows].mean())
        recall.append(wrong[rows].sum() / wrong.sum())
    assert np.mean(truth) > 0.9
    assert np.mean(found) == pytest.approx(np.mean(truth), abs=0.05)
    assert np.mean(recall) > 0.5


def test_a_middling_model_states_its_lower_precision():
    """400 labels, one in ten wrong, the model right on .68."""
    spoke, (estimate, precision, recall) = summary(400, 0.1, 20, classes=10, skill=2.0)
    assert spoke > 0.9
    assert 0.5 <= precision < 0.9
    assert estimate == pytest.approx(precision, abs=0.1)
    assert recall > 0.3


def test_the_probability_of_each_adds_up_to_the_estimate():
    p, labels, wrong, _ = planted(400, 0.1, 0)
    found = named(p, labels)
    assert found.wrong.mean() == pytest.approx(found.precision, abs=0.05)
    assert ((found.wrong >= 0) & (found.wrong <= 1)).all()
    share = fit_noise(p, labels).share
    assert share == pytest.approx(wrong.mean(), abs=0.03)


def test_the_probability_that_a_label_is_wrong_by_hand():
    """Label 1 of three: .7 * .1 = .07 as the true class, .3 * .9 / 2 = .135 as any other; label 0: .56 and .03."""
    noise = Noise(np.array([[0.8, 0.1, 0.1], [0.8, 0.1, 0.1]]), 0.3, 10.0)
    found = noise.wrong(np.array([1, 0]), np.array([0, 1]))
    np.testing.assert_allclose(found, [0.135 / 0.205, 0.03 / 0.59])
    assert noise.error == pytest.approx(0.2)


def test_a_model_that_is_mostly_wrong_and_sure_of_it_names_none():
    """Right labels, and a model right on a quarter of them that is sure of classes taken at random (Student's t with
    three degrees of freedom): more disputes than any temperature explains, and no wrong label."""
    ratios = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, 10, 400)
        logits = 2 * (rng.standard_t(3, (400, 10)) + np.eye(10)[truth])
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        found = named(p / p.sum(axis=1, keepdims=True), truth)
        ratios.append(fit_noise(p / p.sum(axis=1, keepdims=True), truth).ratio)
        assert found.precision is None
        assert "are wrong on" in found.why
    assert np.median(ratios) > 10


def test_expected_disputes_by_hand():
    """Usual for class 0 is .8, for class 1 .5. Row 0 would be disputed with label 1 (margin -.8, q .1), rows 2 and 3
    with label 0 (margins -.6, -.2; q .2, .4), row 4 with label 1; row 1 reaches neither."""
    p = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.9, 0.1]])
    labels = np.array([0, 0, 1, 1, 1])
    margins = np.array([-0.8, -0.6, -0.2]) + 1e-9
    np.testing.assert_allclose(expected_disputes(p, labels, p, margins), [0.2, 0.4, 0.8])


def test_expected_disputes_are_those_of_labels_drawn_from_the_model():
    p, labels, _, _ = planted(200, 0.0, 0, classes=4, skill=2.0)
    margins = np.array([-0.9, -0.5, 0.0])
    expected = expected_disputes(p, labels, p, margins)
    rng, counts = np.random.default_rng(1), []
    rows, classes = np.arange(len(p)), p.shape[1]
    found, top = suspects_of(p, labels)
    for _ in range(400):
        drawn = (rng.random(len(p))[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(0, classes - 1)
        disputed = (found >= 0) & (found != drawn) & (top != drawn)
        margin = (p[rows, drawn] - p.max(axis=1))[disputed]
        counts.append([(margin <= m).sum() for m in margins])
    np.testing.assert_allclose(np.mean(counts, axis=0), expected, rtol=0.1, atol=0.3)


def suspects_of(p, labels):
    """By a loop: the class that each sample confidently has, with the thresholds of the given labels; the likeliest."""
    usual = [p[labels == k, k].mean() for k in range(p.shape[1])]
    found = []
    for row in p:
        reached = [k for k in range(len(row)) if row[k] >= usual[k] - 1e-6]
        found.append(max(reached, key=lambda k: row[k]) if reached else -1)
    return np.array(found), p.argmax(axis=1)


def test_powers_are_temperatures():
    logits = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]])
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    half = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(powered(p, 0.5), half)
    np.testing.assert_allclose(powered(p, 1.0), p)


def test_a_higher_demand_names_fewer():
    p, labels, _, _ = planted(400, 0.1, 2, classes=10, skill=2.0)
    counts = [len(named(p, labels, least).suspects.rows) for least in (0.3, 0.6, 0.9)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    strict = named(p, labels, 0.999)
    assert strict.precision is None or strict.precision >= 0.999


def test_labels_that_nobody_disputes_need_no_sentence():
    found = named(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]))
    assert (found.disputed, found.precision, found.why) == (0, None, "")


def test_each_silence_has_its_reason():
    weak = named(*planted(99, 0.0, 0, 10, 1.0)[:2])
    assert "are wrong on" in weak.why
    able = named(*planted(99, 0.0, 0, 10, 2.0)[:2])
    assert "explains without a wrong label" in able.why
    p, labels, _, _ = planted(400, 0.1, 2, classes=10, skill=2.0)
    assert named(p, labels, 1.0).why.endswith(
        "but fewer than 100% of those are estimated to be wrong, at any margin"
    )
