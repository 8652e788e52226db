import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from components.modalities.sound.augment import (
    SoundView,
    augment,
    coloured,
    lengths_of,
    loudness,
    played,
    silenced,
    transformed,
    without_bands,
)
from components.modalities.sound.config import SoundConfig, SoundPacking
from components.modalities.sound.views import SoundViews

NAN = float("nan")
RATE = 8_000


def one(*values):
    return torch.tensor([[values]], dtype=torch.float32)


def noise(samples=3, length=4_000, ends=(4_000, 3_000, 1_000)):
    x = torch.randn(samples, 1, length, generator=torch.Generator().manual_seed(0)) * 0.1
    return x.masked_fill(torch.arange(length) >= torch.tensor(ends)[:, None, None], torch.nan)


def view(how, x=None, length=None, seed=1):
    x = noise() if x is None else x
    return augment(x, how, length or x.shape[2], RATE, torch.Generator().manual_seed(seed))


def parts(share, place, speed):
    return torch.tensor([share]), torch.tensor([place]), torch.tensor([speed])


def test_parts_at_a_speed():
    x = one(*range(8))
    assert played(x, *parts(0.5, 0.5, 2.0), 4).nan_to_num(-1).tolist() == [[[2, 4, -1, -1]]]
    assert played(x, *parts(0.5, 0.99, 1.0), 4).tolist() == [[[4, 5, 6, 7]]]
    assert played(x, *parts(0.5, 0.0, 0.5), 8).nan_to_num(-1).tolist() == [[[0, 0.5, 1, 1.5, 2, 2.5, 3, -1]]]
    assert played(x, *parts(1.0, 0.3, 1.0), 8).tolist() == x.tolist()


def test_a_part_is_of_the_sound_and_not_of_what_is_behind_it():
    x = one(1, 2, 3, 4, NAN, NAN, NAN, NAN)
    assert played(x, *parts(0.5, 0.99, 1.0), 4).nan_to_num(-1).tolist() == [[[3, 4, -1, -1]]]
    assert played(x, *parts(0.01, 0.5, 1.0), 4).nan_to_num(-1).tolist() == [[[3, -1, -1, -1]]]
    assert played(one(NAN, NAN), *parts(0.5, 0.5, 1.0), 2).isnan().all()


def test_a_faster_tone_is_a_higher_one():
    time = torch.arange(4_000) / RATE
    x = torch.sin(2 * math.pi * 500 * time)[None, None]
    fast = played(x, *parts(1.0, 0.0, 1.5), 4_000)[0, 0]
    own = fast[~fast.isnan()]
    assert len(own) == 2667
    assert torch.fft.rfft(own[:2000]).abs().argmax() * RATE / 2000 == pytest.approx(750, abs=4)


def test_gain_is_one_factor_a_sample_within_its_bounds():
    x = noise()
    ratio = (view(SoundView(gain=6)) / x).nanmean(dim=2)
    torch.testing.assert_close((view(SoundView(gain=6)) / x).nan_to_num(1.0).amax(2), ratio.clamp(min=1.0))
    many = noise(200, 10, [10] * 200)
    found = 20 * (view(SoundView(gain=6), many) / many)[:, 0, 0].log10()
    assert found.min() >= -6 - 1e-4
    assert found.max() <= 6 + 1e-4
    assert found.std() == pytest.approx(12 / 12**0.5, rel=0.1)


@pytest.mark.parametrize("ratio", [0.0, 20.0])
def test_noise_has_the_ratio_that_was_asked_for(ratio):
    x = noise()
    added = view(SoundView(noise=(ratio, ratio))) - x
    inside = ~x[:, 0].isnan()
    found = 20 * (loudness(x.nan_to_num(0.0), inside) / loudness(added.nan_to_num(0.0), inside)).log10()
    torch.testing.assert_close(found, torch.full((3,), ratio), atol=1e-2, rtol=0)
    assert torch.equal(lengths_of(added), lengths_of(x))


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_the_colour_of_noise_is_the_slope_of_its_power(exponent):
    white = torch.randn(64, 1, 4096, generator=torch.Generator().manual_seed(0))
    power = coloured(white, torch.full((64,), exponent), 4096).abs().square().mean(dim=(0, 1))[8:1500]
    frequency = np.log(np.arange(8, 1500))
    slope = np.polyfit(frequency, np.log(power.numpy()), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.05)


