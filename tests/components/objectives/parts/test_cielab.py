"""Lab: known colours, the bins of the gamut, soft codes in a loop, gradients where the formula changes."""

import math

import numpy as np
import pytest
import torch

from components.objectives.parts.cielab import gamut, rgb_to_lab, soft_codes


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1, 1, 1), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (53.2408, 80.0925, 67.2032)),
        ((0, 1, 0), (87.7347, -86.1827, 83.1793)),
        ((0, 0, 1), (32.2970, 79.1875, -107.8602)),
        ((119 / 255, 119 / 255, 119 / 255), (50.0344, 0, 0)),
        ((1, 1, 0), (97.1393, -21.5537, 94.4780)),
        ((2 / 255, 2 / 255, 2 / 255), (0.5483, 0, 0)),  # on the straight pieces of both curves
    ],
)
def test_known_colours(rgb, lab):
    pixel = torch.tensor(rgb, dtype=torch.float64).reshape(1, 3, 1, 1)
    assert rgb_to_lab(pixel).flatten().tolist() == pytest.approx(lab, abs=0.002)


def test_every_pixel_by_itself():
    x = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    for b, i, j in ((0, 1, 2), (1, 3, 4)):
        alone = rgb_to_lab(x[b : b + 1, :, i : i + 1, j : j + 1])
        torch.testing.assert_close(rgb_to_lab(x)[b, :, i, j], alone.flatten())


def test_the_gradient_is_that_of_finite_differences_and_finite_at_black():
    x = torch.tensor([0.01, 0.3, 0.9], dtype=torch.float64).reshape(1, 3, 1, 1).requires_grad_()
    assert torch.autograd.gradcheck(rgb_to_lab, x)
    black = torch.zeros(1, 3, 1, 1, requires_grad=True)
    rgb_to_lab(black).sum().backward()
    assert torch.isfinite(black.grad).all()


def test_the_bins_are_those_that_some_colour_is_nearest_to():
    bins = gamut(10)
    assert bins.shape == (261, 2)
    assert (bins % 10 == 0).all()
    assert len({tuple(b) for b in bins.tolist()}) == 261
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.random((1, 3, 100, 100)), dtype=torch.float32)
    ab = rgb_to_lab(x)[0, 1:].flatten(1).T
    assert torch.cdist(ab, bins).min(dim=1).values.max() < 10 / math.sqrt(2) + 1


def test_soft_codes_in_a_loop():
    bins = gamut(20)
    ab = torch.tensor([[0.0, 0.0], [33.0, -41.0], [-10.0, 10.0]])
    codes = soft_codes(ab, bins, width=5.0, nearest=4)
    torch.testing.assert_close(codes.sum(dim=1), torch.ones(3))
    for row, (a, b) in enumerate(ab.tolist()[:2]):
        square = {q: (a - x) ** 2 + (b - y) ** 2 for q, (x, y) in enumerate(bins.tolist())}
        near = sorted(square.values())[:4]
        total = sum(math.exp(-s / 50) for s in near)
        for q, s in square.items():
            expected = math.exp(-s / 50) / total if s <= near[-1] else 0.0
            if square[q] != near[-1]:  # of equally far ones either may be taken
                assert codes[row, q].item() == pytest.approx(expected, abs=1e-5)
    assert codes[2].max() == pytest.approx(0.25)  # in the middle of four bins
