import numpy as np
import pytest

from benchmarks.unseen.image_set import finished
from benchmarks.unseen.sets.generated_textures import GENERATORS, generate
from benchmarks.unseen.sets.textures import CROP, crops, generated


def test_the_set_has_200_images_a_class_and_60_of_them_for_the_test(tmp_path):
    found = finished(generated(0, tmp_path), 0)
    assert found.images.shape == (2400, 32, 32)
    assert np.bincount(found.labels).tolist() == [200] * 12
    assert np.bincount(found.labels[found.test]).tolist() == [60] * 12


@pytest.mark.parametrize("name", GENERATORS)
def test_a_texture_is_the_same_for_a_seed_and_has_contrast(name):
    one, again, other = (generate(name, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert 20 < one.std() < 60


def directions(name):
    """Share of the gradient's energy along the rows, mean over many images."""
    images = [generate(name, np.random.default_rng(seed)).astype(float) for seed in range(300)]
    along = sum(np.square(np.diff(image, axis=1)).sum() for image in images)
    across = sum(np.square(np.diff(image, axis=0)).sum() for image in images)
    return along / (along + across)


@pytest.mark.parametrize("name", ["stripes", "fibres", "zigzag"])
def test_orientations_are_random(name):
    assert directions(name) == pytest.approx(0.5, abs=0.05)


def test_test_crops_share_no_pixel_with_training_crops():
    image = np.arange(200 * 60, dtype=np.uint32).reshape(200, 60)  # each pixel has a value of its own
    made, labels, test = crops([image, image + 10**6], (50, 20), np.random.default_rng(0))
    assert made.shape == (140, CROP, CROP)
    assert np.bincount(labels).tolist() == [70, 70]
    assert test.sum() == 40
    assert made[(labels == 0) & ~test].max() < 140 * 60 <= made[(labels == 0) & test].min()
