"""The simple models by hand, in slow loops and beside the published closed form."""

import numpy as np
import pytest

from components.evaluation.ranking import simple
from components.evaluation.ranking.histories import histories, histories_of
from components.evaluation.ranking.simple import ease, fits, item_knn, popularity, recency, transitions
from tests.components.modalities.events.toys import pack, turns

ITEMS = 6


def of(*words):
    """Histories of the letters a to f as items 0 to 5; the k-th event of each at time k."""
    return histories(
        [
            np.array([["abcdef".index(c) + 3, k] for k, c in enumerate(word)], float).reshape(-1, 2)
            for word in words
        ],
        ITEMS,
    )


MANY = of(*turns(40))


def test_histories_as_arrays():
    given = histories(
        [np.array([[3.0, 1], [1, 2], [4, 3], [3, 4]]), np.zeros((0, 2)), np.array([[4.0, 5]])], 2
    )
    assert given.user.tolist() == [0, 0, 0, 2]
    assert given.item.tolist() == [0, 1, 0, 1]
    assert given.chosen.toarray().tolist() == [[1, 1], [0, 0], [0, 1]]
    assert given.repeats == pytest.approx(0.25)
    assert histories([], 2).chosen.shape == (0, 2)


def test_only_what_comes_before_is_counted():
    packed, _packing, _ = pack(["abcd", "bcda"])
    assert len(histories_of(packed, 4).item) == 4
    assert len(histories_of(packed.before("test"), 4).item) == 6


def test_popularity_is_of_users_not_events():
    np.testing.assert_allclose(popularity(of("aaab", "ac"))["prior"], [1, 0.5, 0.5, 0, 0, 0])


def test_recency_counts_the_newest_tenth():
    given = of("a" * 18 + "bc")  # 20 events; the quantile .9 lies between the 18th and the 19th
    np.testing.assert_allclose(recency(given)["prior"], [0, 0.5, 0.5, 0, 0, 0])


def test_what_follows_an_item():
    found = transitions(of("abab", "ac", "d"))
    assert (found["near"][0, 0], found["near"][0, 1]) == (1, 2)
    np.testing.assert_allclose(found["weight"][0, :3], [0.9 * 2 / 3, 0.9 / 3, 0], rtol=1e-6)
    np.testing.assert_allclose(found["weight"][1, :2], [0.9, 0], rtol=1e-6)  # b is followed by a alone
    assert found["weight"][2].max() == 0  # c is the last item of its user
    np.testing.assert_allclose(found["prior"], [0.3 / 7, 0.2 / 7, 0.1 / 7, 0.1 / 7, 0, 0])


def test_cosines_of_items(monkeypatch):
    monkeypatch.setattr(simple, "BLOCK", 4)
    x = MANY.chosen.toarray()
    found = item_knn(MANY)
    full = np.zeros((ITEMS, ITEMS))
    np.put_along_axis(full, found["near"], found["weight"], axis=1)
    for i in range(ITEMS):
        for j in range(ITEMS):
            cosine = x[:, i] @ x[:, j] / np.sqrt((x[:, i] @ x[:, i]) * (x[:, j] @ x[:, j]))
            assert full[i, j] == pytest.approx(0 if i == j else cosine)


def test_the_strongest_alone_are_kept(monkeypatch):
    monkeypatch.setattr(simple, "NEIGHBOURS", 2)
    found = item_knn(of("abc", "ab", "ad"))
    assert found["near"].shape == (ITEMS, 2)
    assert found["near"][0].tolist() == [1, 2]
    np.testing.assert_allclose(found["weight"][0], [2 / np.sqrt(6), 1 / np.sqrt(3)], rtol=1e-6)


def test_ease_is_the_minimum_with_a_zero_diagonal():
    """Each column solves a ridge regression on all other items: the definition, not the closed form."""
    x, penalty = MANY.chosen.toarray(), 3.0
    full = ease(MANY, penalty)["full"]
    for item in range(ITEMS):
        others = [k for k in range(ITEMS) if k != item]
        rest = x[:, others]
        wanted = np.linalg.solve(rest.T @ rest + penalty * np.eye(ITEMS - 1), rest.T @ x[:, item])
        np.testing.assert_allclose(full[others, item], wanted, atol=1e-10)
        assert full[item, item] == 0


def test_ease_is_left_out_of_many_items():
    assert sum(name.startswith("ease") for name in fits(6000)) == 3
    assert list(fits(6001)) == ["popularity", "recency", "transitions", "item_knn"]
