"""The list of what to label: against a slow loop, and on a toy where one can see what should come first."""

import numpy as np
import pytest

from components.evaluation.labels.acquisition import Asking, expected_gain, groups_for, rank, typicality


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


def test_worth_is_the_root_of_the_size_times_what_confidence_lacks() -> None:
    group = np.array([4, 4, 4, 4, 7])
    np.testing.assert_allclose(expected_gain(group, np.array([0.5, 0.5, 0.5, 0.5, 0.0])), [1, 1])
    np.testing.assert_allclose(expected_gain(group, np.array([1.0, 0.8, 1.0, 0.8, 0.9])), [0.2, 0.1])


def test_a_group_without_a_label_comes_first_then_the_uncertain_one() -> None:
    x, group = toy()
    labelled = np.zeros(120, dtype=bool)
    labelled[[0, 40]] = True  # none in group 2
    confidence = np.select([group == 0, group == 1], [0.6, 0.9], 0.99)
    chosen = rank(x, group, confidence, labelled, Asking(count=5))
    assert group[chosen].tolist() == [2, 0, 1, 2, 0]
    assert chosen[0] == np.flatnonzero(group == 2)[typicality(x, group)[group == 2].argmax()]


def test_where_nothing_is_known_the_largest_comes_first_and_the_tiny_ones_last() -> None:
    x, group = toy((10, 60, 5, 30))
    none = np.zeros(105, dtype=bool)
    assert group[rank(x, group, np.zeros(105), none, Asking(count=6))].tolist() == [1, 3, 0, 1, 3, 0]
    small = rank(x, group, np.zeros(105), none, Asking(count=4, small=4))
    assert group[small].tolist() == [1, 3, 0, 2]
    doubt = np.where(group == 2, 0.0, 0.99)
    assert group[rank(x, group, doubt, none, Asking(count=1, small=4))].tolist() == [2]
    assert group[rank(x, group, doubt, none, Asking(count=1))].tolist() == [1]


def test_order_is_that_of_a_slow_greedy_loop() -> None:
    x, group = toy((25, 15, 20), spread=0.4, seed=3)
    rng = np.random.default_rng(1)
    confidence, labelled = rng.random(60), rng.random(60) < 0.1
    typical = typicality(x, group, 4)
    value = [np.sqrt((group == g).sum()) * (1 - confidence[group == g].mean()) for g in range(3)]
    expected: list[int] = []
    for _ in range(20):
        known = [*expected, *np.flatnonzero(labelled)]
        left = [
            i for i in range(60) if i not in known and all(np.linalg.norm(x[i] - x[j]) > 0.3 for j in known)
        ]
        if not left:
            break
        held = [sum(group[j] == g for j in known) for g in range(3)]
        expected.append(min(left, key=lambda i: (held[group[i]], -value[group[i]], -typical[i])))
    found = rank(x, group, confidence, labelled, Asking(count=20, neighbours=4, apart=0.3))
    assert found.tolist() == expected
    assert len(expected) > 10


def test_each_group_is_asked_once_before_any_is_asked_twice() -> None:
    x, group = toy((200, 7, 7))
    chosen = rank(x, group, np.zeros(214), np.zeros(214, dtype=bool), Asking(count=7, apart=0))
    assert group[chosen].tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_copies_are_asked_once_and_not_if_one_is_labelled() -> None:
    x, group = toy((20, 20))
    x[1:10], x[21:30] = x[0], x[20]
    labelled = np.zeros(40, dtype=bool)
    labelled[20] = True
    chosen = rank(x, group, np.full(40, 0.5), labelled, Asking(count=40))
    assert len(set(chosen.tolist())) == len(chosen)
    assert sum(i < 10 for i in chosen) == 1
    assert not any(20 <= i < 30 for i in chosen)
    assert np.isfinite(typicality(x, group)).all()


def test_as_many_groups_as_there_will_be_labels_and_no_more_than_different_samples() -> None:
    x, _ = toy((30, 30))
    labelled = np.arange(60) < 7
    assert groups_for(x, labelled, 5) == 12
    x[10:] = x[10]
    assert groups_for(x, labelled, 5) == 11
    assert groups_for(np.eye(600, dtype=np.float32), np.ones(600, dtype=bool), 50) == 500


def test_nothing_is_asked_where_all_is_labelled_and_sizes_must_agree() -> None:
    x, cluster = toy((5,))
    assert rank(x, cluster, np.ones(5), np.ones(5, dtype=bool)).tolist() == []
    with pytest.raises(ValueError, match="same samples needed"):
        rank(x, cluster, np.ones(4), np.ones(5, dtype=bool))
