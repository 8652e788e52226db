"""What a model holds for ordinary: distances as scipy has them, and the rate of false alarms that was promised."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from components.evaluation.classification.outliers import shrunk
from components.registry.outlier_model import FEW, distances, fit_ordinary

SHAPE = np.array([[2.0, 0.6, 0.0], [0.6, 1.0, 0.3], [0.0, 0.3, 0.5]])
CENTRES = np.array([[0.0, 0, 0], [6, 0, 2], [-5, 4, 0]])


def samples(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, count)
    x = rng.multivariate_normal(np.zeros(3), SHAPE, count) + CENTRES[group]
    return x.astype(np.float32), group


def test_distances_are_scipys_to_the_nearest_group_of_the_half_that_is_learnt_from() -> None:
    x, group = samples(600, 0)
    found = fit_ordinary(x, group, 0.05, seed=3)
    assert found is not None
    learn = np.random.default_rng(3).permutation(600) % 2 == 0
    means = np.stack([x[learn & (group == k)].mean(axis=0) for k in range(3)]).astype(np.float64)
    inverse = np.linalg.inv(shrunk(x[learn] - means[group[learn]])[0])
    queries = samples(20, 1)[0].astype(np.float64)
    expected = [min(mahalanobis(q, mean, inverse) for mean in means) for q in queries]
    np.testing.assert_allclose(distances(queries, found.means, found.whiten), expected, rtol=1e-4)
    held = np.sort(distances(x[~learn], found.means, found.whiten))
    assert found.config.limit == held[int(np.ceil(301 * 0.95)) - 1]
    assert (found.config.groups, found.config.rate) == (3, 0.05)


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2])
def test_of_new_samples_of_the_same_kind_the_promised_share_is_strange(rate: float) -> None:
    fresh = samples(20000, 7)[0]
    shares = []
    for seed in range(5):
        found = fit_ordinary(*samples(2000, 10 + seed), rate, seed=seed)
        assert found is not None
        shares.append((distances(fresh, found.means, found.whiten) > found.config.limit).mean())
    assert np.mean(shares) == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / 1000 / 5))


def test_the_limit_is_not_taken_from_the_samples_that_were_fitted() -> None:
    """With as many dimensions as samples, fitted ones lie far nearer than new ones."""
    rng = np.random.default_rng(0)
    spread = np.geomspace(0.01, 10, 60)
    x, new = ((rng.standard_normal((n, 60)) * spread).astype(np.float32) for n in (240, 4000))
    found = fit_ordinary(x, np.zeros(240, np.int64), 0.1, seed=0)
    assert found is not None
    assert (distances(new, found.means, found.whiten) > found.config.limit).mean() < 0.16
    learn = np.random.default_rng(0).permutation(240) % 2 == 0
    fitted = np.quantile(distances(x[learn], found.means, found.whiten), 0.9)
    assert (distances(new, found.means, found.whiten) > fitted).mean() > 0.2


def test_too_few_or_equal_samples_give_nothing() -> None:
    x, group = samples(FEW, 0)
    assert fit_ordinary(x[:-1], group[:-1], 0.5, seed=0) is None
    assert fit_ordinary(x, group, 0.05, seed=0) is not None
    assert fit_ordinary(x, group, 0.01, seed=0) is None  # of 20 samples none can be the hundredth
    assert fit_ordinary(np.ones((FEW, 3), np.float32), group, 0.5, seed=0) is None
