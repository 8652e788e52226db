"""Competing random kernels against values computed elsewhere and against a loop.

The golden values are those of aeon 1.6.0, `_HydraInternal(20, C, k=2, g=2)` with the kernels and channels that `fixed`
sets, of the series sin(0.9 t + channel); with groups of 64 and kernels from its own generator both gave the same
numbers, bit by bit, for 1, 6 and 30 channels.
"""

import pytest
import torch
import torch.nn.functional as F

from components.encoders import build_encoder
from components.encoders.random_kernels import RandomKernelsConfig, dilations_of
from components.training.device import place
from tests.components.modalities.series.toys import packing

GOLDEN = {
    1: [0.5770298, 0.4160558, 9, 11, 0.4204480, 0.5250055, 9, 10, 3.1615348, 3.9622161, 10, 10, 3.4083183, 2.4177973,
        7, 12],
    3: [0.9277172, 0.4138550, 9, 11, 0.4136073, 0.7472737, 10, 9, 6.7717748, 6.5847602, 10, 10, 5.4912481, 4.3616805,
        8, 11],
}  # fmt: skip


def fixed(channels, steps=20, **options):
    encoder = build_encoder(
        RandomKernelsConfig(**{"kernels": 2, "groups": 2, "root": False, "share": False} | options),
        packing(channels, length=steps),
    ).eval()
    weight = torch.sin(torch.arange(float(encoder.weight.numel())) * 1.7).reshape(encoder.weight.shape)
    weight = weight - weight.mean(-1, keepdim=True)
    encoder.weight.copy_(weight / weight.abs().sum(-1, keepdim=True))
    if channels > 1:
        for row, chosen in enumerate(encoder.chosen):
            start = row % 2 * chosen.numel() + row // 2
            chosen.copy_((torch.arange(chosen.numel()).reshape(chosen.shape) + start) % channels)
    return encoder


def wave(channels, steps=20):
    return torch.sin(torch.arange(float(steps)) * 0.9 + torch.arange(float(channels))[:, None])[None]


@pytest.mark.parametrize("channels", GOLDEN)
def test_features_are_those_of_aeon(channels):
    torch.testing.assert_close(fixed(channels)(wave(channels))[0], torch.tensor(GOLDEN[channels]))


def test_a_kernel_wins_step_by_step():
    encoder, view = fixed(1), wave(1)
    sums, counts = torch.zeros(2), torch.zeros(2)
    for step in range(20):
        around = F.pad(view, (4, 4))[0, 0, step : step + 9]
        response = encoder.weight[0] @ around
        sums[response.argmax()] += response.max()
        counts[response.argmin()] += 1
    torch.testing.assert_close(encoder(view)[0, :4], torch.cat([sums, counts]))


def test_shares_and_roots_of_counts():
    plain = fixed(1)(wave(1))
    torch.testing.assert_close(fixed(1, share=True)(wave(1)), plain / 20)
    torch.testing.assert_close(fixed(1, root=True)(wave(1)), plain.clamp(min=0).sqrt())


def test_a_short_series_counts_its_own_steps_alone():
    long, short = wave(3, 40), wave(3, 17)
    padded = torch.full_like(long, torch.nan)
    padded[..., :17] = short
    encoder = fixed(3, steps=40)
    torch.testing.assert_close(encoder(torch.cat([long, padded]))[1:], encoder(short))
    counts = encoder(short)[0].reshape(len(encoder.weight) // 2, 2, 2, 2)[:, :, 1].sum(dim=2)
    assert counts.tolist() == [[17, 16]] * 3  # the series, and its differences


def test_many_samples_in_parts_are_the_same(monkeypatch):
    encoder, view = fixed(3), torch.randn(7, 3, 20)
    whole = encoder(view)
    monkeypatch.setattr("components.encoders.random_kernels.AT_ONCE", 200)
    torch.testing.assert_close(encoder(view), whole)


def test_the_seed_makes_the_kernels_and_the_model_file_holds_them():
    made = [build_encoder(RandomKernelsConfig(seed=seed, groups=4), packing(4)) for seed in (0, 0, 1)]
    assert torch.equal(made[0].weight, made[1].weight)
    assert torch.equal(made[0].chosen, made[1].chosen)
    assert not torch.equal(made[0].weight, made[2].weight)
    torch.testing.assert_close(
        made[0].weight.sum(-1), torch.zeros(made[0].weight.shape[:-1]), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(made[0].weight.abs().sum(-1), torch.ones(made[0].weight.shape[:-1]))
    made[2].load_state_dict(made[0].state_dict())
    view = torch.randn(2, 4, 12)
    assert torch.equal(made[2](view), made[0](view))
    assert not list(made[0].parameters())
    assert not made[0].learnt


@pytest.mark.parametrize(("length", "count"), [(1, 1), (9, 1), (16, 1), (17, 2), (32, 2), (33, 3), (427, 6)])
def test_every_dilation_that_fits(length, count):
    assert dilations_of(length) == count
    made = build_encoder(RandomKernelsConfig(groups=2, kernels=2), packing(1, length=length))
    assert made.feature_dim == count * 2 * 2 * 2
    capped = RandomKernelsConfig(groups=2, kernels=2, dilations=2)
    assert build_encoder(capped, packing(1, length=length)).feature_dim == min(count, 2) * 8


def test_it_can_be_put_on_a_device_in_any_layout():
    encoder = build_encoder(RandomKernelsConfig(groups=2, kernels=2), packing(2))
    view = torch.randn(2, 2, 12)
    before = encoder(view)
    torch.testing.assert_close(place("cpu").put(encoder)(view), before)
