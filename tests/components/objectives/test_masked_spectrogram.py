import pytest
import torch

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.masked_spectrogram import (
    MaskedSpectrogram,
    MaskedSpectrogramConfig,
    placed,
    split,
)
from tests.components.objectives.sounds import VIT, WAVE, make, sounds

CONFIG = MaskedSpectrogramConfig(hidden=0.5, width=16, depth=1, heads=2)


def test_the_share_is_of_a_sounds_own_patches():
    numbers = torch.tensor([[0.9, 0.1, 0.5, 0.3, 0.2], [0.9, 0.3, 0.1, 0.1, 0.1], [0.5] * 5])
    inside = torch.tensor([[True] * 5, [True, True, False, False, False], [True] + [False] * 4])
    kept, used = split(numbers, inside, 0.6)
    assert used.tolist() == [[True, True], [True, False], [True, False]]  # 5 - 3, 2 - 1, and one at least
    assert kept[0].tolist() == [1, 4]
    assert kept[1, 0] == 1
    assert kept[2, 0] == 0
    assert placed(used, kept, 5).int().tolist() == [[0, 1, 0, 0, 1], [0, 1, 0, 0, 0], [1, 0, 0, 0, 0]]


def hidden_of(objective, encoder, x, index):
    numbers, inside = encoder.patches(x)
    kept, used = split(objective.chance.uniform(index, numbers.shape[1]), inside, objective.config.hidden)
    return numbers, inside, kept, used


def test_the_loss_is_a_loop_over_hidden_patches():
    encoder, objective = make(MaskedSpectrogram, CONFIG, VIT)
    x, index = sounds(5), torch.arange(5)
    loss = objective(encoder, Batch([x], index)).total
    numbers, inside, kept, used = hidden_of(objective, encoder, x, index)
    prediction = objective.decoded(encoder.encoded(numbers, used, kept), kept, used, inside, 2)
    each = []
    for b in range(5):
        seen = {int(p) for p, u in zip(kept[b], used[b], strict=True) if u}
        assert len(seen) == int(inside[b].sum()) - round(0.5 * int(inside[b].sum()))
        for p in range(12):
            if inside[b, p] and p not in seen:
                own = numbers[b, p]
                target = (own - own.mean()) / (own.var() + 1e-6).sqrt()
                each.append((prediction[b, p] - target).square().mean().item())
    assert len(each) > 10
    assert loss.item() == pytest.approx(sum(each) / len(each), rel=1e-4)


def test_what_is_hidden_is_a_target_alone():
    encoder, objective = make(MaskedSpectrogram, CONFIG, VIT)
    numbers, inside, kept, used = hidden_of(objective, encoder, sounds(3), torch.arange(3))
    hidden = inside & ~placed(used, kept, 12)
    changed = torch.where(hidden.unsqueeze(2), 5.0, numbers)
    one, other = (
        objective.decoded(encoder.encoded(n, used, kept), kept, used, inside, 2) for n in (numbers, changed)
    )
    torch.testing.assert_close(one[inside], other[inside])


def test_a_sound_of_one_patch_costs_nothing_and_stays_finite():
    encoder, objective = make(MaskedSpectrogram, MaskedSpectrogramConfig(width=16, heads=2), VIT)
    x = sounds(2).clone()
    x[:, :, 200:] = torch.nan
    one_row = objective(encoder, Batch([x], torch.arange(2))).total
    one_row.backward()
    assert torch.isfinite(one_row)


def test_it_learns_to_fill_in():
    encoder, objective = make(MaskedSpectrogram, CONFIG, VIT)
    optimiser = torch.optim.Adam([*encoder.parameters(), *objective.parameters()], 3e-3)
    x, losses = sounds(16), []
    for _ in range(60):
        loss = objective(encoder, Batch([x], torch.arange(16))).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        objective.after_step(encoder, 0.0)
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_another_encoder_is_refused():
    with pytest.raises(UserError, match="needs the encoder sound_vit, got SoundWave"):
        make(MaskedSpectrogram, CONFIG, WAVE)
