"""The mean of the nearest labels: slow loops, and the choice of k."""

import numpy as np
import pytest

from components.evaluation.regression.nearest import choose_k, nearest_mean, squared_distances

RNG = np.random.default_rng(2)
BANK, TARGETS, ASKED = RNG.normal(0, 1, (25, 3)), RNG.normal(0, 1, 25), RNG.normal(0, 1, (6, 3))


def test_distances_and_means_are_those_of_a_plain_loop() -> None:
    apart = np.array([[((a - b) ** 2).sum() for b in BANK] for a in ASKED])
    np.testing.assert_allclose(squared_distances(ASKED, BANK), apart, atol=1e-12)
    for k in (1, 4):
        expected = [TARGETS[np.argsort(row)[:k]].mean() for row in apart]
        np.testing.assert_allclose(nearest_mean(BANK, TARGETS, ASKED, k), expected)


def test_no_label_is_its_own_neighbour() -> None:
    k, held = choose_k(BANK, TARGETS, grid=(1,))
    for out in range(25):
        use = np.arange(25) != out
        assert held[out] == nearest_mean(BANK[use], TARGETS[use], BANK[[out]], k)[0]


def test_the_k_with_the_smallest_error_is_taken() -> None:
    line = np.linspace(0, 1, 41)[:, None]
    assert choose_k(line, line[:, 0])[0] <= 3
    noise = RNG.normal(0, 1, 41)
    errors = {k: ((choose_k(line, noise, grid=(k,))[1] - noise) ** 2).mean() for k in (1, 5, 20)}
    assert choose_k(line, noise, grid=(1, 5, 20))[0] == min(errors, key=lambda k: errors[k])
    assert errors[20] < errors[1]
    assert choose_k(line[:2], line[:2, 0])[0] == 1
    with pytest.raises(ValueError, match="two labels at least"):
        choose_k(line[:1], line[:1, 0])
