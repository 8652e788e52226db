import math

import pytest
import torch

from components.modalities.image.geometry import crop_boxes, erase, grid, resample, turn

WHOLE = [0.0, 0.0, 1.0, 1.0]


def images(samples=3, channels=2, side=8):
    return torch.rand(samples, channels, side, side, generator=torch.Generator().manual_seed(0))


def boxes(*rows):
    return torch.tensor(rows)


def off(samples):
    return torch.zeros(samples, dtype=torch.bool)


@pytest.mark.parametrize("outside", ["border", "zeros"])
def test_a_crop_of_the_whole_is_the_sample(outside):
    x = images()
    torch.testing.assert_close(resample(x, grid(boxes(WHOLE, WHOLE, WHOLE), off(3), 8), outside=outside), x)


def test_the_flip_mirrors_columns_and_twice_gives_the_sample_back():
    x, both = images(1), boxes(WHOLE)
    flipped = resample(x, grid(both, ~off(1), 8))
    torch.testing.assert_close(flipped, x.flip(3))
    torch.testing.assert_close(resample(flipped, grid(both, ~off(1), 8)), x)


def test_a_crop_on_pixel_borders_is_a_slice():
    x = images(2)
    got = resample(x, grid(boxes([0.25, 0.5, 0.5, 0.5], [0.0, 0.125, 0.5, 0.5]), off(2), 4))
    torch.testing.assert_close(got[0], x[0, :, 4:8, 2:6])
    torch.testing.assert_close(got[1], x[1, :, 1:5, 0:4])


def test_a_flipped_crop_is_the_mirrored_crop():
    x, box = images(1), boxes([0.25, 0.5, 0.5, 0.5])
    torch.testing.assert_close(resample(x, grid(box, ~off(1), 4)), x[:, :, 4:8, 2:6].flip(3))


def test_enlarging_interpolates_and_does_not_darken_the_edge():
    x = torch.tensor([0.0, 1.0]).expand(1, 1, 2, 2)
    got = resample(x, grid(boxes(WHOLE), off(1), 4))[0, 0, 0]
    torch.testing.assert_close(got, torch.tensor([0.0, 0.25, 0.75, 1.0]))


@pytest.mark.parametrize("aspect", [1.0, 1.5])
def test_boxes_have_the_area_and_shape_asked_for_and_lie_inside(aspect):
    u = torch.rand(4, 200, generator=torch.Generator().manual_seed(0))
    area, ratio = 0.1 + 0.4 * u[0], 0.75 + u[1] * 0.5
    left, top, width, height = crop_boxes(area, ratio, u[2], u[3], aspect).unbind(1)
    torch.testing.assert_close(width * height, area)
    torch.testing.assert_close(width / height * aspect, ratio)
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (left + width <= 1 + 1e-6).all()
    assert (top + height <= 1 + 1e-6).all()


def test_a_box_that_would_not_fit_is_clamped_to_the_sample():
    one = torch.ones(1)
    box = crop_boxes(one, 2 * one, one, one)[0]
    torch.testing.assert_close(box, torch.tensor([0.0, 1 - math.sqrt(0.5), 1.0, math.sqrt(0.5)]))


@pytest.mark.parametrize(("degrees", "turns"), [(90.0, -1), (180.0, 2), (-90.0, 1), (0.0, 0)])
def test_a_quarter_turn_is_rot90(degrees, turns):
    x = images(1)
    positions = turn(grid(boxes(WHOLE), off(1), 8), torch.tensor([degrees]), torch.zeros(1, 2))
    torch.testing.assert_close(resample(x, positions), x.rot90(turns, (2, 3)), atol=1e-5, rtol=1e-5)


def test_a_shift_by_a_quarter_moves_two_pixels_of_eight_and_shows_black():
    x = images(1)
    positions = turn(grid(boxes(WHOLE), off(1), 8), torch.zeros(1), torch.tensor([[0.25, 0.0]]))
    got = resample(x, positions, outside="zeros")
    torch.testing.assert_close(got[..., :6], x[..., 2:])
    assert (got[..., 6:] == 0).all()


def test_a_turn_keeps_right_angles_on_a_wide_sample():
    x = torch.zeros(1, 1, 4, 8)
    x[0, 0, 1, 5] = (
        1.0  # 1.5 pixels right of the centre, 0.5 above it: a quarter turn takes it 0.5 right, 1.5 down
    )
    rows, columns = (torch.arange(4) + 0.5) / 2 - 1, (torch.arange(8) + 0.5) / 4 - 1
    positions = torch.stack(torch.meshgrid(rows, columns, indexing="ij")[::-1], dim=2)[None]
    got = resample(x, turn(positions, torch.tensor([90.0]), torch.zeros(1, 2), aspect=2.0), outside="zeros")
    assert got[0, 0].nonzero().tolist() == [[3, 4]]


def test_erase_blacks_out_exactly_the_box_of_the_chosen():
    x = torch.ones(2, 3, 8, 8)
    got = erase(x, boxes([0.25, 0.5, 0.5, 0.25], [0.0, 0.0, 1.0, 1.0]), torch.tensor([True, False]))
    expected = torch.ones(2, 3, 8, 8)
    expected[0, :, 4:6, 2:6] = 0
    assert torch.equal(got, expected)
    assert (x == 1).all()
