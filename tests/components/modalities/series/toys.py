"""Small series for tests."""

import io

import numpy as np

from components.modalities.series.config import SeriesConfig, SeriesPacking
from components.modalities.series.decode import encode


def npy(values, **options) -> bytes:
    out = io.BytesIO()
    np.save(out, values, **options)
    return out.getvalue()


def packing(channels=2, length=12, mean=None, std=None, **config) -> SeriesPacking:
    return SeriesPacking(
        read_as=SeriesConfig(**config),
        channels=channels,
        length=length,
        mean=tuple(mean or [0.0] * channels),
        std=tuple(std or [1.0] * channels),
    )


def samples(count=24, channels=2, shortest=6, longest=14, seed=0) -> list[np.ndarray]:
    """float32 [T, C]: waves of three frequencies with noise."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        steps = int(random.integers(shortest, longest + 1))
        angle = np.arange(steps)[:, None] * (0.5 + number % 3) + np.arange(channels)
        found.append((np.sin(angle) + 0.1 * random.normal(size=(steps, channels))).astype(np.float32))
    return found


def encoded(series) -> list[bytes]:
    return [encode(one) for one in series]
