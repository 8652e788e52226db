import pytest
import torch
from pydantic import ValidationError

from components.encoders import build_encoder
from components.encoders.sound_wave import KERNELS, STRIDES, SoundWaveConfig, receptive, standardised
from tests.components.objectives.sounds import PACKING, WAVE, sounds


def made():
    torch.manual_seed(0)
    return build_encoder(WAVE, PACKING).eval()


def test_a_latent_sees_25_ms_and_comes_each_20_ms():
    assert receptive() == 400
    step = 1
    for stride in STRIDES:
        step *= stride
    assert step == 320
    encoder, x = made(), torch.randn(1, 1, 3_280, requires_grad=True)
    latents, inside = encoder.latents(x)
    assert latents.shape == (1, 10, 8)
    assert inside.all()
    # The convolutions alone: what latent 2 sees begins at 640 and ends before 1,040.
    raw = x
    for layer in encoder.convolutions:
        raw = layer(raw)
    raw[0, 0, 2].backward()
    touched = x.grad[0, 0].nonzero()[:, 0]
    assert touched.min() >= 640
    assert touched.max() < 1_040


def test_only_latents_that_are_wholly_of_the_sound_count():
    encoder = made()
    x = sounds(3, shortest=1.0).clone()
    for row, end in enumerate((399, 719, 720)):
        x[row, :, end:] = torch.nan
    _, inside = encoder.latents(x)
    assert inside.sum(dim=1).tolist() == [1, 1, 2]  # of one that is too short the first counts


def test_how_much_padding_there_is_changes_no_feature():
    encoder, x = made(), sounds(1, shortest=1.0)[..., :2_000]
    longer = torch.cat([x, torch.full((1, 1, 1_280), torch.nan)], dim=2)
    torch.testing.assert_close(encoder(longer), encoder(x), atol=1e-5, rtol=1e-5)
    assert encoder(x[..., :100]).isfinite().all()


def test_each_sound_has_mean_0_and_deviation_1():
    x = torch.tensor([[[1.0, 3.0, torch.nan]], [[5.0, 5.0, 5.0]]])
    torch.testing.assert_close(standardised(x)[0], torch.tensor([[-1.0, 1.0, 0.0]]), atol=1e-5, rtol=0)
    assert standardised(x)[1].tolist() == [[0, 0, 0]]


def test_hidden_latents_are_the_token_and_nothing_of_them_is_left():
    encoder, x = made(), sounds(2, shortest=0.6)
    latents, inside = encoder.latents(x)
    hidden = torch.zeros_like(inside)
    hidden[:, 2:4] = True
    token = torch.randn(16)
    changed = torch.where(hidden.unsqueeze(2), 9.0, latents)
    one, other = (encoder.contextual(z, inside, hidden=hidden, token=token) for z in (latents, changed))
    torch.testing.assert_close(one[inside], other[inside])
    plain = encoder.contextual(latents, inside)
    assert not torch.allclose(plain[:, 0], one[:, 0])


def test_sizes():
    assert len(KERNELS) == len(STRIDES) == 7
    assert sum(p.numel() for p in build_encoder(SoundWaveConfig(), PACKING).parameters()) == 934_528
    with pytest.raises(ValidationError, match="multiple of heads and of groups"):
        SoundWaveConfig(width=100)
    with pytest.raises(ValidationError, match="reach must be even"):
        SoundWaveConfig(reach=5)
