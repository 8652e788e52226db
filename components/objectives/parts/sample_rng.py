"""Random numbers that belong to a sample and a step, not to a process.

An objective that corrupts, masks or permutes draws from here: the numbers are a pure function of the
objective's seed, the step and the sample's row. So the order of a batch does not matter, two processes draw
what one would, and a resumed training goes on with the same numbers (seed and step are buffers).

Source of the mixing: splitmix64, Steele, Lea & Flood 2014 (doi:10.1145/2660193.2660195), figure 17.
Letters: B samples.
"""

import math

import torch
from torch import Tensor, nn

_GAMMA, _FIRST, _SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15


def mix(x: Tensor) -> Tensor:
    """int64 of any shape -> int64, every input bit stirred into every output bit."""
    x = x + _GAMMA
    x = (x ^ _right(x, 30)) * _FIRST
    x = (x ^ _right(x, 27)) * _SECOND
    return x ^ _right(x, 31)


def _right(x: Tensor, bits: int) -> Tensor:
    """A shift that moves zeros in, as of an unsigned number."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


class Chance(nn.Module):
    """seed, step: buffers, int64. `tick` after every step, else the same numbers come again."""

    seed: Tensor
    step: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seed", torch.randint(2**62, ()))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def tick(self) -> None:
        self.step += 1

    def uniform(self, index: Tensor, *shape: int, stream: int = 0) -> Tensor:
        """[B] rows -> [B, *shape] float32 in [0, 1). Another stream gives independent numbers."""
        count = math.prod(shape)
        start = mix(mix(self.seed + stream) + self.step)
        rows = mix(index.to(self.seed.device) + start).unsqueeze(1)
        numbers = mix(rows + torch.arange(count, device=rows.device))
        return (_right(numbers, 40).float() / (1 << 24)).reshape(len(index), *shape)

    def normal(self, index: Tensor, *shape: int, stream: int = 0) -> Tensor:
        """[B] rows -> [B, *shape] float32, standard normal."""
        u = self.uniform(index, *shape, stream=stream).clamp_min(0.5 / (1 << 24))
        return math.sqrt(2) * torch.erfinv(2 * u - 1)
