import numpy as np
import pytest

from components.evaluation.classification.baselines import (
    fit_plain,
    knn_on_pixels,
    logistic_on_pixels,
    pixels,
)
from components.evaluation.representation.clusters import agreement, nearest


def patterns(rows, seed, noise=30):
    """Three classes: which third of the picture is bright."""
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % 3
    images = rng.integers(0, noise, (rows, 1, 9, 9))
    for i, k in enumerate(labels):
        images[i, :, 3 * k : 3 * k + 3] += 120
    return images.astype(np.uint8), labels


def test_pixels_are_shares_of_white_in_row_order():
    images = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)
    np.testing.assert_allclose(pixels(images), images.reshape(2, -1) / 255, atol=1e-7)
    np.testing.assert_allclose(pixels(images, chunk=1), pixels(images))


def test_large_images_are_averaged_down():
    images = np.full((2, 3, 64, 64), 51, dtype=np.uint8)
    images[:, :, ::2] = 153
    flat = pixels(images)
    assert flat.shape == (2, 3 * 32 * 32)
    np.testing.assert_allclose(flat, 102 / 255, atol=1e-6)


def test_both_baselines_learn_what_the_pixels_show():
    (train, labels), (test, truth) = patterns(15, 0), patterns(60, 1)
    logits, choice = logistic_on_pixels(pixels(train), labels, pixels(test), 3)
    assert (logits.argmax(1) == truth).mean() == 1.0
    assert choice.accuracy == 1.0
    votes = knn_on_pixels(pixels(train), labels, pixels(test), 3)
    assert (votes.argmax(1) == truth).mean() == 1.0
    np.testing.assert_allclose(votes.sum(1), 1, atol=1e-6)


def test_one_label_a_class_is_enough():
    (train, labels), (test, truth) = patterns(3, 0), patterns(30, 1)
    logits, choice = logistic_on_pixels(pixels(train), labels, pixels(test), 3)
    assert choice.accuracy is None
    assert (logits.argmax(1) == truth).mean() == 1.0
    assert (knn_on_pixels(pixels(train), labels, pixels(test), 3).argmax(1) == truth).mean() == 1.0


def test_the_regression_is_one_linear_map_of_the_features_as_they_come():
    (train, labels), (test, _) = patterns(15, 0), patterns(60, 1)
    probe, asked = fit_plain(pixels(train), labels, 3), pixels(test)
    raw = probe.raw()
    np.testing.assert_allclose(asked @ raw.weight.T + raw.bias, probe.logits(asked), atol=1e-5)


def test_nearest_is_the_highest_cosine_not_the_shortest_way():
    centroids = np.array([[10.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    points = np.array([[1.0, 1.2], [0.1, 0.0], [0.0, 30.0]], dtype=np.float32)
    np.testing.assert_array_equal(nearest(points, centroids), [1, 0, 1])
    np.testing.assert_array_equal(
        nearest(points, centroids, centre=np.array([0.0, 2.0], dtype=np.float32)), [0, 0, 1]
    )


def test_agreement_of_renamed_clusters_is_perfect():
    labels = np.arange(12) % 3
    found = agreement((labels + 1) % 3, labels)
    assert found == {k: pytest.approx(1.0) for k in ("accuracy", "purity", "nmi", "ari")}
