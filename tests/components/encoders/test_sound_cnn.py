import pytest
import torch
from pydantic import ValidationError

from components.encoders import build_encoder
from components.encoders.sound import over_time
from components.encoders.sound_cnn import SoundCnnConfig
from components.errors import UserError
from components.modalities.sound.config import SoundConfig, SoundPacking
from tests.components.objectives.sounds import PACKING, sounds

SMALL = SoundCnnConfig(mels=16, widths=(4, 6))


def made(config=SMALL, packing=PACKING):
    torch.manual_seed(0)
    return build_encoder(config, packing).eval()


def test_how_much_padding_there_is_changes_no_feature():
    x = sounds(1, shortest=1.0)[..., :1_600]
    longer = torch.cat([x, torch.full((1, 1, 900), torch.nan)], dim=2)
    encoder = made()
    torch.testing.assert_close(encoder(longer), encoder(x), atol=1e-5, rtol=1e-5)


def test_the_spectrum_is_scaled_decibels_and_zero_behind_the_end():
    encoder = made()
    x = sounds(2, shortest=0.5)
    found, inside = encoder.spectrum(x)
    raw = encoder.log_mel(x.nan_to_num(0.0))
    assert found.shape == (2, 1, 16, 42)
    expected = torch.where(inside[:, None, None], (raw + 20) / 20, 0)
    torch.testing.assert_close(found, expected)
    assert inside.sum(dim=1).tolist() == [1 + int(n) // 80 for n in (~x[:, 0].isnan()).sum(dim=1)]


def test_mean_and_maximum_are_over_frames_of_the_sound():
    maps = torch.tensor([[[1.0, 3.0, 50.0], [-4.0, -2.0, 0.0]]])
    mean, most = over_time(maps, torch.tensor([[True, True, False]]))
    assert mean.tolist() == [[2, -3]]
    assert most.tolist() == [[3, -2]]


def test_each_block_halves_what_it_sees():
    encoder = made()
    assert encoder.feature_dim == 12
    x = torch.zeros(1, 1, 16, 42)
    assert encoder.blocks[0](x).shape == (1, 4, 8, 21)
    assert encoder(sounds(3)).shape == (3, 12)
    assert sum(p.numel() for p in made(SoundCnnConfig()).parameters()) == 293_712


def test_the_shortest_sound_and_several_channels():
    packing = SoundPacking(read_as=SoundConfig(rate=8_000, seconds=0.1, channels=2))
    encoder = made(packing=packing)
    x = torch.full((2, 2, 800), torch.nan)
    x[:, :, :1] = 0.1
    assert torch.isfinite(encoder(x)).all()
    swapped = torch.randn(1, 2, 800)
    assert not torch.allclose(encoder(swapped), encoder(swapped.flip(1)))


def test_frequencies_that_are_not_there_are_refused():
    with pytest.raises(UserError, match=r"must lie in 0 to 4000 Hz, half of modality.rate, got 50 and 6000"):
        made(SoundCnnConfig(high=6_000))
    with pytest.raises(ValidationError, match="high must be above low"):
        SoundCnnConfig(low=100, high=50)
