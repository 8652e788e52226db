import itertools

import pytest
import torch
from pydantic import ValidationError

from components.errors import UserError
from components.modalities.image import colour
from components.modalities.image.augment import ViewConfig, augment

NOTHING = {"scale": (1.0, 1.0), "ratio": (1.0, 1.0), "flip": 0.0, "jitter": 0.0, "grayscale": 0.0}
FULL = ViewConfig(size=12, rotate=20, translate=0.1, gamma=0.5, blur=0.5, solarise=0.3, erase=0.5)


def images(samples=16, channels=3, side=12):
    return torch.rand(samples, channels, side, side, generator=torch.Generator().manual_seed(2))


def view(x, config, seed=0):
    return augment(x, config, torch.Generator().manual_seed(seed))


def only(**strengths):
    return ViewConfig(**{"size": 12, **NOTHING, **strengths})


def test_no_strength_gives_the_input_as_a_new_tensor():
    x = images()
    got = view(x, only(size=12))
    assert torch.equal(got, x)
    assert got.data_ptr() != x.data_ptr()


def test_plain_of_another_size_only_resizes():
    x = images(side=8)
    torch.testing.assert_close(view(x, only(size=4)), torch.nn.functional.interpolate(x, 4, mode="bilinear"))


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("config", [ViewConfig(size=9), FULL, only(size=7)], ids=["default", "full", "plain"])
def test_views_are_finite_images_of_the_size_asked_for(config, channels):
    x = images(channels=channels)
    before = x.clone()
    got = view(x, config)
    assert got.shape == (16, channels, config.size, config.size)
    assert got.dtype == torch.float32
    assert torch.isfinite(got).all()
    assert got.min() >= 0
    assert got.max() <= 1 + 1e-5
    assert torch.equal(x, before)


def test_the_generator_alone_decides():
    x = images()
    torch.manual_seed(1)
    first = view(x, FULL, seed=5)
    torch.manual_seed(2)
    assert torch.equal(view(x, FULL, seed=5), first)
    assert not torch.equal(view(x, FULL, seed=6), first)
    generator = torch.Generator().manual_seed(5)
    assert torch.equal(augment(x, FULL, generator), first)
    assert not torch.equal(augment(x, FULL, generator), first)


@pytest.mark.parametrize("config", [ViewConfig(size=12), FULL], ids=["default", "full"])
def test_a_sample_s_view_does_not_depend_on_its_neighbours(config):
    x = images()
    others = x.clone()
    others[1:] = 1 - others[1:]
    torch.testing.assert_close(view(x, config)[0], view(others, config)[0])


def test_samples_draw_apart():
    views = view(images(1).expand(8, -1, -1, -1), FULL)
    assert all(not torch.allclose(a, b) for a, b in itertools.combinations(views, 2))


def test_switching_one_operation_off_leaves_the_others_parameters_alone():
    x = images()
    without, with_ = view(x, only(flip=0.5)), view(x, only(flip=0.5, solarise=0.5))
    same = (without == with_).flatten(1).all(1)
    assert 0 < same.sum() < 16


@pytest.mark.parametrize(
    ("strength", "changed"),
    [("flip", 0.5), ("grayscale", 0.5), ("solarise", 0.5), ("blur", 0.5), ("erase", 0.5)],
)
def test_an_operation_touches_the_share_of_samples_asked_for(strength, changed):
    x = images(2000, 3, 8)
    got = view(x, ViewConfig(**{"size": 8, **NOTHING, strength: changed}))
    share = ((got - x).abs() > 1e-4).flatten(1).any(1).float().mean()
    assert float(share) == pytest.approx(changed, abs=0.04)


def test_jitter_touches_the_share_of_samples_asked_for_and_stays_in_bounds():
    x = torch.full((4000, 3, 2, 2), 0.5)
    got = view(x, ViewConfig(**{**NOTHING, "size": 2, "jitter": 0.8, "brightness": 0.4}))[:, 0, 0, 0]
    assert float((got != 0.5).float().mean()) == pytest.approx(0.8, abs=0.02)
    assert float(got.min()) == pytest.approx(0.3, abs=0.005)
    assert float(got.max()) == pytest.approx(0.7, abs=0.005)


def test_gamma_touches_the_samples_that_jitter_chose():
    off = {"brightness": 0.0, "contrast": 0.0}
    config = ViewConfig(**{**NOTHING, **off, "size": 2, "jitter": 0.3, "gamma": 0.7})
    got = view(torch.full((4000, 1, 2, 2), 0.5), config)
    assert float((got[:, 0, 0, 0] != 0.5).float().mean()) == pytest.approx(0.3, abs=0.03)