def test_spans_are_silent_and_of_the_sound():
    x = torch.ones(2, 1, 10)
    beyond = torch.zeros(2, 1, 10, dtype=torch.bool)
    beyond[1, :, 5:] = True
    numbers = torch.tensor([[[0.5, 0.99]], [[0.9, 0.0]]])
    found = silenced(x, beyond, numbers, 0.4)
    assert found[0, 0].tolist() == [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]
    assert found[1, 0, :5].tolist() == [0, 1, 1, 1, 1]


def test_bands_that_are_left_out():
    gone = without_bands(torch.tensor([[[1.0, 0.0]], [[0.5, 0.5]]]), 0.5, 4_001, RATE)[:, 0]
    mel = np.log1p(np.arange(4_001) / 700) / np.log1p(4000 / 700)
    np.testing.assert_array_equal(gone[0] == 0, mel < 0.5)
    np.testing.assert_array_equal(gone[1] == 0, (mel >= 0.375) & (mel < 0.625))
    x = noise(1, 4_000, [4_000])
    found = view(SoundView(bands=1, band=0.9), x, seed=5)
    before, after = (torch.fft.rfft(t[0, 0]).abs() for t in (x, found))
    ratio = (after / before).numpy()
    assert 0.02 < (ratio < 0.05).mean() < 0.95
    assert np.median(ratio[ratio > 0.5]) == pytest.approx(1, abs=0.02)


def test_nothing_named_changes_nothing():
    x = noise()
    torch.testing.assert_close(view(SoundView()), x, equal_nan=True, rtol=0, atol=0)


def test_padding_stays_behind_the_sound():
    how = SoundView(crop=(0.5, 0.8), speed=(0.8, 1.2), gain=6, noise=(0, 10), spans=2, bands=2)
    seen = view(how, length=3_200)
    for row in seen[:, 0].isnan():
        assert row.int().diff().clamp(max=0).sum() == 0  # once padding begins it goes on
    assert (lengths_of(seen) >= torch.tensor([4_000, 3_000, 1_000]) * 0.4).all()


def test_a_transform_is_at_most_an_eighth_longer_and_of_small_factors():
    for length in (1, 2, 7, 100, 8_000, 31_999, 32_000, 47_999):
        size = transformed(length)
        assert length <= size <= max(length * 9 / 8, length + 1)
        while size % 2 == 0:
            size //= 2
        assert size <= 15


def test_options_that_make_no_sense_are_refused():
    for wrong in (
        {"crop": (0.0, 1.0)},
        {"crop": (0.9, 0.5)},
        {"speed": (0.1, 1.0)},
        {"noise": (10, 5)},
        {"gain": -1},
    ):
        with pytest.raises(ValidationError):
            SoundView(**wrong)


def test_the_views_of_each_role():
    maker = SoundViews(SoundPacking(read_as=SoundConfig(rate=RATE, seconds=0.5)))
    given = SoundView(crop=(0.4, 0.8), gain=3)
    roles = maker.roles(given, None)
    assert roles["global"] == given
    assert roles["plain"] == SoundView(crop=(0.4, 0.8))
    assert roles["local"] == SoundView(crop=(0.15, 0.4), gain=3)
    assert maker.roles("measured", None)["global"] == maker.policy("waveform").pretrain
    assert [maker.length(how) for how in roles.values()] == [3_200, 3_200, 1_600]
    x = noise()
    assert maker.augment(x, given, torch.Generator()).shape == (3, 1, 3_200)
    stored = torch.tensor([[[0, 16384, -32767, -32768]]], dtype=torch.int16)
    assert maker.clean(stored).nan_to_num(9).tolist() == [[[0, 0.5, -32767 / 32768, 9]]]
