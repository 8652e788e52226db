"""Features in two dimensions: clusters stay apart, maps repeat, go on from the one before, and take in the rest."""

import numpy as np
import pytest

from pipelines.explorer import projection
from pipelines.explorer.projection import project


def clusters(count, seed=0):
    """[3 * count, 8] of unit length around three axes, and which axis."""
    of = np.arange(3 * count) % 3
    x = np.eye(8)[of] + np.random.default_rng(seed).normal(size=(3 * count, 8)) * 0.15
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), of


def ids(count):
    return [f"{(n * 7919) % 10007:05d}" for n in range(count)]


def purity(places, of):
    """Share of the samples whose nearest neighbour on the map is of their cluster."""
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    return float((of[distance.argmin(axis=1)] == of).mean())


def test_clusters_stay_apart_and_a_map_repeats():
    x, of = clusters(40)
    places = project(x, ids(120), {}, 0)
    assert places.shape == (120, 2)
    assert purity(places, of) == 1.0
    assert np.array_equal(places, project(x, ids(120), {}, 0))


def test_a_map_goes_on_from_the_one_before():
    """As many samples again: old ones stay where they were (centroids of the clusters turn by less than 30 degrees),
    which a map from scratch of a mirrored start would not."""
    x, of = clusters(40)
    first = project(x, ids(120), {}, 0)
    mirrored = first * [-1.0, 1.0]
    more, of_more = clusters(80)
    names = ids(240)
    for earlier in (first, mirrored):
        before = dict(zip(ids(120), map(tuple, earlier), strict=True))
        second = project(more, names, before, 0)
        old, new = (
            np.array([p[o == k].mean(axis=0) - p.mean(axis=0) for k in range(3)])
            for p, o in ((earlier, of), (second, of_more))
        )
        cosine = (old * new).sum(axis=1) / np.linalg.norm(old, axis=1) / np.linalg.norm(new, axis=1)
        assert cosine.min() > np.cos(np.pi / 6)


def test_other_samples_lie_at_or_between_their_nearest_landmarks(monkeypatch):
    monkeypatch.setattr(projection, "LANDMARKS", 60)
    x, of = clusters(40)
    x[100] = x[1]  # the same features as a landmark
    names = [f"{n:03d}" for n in range(120)]
    places = project(x, names, {}, 0)
    assert np.array_equal(places[:60], project(x[:60], names[:60], {}, 0))
    assert places[100] == pytest.approx(places[1], abs=1e-3)
    cosine = x[110] @ x[:60].T
    near = np.argsort(-cosine)[:5]
    weights = 1 / (2 - 2 * cosine[near].astype(float))
    assert places[110] == pytest.approx(
        (weights[:, None] * places[near]).sum(axis=0) / weights.sum(), rel=1e-3
    )
    assert purity(places, of) > 0.95


def test_landmarks_are_the_first_by_id_whatever_the_order(monkeypatch):
    monkeypatch.setattr(projection, "LANDMARKS", 30)
    x, _ = clusters(40)
    names = ids(120)
    chosen = np.argsort(names)[:30]
    lone = project(x[np.sort(chosen)], [names[k] for k in np.sort(chosen)], {}, 0)
    assert np.array_equal(project(x, names, {}, 0)[np.sort(chosen)], lone)


@pytest.mark.parametrize("size", [1, 2])
def test_few_samples_of_few_numbers(size):
    x = np.ones((4, size), dtype=np.float32) / np.sqrt(size)
    assert np.isfinite(project(x, list("abcd"), {}, 0)).all()
