"""Corruptions: the published severities, scipy's blur, and what each leaves alone."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from components.evaluation.classification import corruptions
from components.evaluation.classification.corruptions import (
    NAMES,
    blur,
    contrast,
    corrupt,
    noise,
    robustness,
    rotated,
)


def picture(count: int = 3, side: int = 16, channels: int = 2) -> torch.Tensor:
    return torch.rand(
        count, channels, side, side, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )


def test_the_severities_are_those_of_the_source():
    assert corruptions.NOISE == (0.04, 0.06, 0.08, 0.09, 0.10)
    assert corruptions.BLUR == (0.4, 0.6, 0.7, 0.8, 1.0)
    assert corruptions.CONTRAST == (0.75, 0.5, 0.4, 0.3, 0.15)


@pytest.mark.parametrize("sigma", [0.4, 1.0])
def test_blur_is_scipys(sigma):
    x = picture()
    peer = np.stack([[gaussian_filter(c, sigma, mode="nearest", radius=max(1, int(np.ceil(4 * sigma))))
                      for c in image] for image in x.numpy()])  # fmt: skip
    np.testing.assert_allclose(blur(x, sigma).numpy(), peer, atol=1e-12)


def test_contrast_keeps_the_mean_and_that_share_of_the_deviation():
    x = picture()
    found = contrast(x, 0.4)
    torch.testing.assert_close(found.mean(dim=(2, 3)), x.mean(dim=(2, 3)))
    torch.testing.assert_close(found.std(dim=(2, 3)), 0.4 * x.std(dim=(2, 3)))


def test_noise_has_its_deviation_and_is_repeated():
    grey = torch.full((4, 1, 64, 64), 0.5)
    first, again = (noise(grey, 0.08, torch.Generator().manual_seed(1)) for _ in range(2))
    assert float((first - grey).std()) == pytest.approx(0.08, rel=0.03)
    torch.testing.assert_close(first, again)
    assert float(noise(grey, 5.0, torch.Generator().manual_seed(1)).min()) >= 0


def test_rotation_by_a_right_angle_is_rot90():
    x = picture()
    torch.testing.assert_close(rotated(x, 90), torch.rot90(x, 1, (2, 3)))
    torch.testing.assert_close(rotated(x, 0), x)


@pytest.mark.parametrize("name", NAMES)
def test_more_severe_is_farther_from_the_picture(name):
    x = blur(picture(side=24), 3.0)
    apart = [float((corrupt(x, name, s) - x).square().mean()) for s in range(1, 6)]
    assert apart == sorted(apart)
    assert 0 < apart[0] < apart[-1]


def test_accuracy_falls_where_what_is_looked_at_is_harmed():
    """A classifier by mean brightness: contrast and rotation leave it alone, noise hardly; clean it is right."""
    images = torch.cat([torch.full((5, 1, 8, 8), 0.3), torch.full((5, 1, 8, 8), 0.7)])
    labels = torch.tensor([0] * 5 + [1] * 5)
    bright = lambda x: torch.stack([0.5 - x.mean(dim=(1, 2, 3)), x.mean(dim=(1, 2, 3)) - 0.5], dim=1)  # noqa: E731
    found = robustness(bright, images, labels, batch=3)
    assert found == {"clean": [1.0], **{name: [1.0] * 5 for name in NAMES}}
    corner = lambda x: torch.stack([x[:, 0, 0, 0], x[:, 0, 4, 4]], dim=1)  # noqa: E731
    spot = torch.zeros(6, 1, 8, 8)
    spot[:, 0, 4, 4] = 0.02  # a faint spot, which noise hides
    assert robustness(corner, spot, torch.ones(6, dtype=torch.long))["noise"][4] < 1


def test_what_there_is_not_is_refused():
    with pytest.raises(ValueError, match="severity from 1 to 5"):
        corrupt(picture(), "noise", 6)
