import math

import pytest
import torch

from components.encoders import build_encoder
from components.encoders.vit import VitConfig
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.objectives.base import Batch
from components.objectives.mae import hidden_error
from components.objectives.maskfeat import Maskfeat, MaskfeatConfig, hog
from components.objectives.parts.masks import largest, priorities

VIT = VitConfig(width=16, depth=1, heads=2, patch=4)


def make(config=MaskfeatConfig(), vit=VIT):  # noqa: B008 - frozen
    torch.manual_seed(0)
    encoder = build_encoder(vit, image_packing(1, [0.4], [0.25]))
    return encoder, Maskfeat(config, encoder)


def slow_hog(image, cell, orientations):
    """One channel [S, S] -> [N, S / cell, S / cell], pixel by pixel."""
    side = len(image)

    def at(i, j):  # reflected: -1 is 1, S is S - 2
        i, j = (abs(k) if k < side else 2 * (side - 1) - k for k in (i, j))
        return float(image[i][j])

    found = torch.zeros(orientations, side // cell, side // cell, dtype=torch.float64)
    for i in range(side):
        for j in range(side):
            across, down = at(i, j + 1) - at(i, j - 1), at(i + 1, j) - at(i - 1, j)
            bin_ = math.floor(math.atan2(across, down) / math.pi * orientations) % orientations
            found[bin_, i // cell, j // cell] += math.hypot(across, down)
    return found / found.square().sum(0).sqrt().clamp(min=1e-12)


@pytest.mark.parametrize(("cell", "orientations"), [(4, 9), (2, 6)])
def test_hog_equals_a_loop_over_pixels(cell, orientations):
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = hog(x, cell, orientations)
    for b in range(2):
        for c in range(3):
            torch.testing.assert_close(found[b, c], slow_hog(x[b, c], cell, orientations))


@pytest.mark.parametrize("sign", [1, -1])
def test_ramps_fall_into_known_bins_whatever_their_sign(sign):
    ramp = sign * torch.arange(8.0).expand(1, 1, 8, 8) / 8
    across, down = hog(ramp, 4, 9), hog(ramp.mT, 4, 9)
    one = torch.ones(2, 2)
    torch.testing.assert_close(across[0, 0, 4], one)
    torch.testing.assert_close(down[0, 0, 0], one)
    assert across[0, 0].sum() == down[0, 0].sum() == pytest.approx(4)


def test_brightness_and_contrast_do_not_matter_and_a_constant_is_zero():
    x = torch.rand(1, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(hog(0.3 * x + 0.5, 4, 9), hog(x, 4, 9))
    assert not hog(torch.full((1, 2, 8, 8), 0.3), 4, 9).any()


@pytest.mark.parametrize(("cell", "numbers"), [(None, 9), (2, 36)])
def test_the_loss_is_the_error_of_the_histograms_of_hidden_patches(cell, numbers):
    encoder, objective = make(MaskfeatConfig(cell=cell))
    x, index = torch.rand(2, 1, 16, 16), torch.arange(2)
    chance = objective.chance
    fine, coarse = chance.uniform(index, 4, 4, stream=1), chance.uniform(index, 2, 2)
    hidden = largest(priorities(fine, coarse, 2), 0.4)
    assert hidden.sum(1).tolist() == [6, 6]
    prediction = objective.leave(encoder.tokens(x, masked=hidden, token=objective.token))
    size = cell or 4
    target = torch.zeros(2, 16, numbers)
    for b in range(2):
        cells = hog(x, size, 9)[b, 0]
        for patch in range(16):
            row, column = (4 // size * place for place in divmod(patch, 4))
            square = cells[:, row : row + 4 // size, column : column + 4 // size]
            target[b, patch] = square.flatten()
    loss = objective(encoder, Batch([x], index)).total
    torch.testing.assert_close(loss, hidden_error(prediction, target, hidden))


def test_hidden_patches_are_targets_alone():
    encoder, objective = make()
    x, index = torch.rand(2, 1, 16, 16, requires_grad=True), torch.arange(2)
    objective(encoder, Batch([x], index)).total.backward()
    fine, coarse = (
        objective.chance.uniform(index, 4, 4, stream=1),
        objective.chance.uniform(index, 2, 2),
    )
    hidden = largest(priorities(fine, coarse, 2), 0.4).view(2, 4, 4)
    pixels = hidden.repeat_interleave(4, 1).repeat_interleave(4, 2)
    assert torch.equal(x.grad[:, 0] != 0, ~pixels)


def test_defaults_are_the_published_ones_and_cells_must_fill_a_patch():
    config = MaskfeatConfig()
    assert (config.hidden, config.orientations) == (0.4, 9)
    published = VitConfig(width=16, depth=1, heads=2, patch=16)
    assert make(MaskfeatConfig(cell=8), published)[1].leave.out_features == 4 * 9
    with pytest.raises(UserError, match="patch of 4 and cells of 3 pixels"):
        make(MaskfeatConfig(cell=3))
