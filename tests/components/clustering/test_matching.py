from itertools import permutations

import numpy as np
import pytest

from components.clustering.matching import churn, match_samples, rename
from components.errors import UserError


def test_match_is_the_best_of_all_permutations():
    rng = np.random.default_rng(0)
    for _ in range(10):
        old, new = rng.integers(5, size=(2, 300))
        shared = np.array([[((new == j) & (old == k)).sum() for k in range(5)] for j in range(5)])
        partners = match_samples(old, new, 5, 5)
        assert sorted(partners) == list(range(5))
        best = max(sum(shared[j, p[j]] for j in range(5)) for p in permutations(range(5)))
        assert shared[range(5), partners].sum() == best


def test_new_clusters_get_new_ids():
    partners = match_samples([0, 0, 1, 1, 1], [2, 2, 1, 1, 3], 2, 4)
    assert partners.tolist() == [-1, 1, 0, -1]
    assert rename(partners).tolist() == [2, 1, 0, 3]
    assert rename(partners, np.array([7, 9]), 12).tolist() == [12, 9, 7, 13]


def test_lost_clusters_give_their_ids_to_nobody():
    assert rename(match_samples([0, 1, 2], [1, 1, 0], 3, 2)).tolist()[0] == 2


def test_match_samples_goes_by_what_is_shared():
    old = [0, 0, 0, 1, 1, 2]
    new = [1, 1, 0, 0, 0, 2]
    assert match_samples(old, new, 3, 3).tolist() == [1, 0, 2]
    assert match_samples(old, new, 3, 4).tolist() == [1, 0, 2, -1]


def test_clusters_that_share_nothing_are_no_pair():
    assert match_samples([0, 0], [1, 1], 2, 2).tolist() == [-1, 0]
    assert match_samples([], [], 2, 2).tolist() == [-1, -1]


def test_relabelled_clusters_have_no_churn():
    rng = np.random.default_rng(2)
    old = rng.integers(8, size=200)
    new = rng.permutation(8)[old]
    assert churn(old, new) > 0.5
    assert churn(old, rename(match_samples(old, new, 8, 8))[new]) == 0


def test_churn_counts_samples():
    assert churn([0, 1, 2, 2], [0, 1, 1, 0]) == 0.5
    assert churn([], []) == 0


def test_refuses_in_one_line():
    with pytest.raises(UserError, match="two clusters a sample"):
        match_samples([0], [0, 1], 2, 2)
    with pytest.raises(UserError, match="two clusters a sample"):
        churn([0], [0, 1])
