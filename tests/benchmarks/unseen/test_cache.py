import numpy as np
import pytest

from benchmarks.unseen import cache
from benchmarks.unseen.cache import load
from benchmarks.unseen.image_set import Images, ImageSet
from benchmarks.unseen.packages import Package
from components.errors import UserError


def image_set(build, packages=()):
    return ImageSet("some", "CC0", packages, "development", build, "task", "split")


def test_a_set_is_built_once_for_a_seed_and_again_when_its_code_changes(tmp_path, monkeypatch):
    built = []

    def build(seed, folder):
        built.append(seed)
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 4, 4), dtype=np.uint8)
        return Images(pixels, np.arange(40) % 2, ["a", "ä"], np.arange(40) < 12)

    first, again, other = (load(image_set(build), tmp_path, seed) for seed in (0, 0, 1))
    assert built == [0, 1]
    assert first.classes == again.classes == ["a", "ä"]
    for part in ("images", "labels", "test"):
        assert np.array_equal(getattr(first, part), getattr(again, part))
        assert getattr(first, part).dtype == getattr(again, part).dtype
    assert not np.array_equal(first.images, other.images)
    monkeypatch.setattr(cache, "_code_digest", lambda: "other")
    load(image_set(build), tmp_path)
    assert built == [0, 1, 0]


def test_a_set_whose_package_is_missing_is_not_built(tmp_path):
    lacking = (Package("PyPI", "some-data", "some_data/images.npz"),)
    with pytest.raises(UserError, match="needs packages that are not installed: some-data"):
        load(image_set(lambda seed, folder: pytest.fail("built"), lacking), tmp_path)
