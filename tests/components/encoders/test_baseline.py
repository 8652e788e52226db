"""Features of the plain baseline: those of the encoder on clean views, whatever the batch; what it takes in first."""

import numpy as np
import pytest
import torch

from components.data.packed import PackedArray
from components.encoders import baseline, build_encoder
from components.encoders.baseline import baseline_config, baseline_encoder, baseline_features
from components.encoders.pixels import Pixels, PixelsConfig
from components.evaluation.classification.baselines import pixels
from components.modalities.image.config import image_packing
from components.modalities.image.views import ImageViews


def images(rows: int = 10, side: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (rows, 3, side, side), dtype=np.uint8)


def maker(side: int = 8) -> ImageViews:
    return ImageViews(image_packing(3, [0.1] * 3, [0.9] * 3, size=side))


@pytest.mark.parametrize(("side", "kept"), [(8, 8), (32, 32), (64, 32)])
def test_of_images_they_are_the_pixels_with_which_other_baselines_are_fitted(side: int, kept: int) -> None:
    array, views = images(4, side), maker(side)
    packed = PackedArray(array, np.arange(4))
    assert baseline_config(views) == PixelsConfig(side=kept)
    encoder = baseline_encoder(packed, views)
    assert type(encoder) is Pixels
    assert not encoder.training
    found = baseline_features(encoder, packed, views)
    assert found.shape == (4, 3 * kept**2)
    np.testing.assert_allclose(found, pixels(array), atol=1e-6)


@pytest.mark.parametrize("batch", [1, 3, 1024])
def test_positions_count_the_packed_samples_in_any_order(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(baseline, "BATCH", batch)
    array, views = images(), maker()
    packed = PackedArray(array, np.array([9, 7, 5, 3]))
    encoder = build_encoder(PixelsConfig(side=8), views.packing)
    flat = array.reshape(10, -1) / 255
    np.testing.assert_allclose(baseline_features(encoder, packed, views), flat[[9, 7, 5, 3]], atol=1e-6)
    found = baseline_features(encoder, packed, views, np.array([3, 0, 3]))
    np.testing.assert_allclose(found, flat[[3, 9, 3]], atol=1e-6)
    assert baseline_features(encoder, packed, views, np.array([], dtype=np.int64)).shape == (0, 192)


def test_it_takes_in_every_training_sample_once_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standardised columns, say, are fitted on clean views of the packed rows, batch by batch."""
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(baseline, "BATCH", 2)
    monkeypatch.setattr(Pixels, "fit", lambda self, views: seen.extend(views))
    array = images()
    baseline_encoder(PackedArray(array, np.array([8, 2, 4])), maker())
    assert [len(view) for view in seen] == [2, 1]
    torch.testing.assert_close(torch.cat(seen), torch.from_numpy(array[[8, 2, 4]]).float() / 255)
