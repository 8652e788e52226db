"""Copies of an image are found, different images are not."""

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from components.modalities.image.config import ImageConfig
from components.modalities.image.near_duplicates import cells, groups
from components.modalities.image.pack import decode

CONFIG = ImageConfig(size=32, channels=1)


def saved(pixels: np.ndarray, form: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """[1797, 1, 32, 32]: the digits of scikit-learn, enlarged."""
    files = [saved((image * 255 / 16).astype(np.uint8)) for image in load_digits().images]
    return np.stack([decode(data, CONFIG) for data in files])


def rows(count: int) -> list[int]:
    return list(range(count))


def test_cells_are_averages_of_grey() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 30, 30), dtype=np.uint8)
    grey = images[:, 0] * 0.299 + images[:, 1] * 0.587 + images[:, 2] * 0.114
    found = cells(images, 4)  # squares of 8 pixels, the last of 6
    assert found.shape == (2, 4, 4)
    assert found[1, 0, 1] == pytest.approx(grey[1, :8, 8:16].mean(), abs=1e-3)
    assert found[0, 3, 3] == pytest.approx(grey[0, 24:, 24:].mean(), abs=1e-3)
    assert np.allclose(cells(images[:, :1, :8, :8], 16), images[:, 0, :8, :8])


def test_different_digits_are_no_near_duplicates(digits: np.ndarray) -> None:
    assert groups(digits).tolist() == rows(len(digits))


@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {"compress_level": 1}), ("JPEG", {"quality": 95}), ("JPEG", {"quality": 75}), ("WEBP", {})],
)
def test_a_copy_saved_again_is_found(digits: np.ndarray, form: str, options: dict[str, int]) -> None:
    copies = np.stack([decode(saved(image[0], form, **options), CONFIG) for image in digits[::20]])
    found = groups(np.concatenate([digits, copies]))
    assert found[: len(digits)].tolist() == rows(len(digits))
    assert found[len(digits) :].tolist() == rows(len(digits))[::20]


def test_a_copy_of_another_size_is_found(digits: np.ndarray) -> None:
    large = [np.asarray(Image.fromarray(image[0]).resize((80, 80))) for image in digits[::20]]
    copies = np.stack([decode(saved(image), CONFIG) for image in large])
    found = groups(np.concatenate([digits, copies]))
    assert np.mean(found[len(digits) :] == rows(len(digits))[::20]) > 0.95


def test_a_small_defect_is_a_difference() -> None:
    """A part photographed twice, once with a scratch: equal in 99 % of its pixels."""
    part = np.zeros((1, 32, 32), np.uint8)
    part[0, 8:24, 8:24] = 200
    scratched = part.copy()
    scratched[0, 10:13, 10:13] = 90
    assert groups(np.stack([part, scratched])).tolist() == [0, 1]


def test_with_little_contrast_only_equal_pixels_count() -> None:
    plain = np.full((1, 32, 32), 100, np.uint8)
    faint = plain.copy()
    faint[0, 8:24, 8:24] = 108
    assert groups(np.stack([plain, faint, plain, faint])).tolist() == [0, 1, 0, 1]


def test_many_copies_of_one_are_one_group(digits: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(-2, 3, (60, 1, 32, 32))
    copies = np.clip(digits[7].astype(int) + noise, 0, 255).astype(np.uint8)
    found = groups(np.concatenate([digits[:50], copies]))
    assert found.tolist() == rows(50) + [7] * 60


def test_chains_are_one_group_named_by_its_first_member() -> None:
    """Each is a near-duplicate of the next only."""
    steps = np.stack([np.full((1, 32, 32), 20 + 10 * k, np.uint8) for k in range(4)])
    steps[:, :, :16] = 250
    assert groups(steps[[3, 1, 0, 2]]).tolist() == [0, 0, 0, 0]
    assert groups(steps[[0, 2]]).tolist() == [0, 1]


def test_no_sample_and_one_sample() -> None:
    assert groups(np.zeros((0, 1, 8, 8), np.uint8)).tolist() == []
    assert groups(np.zeros((1, 1, 8, 8), np.uint8)).tolist() == [0]


def test_reading_in_parts_changes_nothing(digits: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.concatenate([digits[:200], digits[:200]])
    whole = groups(images)
    monkeypatch.setattr("components.modalities.image.near_duplicates.CHUNK", 5000)
    assert groups(images).tolist() == whole.tolist() == rows(200) * 2
