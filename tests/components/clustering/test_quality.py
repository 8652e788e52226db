from itertools import permutations
from math import log

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from components.clustering.quality import accuracy, ari, contingency, imbalance, nmi, purity
from components.errors import UserError

A = [0, 0, 0, 1, 1, 2, 2, 2]
B = [5, 5, 7, 7, 7, 9, 9, 5]


def test_contingency_by_hand():
    assert contingency(A, B).tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 2]]


def test_accuracy_tries_every_naming():
    rng = np.random.default_rng(0)
    for _ in range(10):
        a, b = rng.integers(4, size=30), rng.integers(4, size=30)
        best = max(np.mean([p[x] == y for x, y in zip(a, b, strict=True)]) for p in permutations(range(4)))
        assert accuracy(a, b) == pytest.approx(best)


def test_accuracy_and_purity_by_hand():
    assert accuracy(A, B) == pytest.approx(6 / 8)
    assert purity(A, B) == pytest.approx(6 / 8)
    assert accuracy([0, 1, 2, 3], [0, 0, 1, 1]) == pytest.approx(
        2 / 4
    )  # over-clustering counts as wrong here
    assert purity([0, 1, 2, 3], [0, 0, 1, 1]) == 1.0  # and not here


def test_nmi_by_hand_and_beside_sklearn():
    a, b = [0, 0, 1, 1], [0, 1, 1, 1]
    mutual = 0.25 * log(0.25 / (0.5 * 0.25)) + 0.25 * log(0.25 / (0.5 * 0.75)) + 0.5 * log(0.5 / (0.5 * 0.75))
    entropies = log(2) + (-0.25 * log(0.25) - 0.75 * log(0.75))
    assert nmi(a, b) == pytest.approx(2 * mutual / entropies)
    assert nmi(A, B) == pytest.approx(normalized_mutual_info_score(B, A))
    assert nmi(A, A) == pytest.approx(1)
    assert ari(A, B) == pytest.approx(adjusted_rand_score(B, A))


def test_imbalance_golden():
    assert imbalance([0, 1, 2, 3], 4) == 1.0
    assert imbalance([2, 2, 2, 2], 4) == 4.0
    assert imbalance([0, 0, 0, 1], 2) == pytest.approx(2 * (9 + 1) / 16)


@pytest.mark.parametrize("figure", [accuracy, purity, nmi, ari])
def test_refuses_unequal_lengths(figure):
    with pytest.raises(UserError, match="one cluster and one label"):
        figure([0, 1], [0, 1, 2])


def test_refuses_ids_beyond_the_clusters():
    with pytest.raises(UserError, match=r"\[0, 2\)"):
        imbalance([0, 2], 2)
