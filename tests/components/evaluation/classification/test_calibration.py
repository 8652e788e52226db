import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.special import softmax as peer_softmax

from components.evaluation.classification.calibration import (
    ece,
    fit_temperature,
    log_loss,
    reliability,
    softmax,
)


def slow_ece(confidence, correct, bins):
    total = 0.0
    for m in range(bins):
        inside = [
            i for i, c in enumerate(confidence) if m / bins < c <= (m + 1) / bins or (m == 0 and c == 0)
        ]
        if inside:
            gap = np.mean([correct[i] for i in inside]) - np.mean([confidence[i] for i in inside])
            total += len(inside) / len(confidence) * abs(gap)
    return total


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_ece_equals_the_equation_in_loops(bins):
    rng = np.random.default_rng(0)
    confidence, correct = rng.uniform(0.1, 1, 300), rng.random(300) < 0.6
    assert ece(confidence, correct, bins) == pytest.approx(slow_ece(confidence, correct, bins), abs=1e-12)


def test_ece_by_hand():
    assert ece(np.full(4, 0.8), np.array([1, 1, 0, 0])) == pytest.approx(0.3)
    assert ece(np.array([1.0, 1.0, 0.0]), np.array([1, 1, 0])) == 0.0
    assert ece(np.array([0.9, 0.9, 0.6, 0.6]), np.array([1, 1, 1, 0]), bins=2) == pytest.approx(0.0)


def test_the_upper_edge_belongs_to_a_bin():
    curve = reliability(np.array([0.5, 0.5000001, 1.0]), np.array([1, 0, 1]), bins=2)
    assert [b.count for b in curve] == [1, 2]
    assert curve[0].accuracy == 1.0
    assert (curve[0].lower, curve[1].upper) == (0.0, 1.0)


def test_ece_refuses_logits():
    with pytest.raises(ValueError, match="probabilities"):
        ece(np.array([3.0]), np.array([1]))


def test_softmax_and_loss_equal_scipy_and_do_not_overflow():
    logits = np.random.default_rng(1).normal(size=(20, 4)) * 500
    labels = np.arange(20) % 4
    np.testing.assert_allclose(softmax(logits), peer_softmax(logits, axis=1), atol=1e-15)
    assert log_loss(logits, labels) == pytest.approx(
        -log_softmax(logits, axis=1)[np.arange(20), labels].mean()
    )


def test_temperature_equals_a_numerical_minimum():
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(200, 5)) * 4
    labels = np.array([rng.choice(5, p=p) for p in softmax(logits / 3)])
    peer = minimize_scalar(
        lambda t: log_loss(logits / t, labels), bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8}
    )
    assert fit_temperature(logits, labels) == pytest.approx(peer.x, rel=1e-4)


def test_temperature_finds_the_one_the_labels_were_drawn_with():
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(20000, 3)) * 6
    labels = np.array([rng.choice(3, p=p) for p in softmax(logits / 2.5)])
    assert fit_temperature(logits, labels) == pytest.approx(2.5, rel=0.05)


def test_temperature_in_closed_form():
    """Logits (a, 0), a share p right: sigmoid(a / T) = p."""
    logits, labels = np.tile([2.0, 0.0], (10, 1)), np.array([0] * 8 + [1] * 2)
    assert fit_temperature(logits, labels) == pytest.approx(2.0 / np.log(0.8 / 0.2), rel=1e-6)


def test_temperature_stays_in_its_range_when_the_evidence_is_degenerate():
    assert fit_temperature(np.eye(3) * 5, np.arange(3)) == 0.05
    assert fit_temperature(np.eye(3) * 5, (np.arange(3) + 1) % 3) == 20.0
