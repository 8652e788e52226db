"""What to label next, rule by rule: against slow loops, and by hand."""

import numpy as np
import pytest

from benchmarks.sampling_rules import (
    at_random,
    cluster_margin,
    core_set,
    margins,
    typical,
    uncertain,
)


def labelled(count: int, *rows: int) -> np.ndarray:
    found = np.zeros(count, dtype=bool)
    found[list(rows)] = True
    return found


def unit(x: np.ndarray) -> np.ndarray:
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


P = np.array([[0.9, 0.1, 0.0], [0.4, 0.35, 0.25], [0.5, 0.1, 0.4], [0.34, 0.33, 0.33], [0.0, 0.2, 0.8]])


def test_margins_by_hand_and_the_smallest_first():
    np.testing.assert_allclose(margins(P), [0.8, 0.05, 0.1, 0.01, 0.6])
    assert uncertain(P, labelled(5, 3), 3).tolist() == [1, 2, 4]


def test_core_set_is_the_greedy_loop():
    rng = np.random.default_rng(0)
    x, known = rng.standard_normal((30, 3)).astype(np.float32), labelled(30, 4, 9)
    chosen: list[int] = []
    for _ in range(6):
        held = [4, 9, *chosen]
        chosen.append(
            max(
                (i for i in range(30) if i not in held),
                key=lambda i: min(np.linalg.norm(x[i] - x[j]) for j in held),
            )
        )
    assert core_set(x, known, 6).tolist() == chosen


def test_core_set_by_hand_and_of_copies():
    line = np.array([[0.0], [1.0], [5.0], [6.0], [10.0]], dtype=np.float32)
    assert core_set(line, labelled(5, 0), 2).tolist() == [4, 2]
    assert sorted(core_set(np.zeros((4, 2), dtype=np.float32), labelled(4, 1), 3).tolist()) == [0, 2, 3]
    assert len(set(core_set(line, labelled(5), 5, seed=1).tolist())) == 5


def test_typical_takes_the_largest_clusters_without_a_label_first():
    rng = np.random.default_rng(1)
    cluster = np.repeat([0, 1, 2, 3], [40, 30, 20, 4])
    x = unit(np.eye(6)[cluster] + 0.2 * rng.standard_normal((94, 6)))
    chosen = typical(x, cluster, labelled(94, 5), 3)
    assert cluster[chosen].tolist() == [1, 2, 0]  # 0 has a label already, 3 is too small
    inside = np.flatnonzero(cluster == 1)
    distance = np.sqrt(np.maximum(2 - 2 * x[inside] @ x[inside].T, 0))
    assert chosen[0] == inside[np.sort(distance, axis=1)[:, 1:21].mean(axis=1).argmin()]
    again = typical(x, cluster, labelled(94, 5), 8)
    assert len(set(again.tolist())) == 8
    assert 5 not in again


def test_cluster_margin_takes_one_a_cluster_small_ones_first():
    p = np.stack(
        [0.5 + np.arange(10) / 100, 0.5 - np.arange(10) / 100], axis=1
    )  # margins rise with the position
    cluster = np.array([0, 0, 0, 0, 1, 1, 2, 0, 3, 3])
    chosen = cluster_margin(p, cluster, labelled(10, 0), 4, pool=2)  # the pool: rows 1 to 8
    assert chosen.tolist() == [6, 8, 4, 1]


def test_random_is_of_the_others_each_once_and_by_seed():
    chosen = at_random(labelled(20, *range(10)), 10, 0)
    assert sorted(chosen.tolist()) == list(range(10, 20))
    assert at_random(labelled(20), 5, 0).tolist() != at_random(labelled(20), 5, 1).tolist()


def test_more_than_there_are_is_refused():
    with pytest.raises(ValueError, match="between 1 and 2"):
        at_random(labelled(3, 0), 3, 0)
