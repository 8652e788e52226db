import colorsys
import math

import pytest
import torch
import torch.nn.functional as F

from components.modalities.image import colour


def images(samples=4, channels=3, side=8):
    return torch.rand(samples, channels, side, side, generator=torch.Generator().manual_seed(1))


def const(value, samples=4):
    return torch.full((samples,), value)


IDENTITIES = {
    "brightness": (colour.brightness, 1.0),
    "contrast": (colour.contrast, 1.0),
    "saturation": (colour.saturation, 1.0),
    "hue": (colour.hue, 0.0),
    "hue by a full turn": (colour.hue, 1.0),
    "grayscale": (colour.grayscale, 0.0),
    "gamma": (colour.gamma, 1.0),
    "solarise": (colour.solarise, 2.0),
    "blur": (colour.blur, 0.0),
}


@pytest.mark.parametrize("name", IDENTITIES)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_identity_parameters_give_the_input(name, channels):
    operation, value = IDENTITIES[name]
    x = images(channels=channels)
    torch.testing.assert_close(operation(x, const(value)), x, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("name", IDENTITIES)
def test_a_sample_s_result_does_not_depend_on_its_neighbours(name):
    operation, _ = IDENTITIES[name]
    x, values = images(), torch.tensor([0.3, 0.9, 1.4, 0.6])
    together = operation(x, values)
    for b in range(4):
        torch.testing.assert_close(operation(x[b : b + 1], values[b : b + 1])[0], together[b])


@pytest.mark.parametrize("name", IDENTITIES)
def test_the_input_is_not_changed(name):
    x = images()
    before = x.clone()
    IDENTITIES[name][0](x, const(0.5))
    assert torch.equal(x, before)


def test_brightness_scales():
    x = images()
    torch.testing.assert_close(colour.brightness(x, torch.tensor([0.5, 1.0, 2.0, 0.0]))[2], 2 * x[2])
    torch.testing.assert_close(colour.jitter(x, const(0.5), const(1.0), const(1.0), const(0.0)), x / 2)


def slow_luma(pixel):
    return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]


def test_contrast_and_saturation_equal_torchvision_s_blends_in_loops():
    x = images(1, side=4)
    got_contrast, got_saturation = colour.contrast(x, const(0.3, 1)), colour.saturation(x, const(0.3, 1))
    grey = [[float(slow_luma(x[0, :, i, j])) for j in range(4)] for i in range(4)]
    middle = sum(map(sum, grey)) / 16
    for i in range(4):
        for j in range(4):
            for c in range(3):
                value = float(x[0, c, i, j])
                assert float(got_contrast[0, c, i, j]) == pytest.approx(0.3 * value + 0.7 * middle, abs=1e-5)
                assert float(got_saturation[0, c, i, j]) == pytest.approx(
                    0.3 * value + 0.7 * grey[i][j], abs=1e-5
                )


@pytest.mark.parametrize("turns", [0.1, -0.25, 0.5])
def test_hue_turns_chroma_in_yiq_by_the_angle_and_keeps_luma(turns):
    x = images(1, side=3).double()
    got = colour.hue(x, torch.tensor([turns], dtype=torch.float64))
    cos, sin = math.cos(2 * math.pi * turns), math.sin(2 * math.pi * turns)
    to = torch.tensor(colour.YIQ, dtype=torch.float64)
    before, after = (torch.einsum("kc,bcij->kbij", to, v) for v in (x, got))
    torch.testing.assert_close(after[0], before[0])
    torch.testing.assert_close(after[1], cos * before[1] - sin * before[2])
    torch.testing.assert_close(after[2], sin * before[1] + cos * before[2])


def test_our_yiq_is_that_of_the_standard_library():
    for pixel in ((1.0, 0.0, 0.0), (0.2, 0.7, 0.4)):
        ours = torch.tensor(colour.YIQ) @ torch.tensor(pixel)
        assert ours.tolist() == pytest.approx(colorsys.rgb_to_yiq(*pixel), abs=0.01)


def test_grey_has_equal_channels_that_hold_the_luma():
    x = images()
    grey = colour.grayscale(x, torch.tensor([True, True, False, True]))
    torch.testing.assert_close(grey[0, 0], slow_luma(x[0]))
    torch.testing.assert_close(grey[0, 0], grey[0, 1])
    torch.testing.assert_close(grey[0, 0], grey[0, 2])
    torch.testing.assert_close(grey[2], x[2])


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_in_one_pass_equals_the_four_in_any_order(channels):
    x = images(channels=channels)
    b, c, s, h = (
        torch.linspace(low, high, 4) for low, high in ((0.6, 1.4), (1.4, 0.5), (0.2, 1.5), (-0.1, 0.4))
    )
    once = colour.jitter(x, b, c, s, h)
    forward = colour.hue(colour.saturation(colour.contrast(colour.brightness(x, b), c), s), h)
    backward = colour.brightness(colour.contrast(colour.saturation(colour.hue(x, h), s), c), b)
    torch.testing.assert_close(once, forward, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(once, backward, atol=1e-5, rtol=1e-5)


def test_gamma_is_the_power():
    x = images()
    torch.testing.assert_close(colour.gamma(x, const(2.0)), x * x)
    assert torch.isfinite(colour.gamma(torch.zeros(1, 1, 2, 2), const(0.1, 1))).all()


def test_solarise_inverts_from_the_threshold_on():
    x = torch.tensor([0.0, 0.49, 0.5, 0.9]).reshape(1, 1, 2, 2)
    torch.testing.assert_close(
        colour.solarise(x, const(0.5, 1)).flatten(), torch.tensor([0.0, 0.49, 0.5, 0.1])
    )


@pytest.mark.parametrize(("side", "radius"), [(8, 1), (32, 2), (60, 3)])
def test_blur_equals_a_convolution_with_the_mirrored_edge(side, radius):
    x, sigma = images(2, 3, side), torch.tensor([0.5, 1.7])
    got = colour.blur(x, sigma)
    for b in range(2):
        steps = torch.arange(-radius, radius + 1.0)
        kernel = torch.exp(-(steps**2) / (2 * sigma[b] ** 2))
        kernel = kernel / kernel.sum()
        wide = F.pad(x[b].unsqueeze(1), (radius,) * 4, mode="reflect")
        slow = F.conv2d(wide, torch.outer(kernel, kernel)[None, None]).squeeze(1)
        torch.testing.assert_close(got[b], slow)


def test_blur_of_one_pixel_is_the_pixel():
    x = images(2, 3, 1)
    torch.testing.assert_close(colour.blur(x, const(2.0, 2)), x)
