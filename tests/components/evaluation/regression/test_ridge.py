"""Ridge regression against scikit-learn, and its leave-one-out residuals against leaving one out."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Peer

from components.evaluation.regression.ridge import STRENGTHS, fit_ridge

RNG = np.random.default_rng(1)
X = RNG.normal(0, 1, (30, 5)).astype(np.float32)
Y = X @ np.array([1.0, -2, 0, 0, 3]) + RNG.normal(0, 0.5, 30)


def test_hand_computed() -> None:
    found = fit_ridge(np.array([[-1.0], [1.0]]), np.array([-2.0, 2.0]), strengths=[1e-12])
    assert found.weight == pytest.approx([2.0])
    assert found.bias == pytest.approx(0)
    # sum (y - w x)^2 + 2 w^2 with x = (-1, 1), y = (-2, 2): w = 4 / (2 + 2) = 1
    assert fit_ridge(
        np.array([[-1.0], [1.0]]), np.array([-2.0, 2.0]), strengths=[2.0]
    ).weight == pytest.approx([1.0])


@pytest.mark.parametrize("strength", [0.1, 10.0])
def test_weights_are_those_of_scikit_learn(strength: float) -> None:
    """The features have about the same deviation, so one of the two scalings is the peer's."""
    found = fit_ridge(X, Y, strengths=[strength], pool=np.concatenate([X, -X]))
    scale = np.concatenate([X, -X]).astype(np.float64).std(axis=0)
    peers = [Peer(alpha=strength).fit(X / s, Y) for s in (np.ones(5), scale)]
    asked = RNG.normal(0, 1, (7, 5))
    expected = [peer.predict(asked / s) for peer, s in zip(peers, (np.ones(5), scale), strict=True)]
    assert any(np.allclose(found.predict(asked), one, atol=1e-6) for one in expected)


def test_held_out_predictions_are_those_of_fits_without_the_label() -> None:
    found = fit_ridge(X, Y, strengths=[3.0], pool=np.ones((2, 5)) * [[1.0], [-1.0]])  # mean 0, deviation 1
    for out in range(30):
        use = np.arange(30) != out
        assert found.held[out] == pytest.approx(
            Peer(alpha=3.0).fit(X[use], Y[use]).predict(X[[out]])[0], rel=1e-5
        )


def test_the_strength_with_the_smallest_held_out_error_is_taken() -> None:
    noise = RNG.normal(0, 1, 30)
    assert fit_ridge(X, noise).strength > 100 * fit_ridge(X, Y).strength
    errors = [float(((fit_ridge(X, Y, strengths=[s]).held - Y) ** 2).mean()) for s in STRENGTHS]
    assert fit_ridge(X, Y).strength == STRENGTHS[int(np.argmin(errors))]


def test_a_constant_feature_and_more_features_than_labels_are_no_trouble() -> None:
    wide = np.concatenate([X[:8], np.ones((8, 40))], axis=1)
    found = fit_ridge(wide, Y[:8])
    assert np.isfinite(found.predict(wide)).all()
    with pytest.raises(ValueError, match="two labels at least"):
        fit_ridge(X[:1], Y[:1])


def test_where_the_features_lie_does_not_matter() -> None:
    """Neither that of the labels' features nor that of the pool's."""
    asked = RNG.normal(0, 1, (7, 5))
    for pool in (None, X, X + 3):
        moved = fit_ridge(X + 7, Y, pool=None if pool is None else pool + 7)
        expected = fit_ridge(X, Y, pool=pool).predict(asked)
        np.testing.assert_allclose(moved.predict(asked + 7), expected, atol=1e-4)
    np.testing.assert_allclose(fit_ridge(X, Y).predict(X).mean(), Y.mean(), atol=1e-6)
