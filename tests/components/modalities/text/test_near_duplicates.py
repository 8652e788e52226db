import time

import numpy as np
import pytest

from components.modalities.text import near_duplicates
from components.modalities.text.near_duplicates import groups, similarity
from components.modalities.text.packed import PackedTexts


def packed(texts):
    lengths = [len(text) for text in texts]
    return PackedTexts(np.concatenate(texts).astype(np.int32), np.cumsum([0, *lengths]))


def random_text(rng, length=60):
    return np.append(2, rng.integers(5, 5000, length))


def by_hand(a, b):
    runs = [{tuple(t[k : k + 3]) for k in range(len(t) - 2)} for t in (a.tolist(), b.tolist())]
    return len(runs[0] & runs[1]) / len(runs[0] | runs[1])


def test_similarity_is_jaccards_over_runs_of_three():
    assert similarity(np.array([1, 2, 3, 4]), np.array([1, 2, 3, 5])) == 1 / 3
    assert similarity(np.array([1, 2]), np.array([1, 2])) == 1
    assert similarity(np.array([1, 2]), np.array([1, 3])) == 0
    rng = np.random.default_rng(0)
    a = random_text(rng)
    b = np.concatenate([a[:40], random_text(rng)])
    assert similarity(a, b) == by_hand(a, b)


def test_copies_and_near_copies_join_their_first():
    rng = np.random.default_rng(0)
    a, b, c = (random_text(rng) for _ in range(3))
    changed = a.copy()
    changed[30] = 4999  # 3 of 59 runs
    found = groups(packed([a, b, a, changed, c, b[:-2]]))
    assert found.tolist() == [0, 1, 0, 0, 4, 1]


def test_other_texts_stay_apart():
    rng = np.random.default_rng(0)
    a, b = random_text(rng), random_text(rng)
    half = np.concatenate([a[:31], b[31:]])
    assert groups(packed([a, b, half, a[:4], b[:4]])).tolist() == [0, 1, 2, 3, 4]


def test_what_falls_into_one_bucket_by_chance_stays_apart(monkeypatch):
    monkeypatch.setattr(near_duplicates, "_keys", lambda texts: np.zeros((len(texts), 2), np.uint64))
    rng = np.random.default_rng(0)
    a = random_text(rng)
    assert groups(packed([a, random_text(rng), a, random_text(rng)])).tolist() == [0, 1, 0, 3]


def test_pairs_just_above_the_threshold_are_nearly_all_found():
    rng = np.random.default_rng(0)
    texts = []
    for _ in range(150):
        a = random_text(rng, 100)
        b = a.copy()
        b[[20, 50, 80]] = 4999
        assert by_hand(a, b) > 0.82
        texts += [a, b]
    found = groups(packed(texts))
    assert (found[1::2] == found[::2]).mean() > 0.95


def test_short_texts_count_whole():
    texts = [np.array(t) for t in ([2, 9], [2, 9], [2, 8], [2], [2])]
    assert groups(packed(texts)).tolist() == [0, 0, 2, 3, 3]


def test_nothing_and_one():
    assert groups(PackedTexts(np.zeros(0, np.int32), np.zeros(1, np.int64))).tolist() == []
    assert groups(packed([np.array([2, 7, 8])])).tolist() == [0]


@pytest.mark.slow
def test_many_copies_of_one_text_cost_no_more_than_others():
    rng = np.random.default_rng(0)
    a = random_text(rng)
    began = time.process_time()
    groups(packed([random_text(rng) for _ in range(4000)]))
    others = time.process_time() - began
    began = time.process_time()
    assert not groups(packed([a] * 4000)).any()
    assert time.process_time() - began < 5 * others + 1
