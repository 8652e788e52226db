import pytest
import torch
from pydantic import ValidationError

from components.encoders import build_encoder
from components.encoders.sound_vit import SoundVitConfig
from tests.components.objectives.sounds import PACKING, VIT, sounds


def made():
    torch.manual_seed(0)
    return build_encoder(VIT, PACKING).eval()


def test_patches_are_squares_of_the_spectrum():
    encoder, x = made(), sounds(2, shortest=0.5)
    numbers, inside = encoder.patches(x)
    spectrum, frames = encoder.spectrum(x)
    assert numbers.shape == (2, 2 * 6, 64)
    assert torch.equal(numbers[1, 1 * 6 + 2].reshape(8, 8), spectrum[1, 0, 8:16, 16:24])
    assert torch.equal(inside, frames[:, ::8].repeat(1, 2))
    assert 0 < inside.sum() < inside.numel()


def test_padding_is_attended_to_by_none():
    encoder, x = made(), sounds(2, shortest=0.5)
    numbers, inside = encoder.patches(x)
    changed = torch.where(inside.unsqueeze(2), numbers, 7.0)
    tokens, others = encoder.encoded(numbers, inside), encoder.encoded(changed, inside)
    torch.testing.assert_close(tokens[inside], others[inside])
    assert not torch.allclose(tokens[~inside], others[~inside])
    feature = torch.stack([row[own].mean(dim=0) for row, own in zip(tokens, inside, strict=True)])
    torch.testing.assert_close(encoder(x), feature)


def test_patches_that_are_kept_are_seen_at_their_places():
    encoder, x = made(), sounds(2, shortest=1.0)
    numbers, inside = encoder.patches(x)
    order = torch.arange(11, -1, -1).expand(2, -1)
    torch.testing.assert_close(
        encoder.encoded(numbers, inside, order).flip(1),
        encoder.encoded(numbers, inside),
        atol=1e-5,
        rtol=1e-5,
    )


def test_patches_must_fill_the_bands():
    with pytest.raises(ValidationError, match="mels must be a multiple of patch, got 60 and 16"):
        SoundVitConfig(mels=60)
    with pytest.raises(ValidationError, match="width must be a multiple of heads"):
        SoundVitConfig(width=100, heads=3)
