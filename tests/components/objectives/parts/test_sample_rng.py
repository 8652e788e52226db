"""Random numbers of a sample and a step: against splitmix64 in plain integers, and what they must not depend on."""

import math

import numpy as np
import torch

from components.objectives.parts.sample_rng import Chance, mix

MASK = (1 << 64) - 1


def splitmix(x):
    """The published function on Python's unbounded integers."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def make(seed=0, step=0):
    torch.manual_seed(seed)
    chance = Chance()
    for _ in range(step):
        chance.tick()
    return chance


def test_mixing_is_the_published_function():
    values = [0, 1, -1, 7, 2**62, -(2**63), 123456789]
    found = mix(torch.tensor(values)).tolist()
    assert [v & MASK for v in found] == [splitmix(v & MASK) for v in values]
    assert splitmix(0) == 0xE220A8397B1DCDAF  # the published first output for the state 0


def test_numbers_belong_to_the_row_not_to_its_place_in_the_batch():
    chance, rows = make(), torch.tensor([5, 3, 900])
    numbers = chance.uniform(rows, 2, 3)
    assert numbers.shape == (3, 2, 3)
    assert torch.equal(numbers[[2, 0, 1]], chance.uniform(rows[[2, 0, 1]], 2, 3))
    assert torch.equal(numbers[1:2], chance.uniform(torch.tensor([3]), 2, 3))


def test_another_step_seed_row_or_stream_gives_other_numbers():
    rows = torch.arange(200)
    first = make().uniform(rows, 5)
    for other in (
        make(step=1).uniform(rows, 5),
        make(seed=1).uniform(rows, 5),
        make().uniform(rows, 5, stream=1),
    ):
        assert abs(np.corrcoef(first.flatten(), other.flatten())[0, 1]) < 0.1
    assert abs(np.corrcoef(first[:-1].flatten(), first[1:].flatten())[0, 1]) < 0.1


def test_uniform_and_normal_numbers_have_their_moments():
    chance, rows = make(), torch.arange(2000)
    u, z = chance.uniform(rows, 50).double(), chance.normal(rows, 50).double()
    assert u.min() >= 0
    assert u.max() < 1
    assert abs(u.mean() - 0.5) < 4 / math.sqrt(12 * u.numel())
    assert abs(u.var() - 1 / 12) < 0.001
    assert abs(z.mean()) < 4 / math.sqrt(z.numel())
    assert abs(z.var() - 1) < 0.02
    assert abs((z**4).mean() - 3) < 0.15
    assert torch.isfinite(z).all()


def test_the_state_survives_saving():
    chance, other = make(step=3), make(seed=9)
    other.load_state_dict(chance.state_dict())
    assert torch.equal(chance.uniform(torch.arange(4), 2), other.uniform(torch.arange(4), 2))