def test_gamma_exponents_lie_between_the_bounds_and_are_even_in_log():
    x = torch.full((4000, 1, 2, 2), 0.5)
    off = {"brightness": 0.0, "contrast": 0.0}
    got = view(x, ViewConfig(**{**NOTHING, **off, "size": 2, "jitter": 1.0, "gamma": 0.7}))[:, 0, 0, 0]
    log_exponents = (got.log() / torch.tensor(0.5).log()).log()
    assert float(log_exponents.min()) == pytest.approx(-0.7, abs=0.01)
    assert float(log_exponents.max()) == pytest.approx(0.7, abs=0.01)
    assert float(log_exponents.mean()) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("channels", [1, 2])
def test_without_three_channels_saturation_hue_and_grey_do_nothing(channels):
    x = images(channels=channels)
    got = view(x, only(jitter=1.0, brightness=0.0, contrast=0.0, saturation=0.9, hue=0.5, grayscale=1.0))
    assert torch.equal(got, x)


def test_one_channel_pays_nothing_for_colour(monkeypatch):
    monkeypatch.setattr(colour, "chroma", lambda *_: pytest.fail("chroma on one channel"))
    view(images(channels=1), ViewConfig(size=12))


def test_greyscale_views_are_grey():
    got = view(images(), ViewConfig(size=12, grayscale=1.0))
    torch.testing.assert_close(got[:, 0], got[:, 1], atol=1e-5, rtol=0)
    torch.testing.assert_close(got[:, 0], got[:, 2], atol=1e-5, rtol=0)


def test_crops_cover_the_area_asked_for():
    ramp = ((torch.arange(64) + 0.5) / 64).expand(3000, 1, 64, 64)
    for x, widths in ((ramp, 3), (ramp.transpose(2, 3), 2)):
        got = view(x, ViewConfig(**{**NOTHING, "size": 16, "scale": (0.25, 0.25)}))
        extent = got.amax((1, 2, 3)) - got.amin((1, 2, 3))
        torch.testing.assert_close(
            extent, torch.full((3000,), 0.5 * 15 / 16), atol=1e-3, rtol=0, msg=str(widths)
        )
        middle = (got.amax((1, 2, 3)) + got.amin((1, 2, 3))) / 2
        assert float(middle.min()) == pytest.approx(0.25, abs=0.01)
        assert float(middle.max()) == pytest.approx(0.75, abs=0.01)
        assert float(middle.mean()) == pytest.approx(0.5, abs=0.01)


def test_a_sample_that_is_not_square_is_squeezed_into_a_square_view():
    assert view(torch.rand(2, 3, 8, 16), only(size=8)).shape == (2, 3, 8, 8)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"scale": (0.5, 0.2)}, "scale needs 0 < low <= high <= 1"),
        ({"scale": (0.2, 1.5)}, "scale needs"),
        ({"ratio": (0.0, 1.0)}, "ratio needs"),
        ({"flip": 1.5}, "less than or equal to 1"),
        ({"brightnes": 0.1}, "did you mean 'brightness'"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(given, text):
    with pytest.raises(ValidationError, match=text):
        ViewConfig(**given)


@pytest.mark.parametrize("bad", [torch.zeros(3, 8, 8), torch.zeros(2, 3, 8, 8, dtype=torch.uint8)])
def test_what_is_not_a_batch_of_float_images_is_refused(bad):
    with pytest.raises(UserError, match="divide bytes by 255"):
        view(bad, ViewConfig())


@pytest.mark.parametrize("changed", [{"upside_down": 1.0}, {"flip": 1.0, "upside_down": 1.0}])
def test_upside_down_is_exact(changed):
    x = images()
    dims = [2, 3] if "flip" in changed else [2]
    torch.testing.assert_close(view(x, only(**changed)), x.flip(dims), atol=1e-5, rtol=0)


def test_quarter_turns_are_exact_and_equally_likely():
    x = images(samples=400, channels=1, side=6)
    got = view(x, only(size=6, quarter_turns=1.0))
    turned = torch.stack([torch.rot90(x, k, dims=(2, 3)) for k in range(4)])
    distance = (turned - got).abs().amax(dim=(2, 3, 4))  # [4, N]
    assert (distance.min(dim=0).values < 1e-4).all()
    counts = distance.argmin(dim=0).bincount(minlength=4)
    assert counts.min() > 70
    some = view(x, only(size=6, quarter_turns=0.4))
    left = ((some - x).abs().amax(dim=(1, 2, 3)) < 1e-4).float().mean()
    assert 0.6 < float(left) < 0.8  # .6, and a quarter of the rest


def test_a_turn_shows_the_ground_at_the_edge():
    white = torch.ones(4, 1, 12, 12)
    torch.testing.assert_close(view(white, only(rotate=45, translate=0.2)), white)
