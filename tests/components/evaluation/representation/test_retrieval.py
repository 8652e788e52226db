"""Retrieval: by hand, and against a slow loop and scikit-learn's ranking of whole lists."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from components.evaluation.representation.retrieval import average_precision_at_r, retrieve


def circle(*degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_precision_at_r_by_hand():
    assert average_precision_at_r(np.array([True, False, True, True]), 3) == pytest.approx((1 + 2 / 3) / 3)
    assert average_precision_at_r(np.array([False, False, True, True]), 2) == 0
    assert average_precision_at_r(np.array([True, True]), 2) == 1


def test_where_all_relevant_are_among_the_first_r_it_is_scikit_learns():
    hits = np.array([True, True, True, False, False])
    assert average_precision_at_r(hits, 3) == average_precision_score(hits, -np.arange(5)) == 1


def test_queries_in_a_gallery_by_hand():
    gallery, labels = circle(0, 10, 20, 180), np.array([0, 1, 0, 1])
    found = retrieve(gallery, labels, 5 * circle(2, 175), np.array([1, 1]), ks=(1, 2))
    # 2 degrees: 0, 10, 20, 180 -> miss, hit, miss, hit. 175: 180, 20, 10, 0 -> hit, miss, hit, miss.
    assert found.recall == {1: 0.5, 2: 1.0}
    assert found.reciprocal_rank == pytest.approx((1 / 2 + 1) / 2)
    assert found.map_at_r == pytest.approx((0.25 + 0.5) / 2)


def test_the_gallery_asks_itself_without_itself():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 5)), rng.integers(0, 4, 40)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    recall, mean, rank = [], [], []
    for i in range(40):
        order = [j for j in sorted(range(40), key=lambda j: -unit[i] @ unit[j]) if j != i]
        hits = [y[j] == y[i] for j in order]
        r = sum(hits)
        recall.append(any(hits[:5]))
        mean.append(sum(sum(hits[: n + 1]) / (n + 1) for n in range(r) if hits[n]) / r)
        rank.append(1 / (1 + hits.index(True)))
    found = retrieve(x, y, ks=(5,))
    assert found.recall[5] == pytest.approx(np.mean(recall))
    assert found.map_at_r == pytest.approx(np.mean(mean))
    assert found.reciprocal_rank == pytest.approx(np.mean(rank))


def test_queries_without_any_of_their_class_do_not_count():
    gallery, labels = circle(0, 10), np.array([0, 0])
    assert retrieve(gallery, labels, circle(0, 5), np.array([0, 7])).recall[1] == 1.0
    with pytest.raises(ValueError, match="no query has"):
        retrieve(gallery, labels, circle(0), np.array([7]))
