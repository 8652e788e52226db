"""The list of what to label: against a slow loop, and on a toy where one can see what should come first."""

import numpy as np
import pytest

from components.evaluation.ask import Asking, rank, typicality, uncertainty, weight


def unit(x: np.ndarray) -> np.ndarray:
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def toy(sizes: tuple[int, ...] = (40, 40, 40), spread: float = 0.2, seed: int = 0):
    """Unit features around an axis of their own each; cluster k has sizes[k] samples."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    x = np.eye(8)[cluster] + spread * rng.standard_normal((len(cluster), 8))
    return unit(x), cluster.astype(np.int64)


def test_typicality_is_that_of_a_slow_loop() -> None:
    x, cluster = toy((30, 7, 1))
    found = typicality(x, cluster, neighbours=5)
    for name in (0, 1):
        rows, inverse = np.flatnonzero(cluster == name), []
        for i in rows:
            distances = sorted(float(np.linalg.norm(x[i] - x[j])) for j in rows if j != i)
            inverse.append(1 / np.mean(distances[:5]))
        np.testing.assert_allclose(found[rows], np.array(inverse) / max(inverse), rtol=1e-4)
    assert found[cluster == 2] == [1.0]


def test_uncertainty_is_one_without_a_label_and_else_what_confidence_lacks() -> None:
    cluster = np.array([0, 0, 1, 1, 1])
    found = uncertainty(cluster, np.array([0.9, 0.7, 0.9, 0.9, 0.9]), np.array([0, 1, 0, 0, 0], dtype=bool))
    np.testing.assert_allclose(found, [0.2, 0.2, 1, 1, 1])


def test_the_cluster_without_a_label_comes_first_then_the_uncertain_one() -> None:
    x, cluster = toy()
    labelled = np.zeros(120, dtype=bool)
    labelled[[0, 40]] = True  # none in cluster 2
    confidence = np.where(cluster == 0, 0.6, 0.95)
    chosen = rank(x, cluster, confidence, labelled, Asking(count=30, share=0.5))
    assert cluster[chosen[0]] == 2
    assert cluster[chosen].tolist().index(0) < cluster[chosen].tolist().index(1)
    assert chosen[0] == np.flatnonzero(cluster == 2)[typicality(x, cluster)[cluster == 2].argmax()]


def test_of_clusters_without_a_label_the_largest_comes_first() -> None:
    np.testing.assert_allclose(weight(np.array([7, 7, 7, 7, 2])), [1, 1, 1, 1, 0.5])
    x, cluster = toy((10, 60, 30))
    chosen = rank(x, cluster, np.zeros(100), np.zeros(100, dtype=bool), Asking(count=3, share=0.1))
    assert cluster[chosen].tolist() == [1, 2, 0]


def test_order_is_that_of_a_slow_greedy_loop() -> None:
    x, cluster = toy((25, 15, 20), spread=0.4, seed=3)
    rng = np.random.default_rng(1)
    confidence, labelled = rng.random(60), rng.random(60) < 0.1
    asking = Asking(count=20, share=0.4, neighbours=4, apart=0.3)
    score = uncertainty(cluster, confidence, labelled) * typicality(x, cluster, 4)
    score *= np.sqrt(np.array([25, 15, 20])[cluster] / 25)
    expected: list[int] = []
    while len(expected) < 20:
        best, value = -1, -1.0
        for i in range(60):
            mine = [j for j in expected if cluster[j] == cluster[i]]
            same = any(np.linalg.norm(x[i] - x[j]) <= 0.3 for j in [*expected, *np.flatnonzero(labelled)])
            if not labelled[i] and len(mine) < 8 and not same and score[i] / (1 + len(mine)) > value:
                best, value = i, score[i] / (1 + len(mine))
        if best < 0:
            break
        expected.append(best)
    assert rank(x, cluster, confidence, labelled, asking).tolist() == expected
    assert len(expected) > 10


def test_one_cluster_has_at_most_its_share() -> None:
    x, cluster = toy((200, 5, 5))
    none = np.zeros(210, dtype=bool)
    chosen = rank(x, cluster, np.zeros(210), none, Asking(count=20, share=0.25, apart=0))
    assert np.bincount(cluster[chosen]).tolist() == [5, 5, 5]


def test_copies_are_asked_once_and_not_if_one_is_labelled() -> None:
    x, cluster = toy((20, 20))
    x[1:10], x[21:30] = x[0], x[20]
    labelled = np.zeros(40, dtype=bool)
    labelled[20] = True
    chosen = rank(x, cluster, np.full(40, 0.5), labelled, Asking(count=40, share=1))
    assert len(set(chosen.tolist())) == len(chosen)
    assert sum(i < 10 for i in chosen) == 1
    assert not any(20 <= i < 30 for i in chosen)
    assert np.isfinite(typicality(x, cluster)).all()


def test_nothing_is_asked_where_all_is_labelled_and_sizes_must_agree() -> None:
    x, cluster = toy((5,))
    assert rank(x, cluster, np.ones(5), np.ones(5, dtype=bool)).tolist() == []
    with pytest.raises(ValueError, match="same samples needed"):
        rank(x, cluster, np.ones(4), np.ones(5, dtype=bool))
