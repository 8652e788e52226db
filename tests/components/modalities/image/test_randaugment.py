"""Every operation beside Pillow's, on the same bytes; tolerances in steps of 1/255."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from components.modalities.image import randaugment as ra
from components.modalities.image.augment import ViewConfig, augment


def pictures(samples=6, channels=3, side=16):
    """Smooth, so that interpolation has something to agree on; of different ranges."""
    g = torch.Generator().manual_seed(0)
    coarse = torch.rand(samples, channels, 4, 4, generator=g)
    fine = torch.nn.functional.interpolate(coarse, side, mode="bilinear")
    span = torch.linspace(0.3, 1.0, samples).reshape(-1, 1, 1, 1)
    return (fine * span * 255).round() / 255


def pil(x):
    return Image.fromarray((x * 255).round().byte().permute(1, 2, 0).numpy())


def back(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


def u_of(factor):
    return (factor - 0.05) / 0.9


def moved(image, coefficients):
    return image.transform(image.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)


U = torch.linspace(0.05, 0.95, 6)
SIDE = 16
PEERS = {  # operation: (what Pillow does with strength u, tolerance in steps)
    "identity": (lambda im, u: im, 0),
    "autocontrast": (lambda im, u: ImageOps.autocontrast(im), 1),
    "equalize": (lambda im, u: ImageOps.equalize(im), 0),
    "posterize": (lambda im, u: ImageOps.posterize(im, 4 + min(4, int(u * 5))), 0),
    "solarize": (lambda im, u: ImageOps.solarize(im, int(np.ceil(u * 255))), 0),
    "brightness": (lambda im, u: ImageEnhance.Brightness(im).enhance(0.05 + 0.9 * u), 1),
    "contrast": (lambda im, u: ImageEnhance.Contrast(im).enhance(0.05 + 0.9 * u), 2),
    "saturation": (lambda im, u: ImageEnhance.Color(im).enhance(0.05 + 0.9 * u), 2),
    "sharpness": (lambda im, u: ImageEnhance.Sharpness(im).enhance(0.05 + 0.9 * u), 2),
    "rotate": (lambda im, u: im.rotate(-(2 * u - 1) * 30, Image.Resampling.BILINEAR), 4),
    "shear_x": (lambda im, u: moved(im, (1, a := (2 * u - 1) * 0.3, -a * SIDE / 2, 0, 1, 0)), 4),
    "shear_y": (lambda im, u: moved(im, (1, 0, 0, a := (2 * u - 1) * 0.3, 1, -a * SIDE / 2)), 4),
    "translate_x": (lambda im, u: moved(im, (1, 0, (2 * u - 1) * 0.3 * SIDE, 0, 1, 0)), 4),
    "translate_y": (lambda im, u: moved(im, (1, 0, 0, 0, 1, (2 * u - 1) * 0.3 * SIDE)), 4),
}


def test_every_operation_has_a_peer():
    assert list(PEERS) == [operation.__name__ for operation in ra.OPERATIONS]


@pytest.mark.parametrize("name", PEERS)
def test_agrees_with_pillow(name):
    """The inner 8 x 8 pixels of what is moved: at the edge Pillow does not interpolate with black."""
    x, (peer, steps) = pictures(), PEERS[name]
    got = getattr(ra, name)(x, U).clamp(0, 1)
    for sample, one, u in zip(x, got, U.tolist(), strict=True):
        expected = back(peer(pil(sample), u))
        if name.startswith(("rotate", "shear", "translate")):
            expected, one = expected[:, 5:-5, 5:-5], one[:, 5:-5, 5:-5]
        assert float((one - expected).abs().max()) * 255 <= steps + 0.51, u


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_sample_does_not_depend_on_its_neighbours_and_stays_an_image(name, channels):
    x = pictures(channels=channels)
    got = getattr(ra, name)(x, U)
    assert got.shape == x.shape
    assert torch.isfinite(got).all()
    torch.testing.assert_close(getattr(ra, name)(x[2:3], U[2:3]), got[2:3])


def test_each_sample_goes_through_its_own_operations_in_turn():
    x = pictures(3)
    names = [operation.__name__ for operation in ra.OPERATIONS]
    at = [[(names.index(n) + 0.5) / len(names) for n in row] for row in
          (["solarize", "identity", "posterize"], ["brightness", "identity", "solarize"])]  # fmt: skip
    u = torch.tensor([[0.4, 0.5, 0.6], [0.3, 0.2, 0.5]])
    got = ra.randaugment(x, torch.tensor(at), u)
    torch.testing.assert_close(got[0], ra.brightness(ra.solarize(x[:1], u[0, :1]), u[1, :1])[0])
    assert torch.equal(got[1], x[1])
    torch.testing.assert_close(got[2], ra.solarize(ra.posterize(x[2:], u[0, 2:]), u[1, 2:])[0])


def test_operations_are_picked_evenly():
    x = torch.linspace(0.1, 0.9, 64).reshape(1, 1, 8, 8).expand(4000, 1, 8, 8)
    plain = ViewConfig(size=8, scale=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0, jitter=0.0, grayscale=0.0)
    config = plain.model_copy(update={"randaugment": 1})
    got = augment(x, config, torch.Generator().manual_seed(0))
    same = float(((got - x).abs().amax((1, 2, 3)) < 1e-5).float().mean())
    # identity; on one channel saturation; on 64 different values equalize; a fifth of posterize (8 bits) and a
    # tenth of solarize (a threshold above all values)
    assert same == pytest.approx(3.3 / 14, abs=0.02)
    assert got.min() >= 0
    assert got.max() <= 1


def test_switching_it_on_leaves_the_other_draws_alone():
    x = pictures()
    plain = ViewConfig(size=16, flip=0.5)
    generators = [torch.Generator().manual_seed(1) for _ in range(2)]
    augment(x, plain, generators[0])
    augment(x, plain.model_copy(update={"randaugment": 2, "cutout": 0.5}), generators[1])
    assert torch.equal(augment(x, plain, generators[0]), augment(x, plain, generators[1]))


def test_cutout_is_a_grey_square_cut_off_at_the_edge():
    x = torch.zeros(3, 2, 8, 8)
    got = ra.cutout(
        x, torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.5, 0.0, 0.5]), torch.tensor([0.5, 0.5, 0.5])
    )
    expected = torch.zeros(8, 8)
    expected[2:6, 2:6] = 0.5
    assert torch.equal(got[0, 0], expected)
    assert (got[1] == 0.5).sum() == 2 * 2 * 4
    assert (got[2] == 0).all()
