from itertools import permutations

import numpy as np
import pytest

from components.clustering.matching import churn, match, match_samples, rename
from components.errors import UserError


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_match_is_the_best_of_all_permutations():
    rng = np.random.default_rng(0)
    for _ in range(10):
        old, new = rng.standard_normal((2, 5, 3))
        cosines = unit(new) @ unit(old).T
        best = max(permutations(range(5)), key=lambda p: sum(cosines[j, p[j]] for j in range(5)))
        assert match(old, new).tolist() == list(best)


def test_match_undoes_a_permutation_whatever_the_lengths():
    rng = np.random.default_rng(1)
    old = rng.standard_normal((6, 4))
    order = rng.permutation(6)
    assert match(old, old[order] * rng.uniform(0.1, 9, (6, 1))).tolist() == order.tolist()


def test_new_clusters_get_new_ids():
    old = np.eye(4)[:2]
    partners = match(old, np.eye(4)[[3, 1, 0, 2]])
    assert sorted(partners.tolist()) == [-1, -1, 0, 1]
    assert partners[1:3].tolist() == [1, 0]
    assert rename(partners).tolist() == [2, 1, 0, 3]
    assert rename(partners, np.array([7, 9]), 12).tolist() == [12, 9, 7, 13]


def test_lost_clusters_give_their_ids_to_nobody():
    ids = rename(match(np.eye(3), np.eye(3)[[2, 0]]))
    assert ids.tolist() == [2, 0]


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
    with pytest.raises(UserError, match="of one D"):
        match(np.eye(3), np.eye(2))
    with pytest.raises(UserError, match="finite"):
        match(np.eye(2), np.full((2, 2), np.nan))
    with pytest.raises(UserError, match="two clusters a sample"):
        churn([0], [0, 1])
