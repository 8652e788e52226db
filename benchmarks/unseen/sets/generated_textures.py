"""Twelve random textures, grey, each in a random orientation, scale and contrast.

Letters: S pixels a side; x and y are coordinates [S, S] in pixels, turned by a random angle.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from components.arrays import Pixels

SIDE = 32
NOISE = 0.08  # standard deviation of the noise of the sensor, as a share of the range

Field = NDArray[np.float64]
Generator = Callable[[Field, Field, np.random.Generator], Field]


def generate(name: str, rng: np.random.Generator) -> Pixels:
    """One image of a class of GENERATORS, uint8 [S, S]."""
    angle, shift = rng.uniform(0, 2 * np.pi), rng.uniform(0, 100, 2)
    row, column = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    x = np.cos(angle) * column - np.sin(angle) * row + shift[0]
    y = np.sin(angle) * column + np.cos(angle) * row + shift[1]
    field = GENERATORS[name](x, y, rng)
    field = (field - field.mean()) / (field.std() + 1e-9)
    field = field + NOISE * 4 * rng.standard_normal(field.shape)
    grey = rng.uniform(110, 145) + rng.uniform(30, 50) * field
    return np.asarray(np.clip(np.round(grey), 0, 255), dtype=np.uint8)


def _waves(
    x: Field, y: Field, rng: np.random.Generator, short: float, long: float, narrow: float = np.pi
) -> Field:
    """Noise as the sum of 60 plane waves with wavelengths of short to long pixels.

    narrow: their directions differ from the x axis by at most so much, in radians.
    """
    wavelength = np.exp(rng.uniform(np.log(short), np.log(long), 60))
    direction, phase = rng.uniform(-narrow, narrow, 60), rng.uniform(0, 2 * np.pi, 60)
    along = np.cos(direction)[:, None, None] * x + np.sin(direction)[:, None, None] * y
    waves = np.cos(2 * np.pi * along / wavelength[:, None, None] + phase[:, None, None])
    return np.asarray(waves.sum(axis=0))


def _nearest(x: Field, y: Field, rng: np.random.Generator, spacing: float, jitter: float) -> Field:
    """Distances to the nearest and second nearest of points on a jittered lattice, in spacings: [2, S, S]."""
    u, v = x / spacing, y / spacing
    low_u, low_v = int(np.floor(u.min())) - 2, int(np.floor(v.min())) - 2
    shape = (int(np.ceil(u.max())) + 3 - low_u, int(np.ceil(v.max())) + 3 - low_v)
    offset = 0.5 + jitter * rng.uniform(-0.5, 0.5, (2, *shape))
    cell_u, cell_v = np.floor(u).astype(int), np.floor(v).astype(int)
    distances = []
    for du in (-1, 0, 1):
        for dv in (-1, 0, 1):
            at = (cell_u + du - low_u, cell_v + dv - low_v)
            point_u, point_v = cell_u + du + offset[0][at], cell_v + dv + offset[1][at]
            distances.append(np.hypot(u - point_u, v - point_v))
    return np.sort(np.stack(distances), axis=0)[:2]


def _stripes(x: Field, y: Field, rng: np.random.Generator) -> Field:
    return np.asarray(np.cos(2 * np.pi * x / rng.uniform(4.5, 8) + 0.15 * _waves(x, y, rng, 20, 40)))


def _zigzag(x: Field, y: Field, rng: np.random.Generator) -> Field:
    period = rng.uniform(7, 11)
    bend = np.abs((y / period) % 1 - 0.5) * period
    return np.asarray(np.cos(2 * np.pi * (x + bend) / rng.uniform(4.5, 7)))


def _checks(x: Field, y: Field, rng: np.random.Generator) -> Field:
    period = rng.uniform(8, 13)
    return np.asarray(np.sign(np.sin(2 * np.pi * x / period) * np.sin(2 * np.pi * y / period)))


def _honeycomb(x: Field, y: Field, rng: np.random.Generator) -> Field:
    period = rng.uniform(5.5, 9)
    turns = (np.arange(3) * np.pi / 3)[:, None, None]
    return np.asarray(np.cos(2 * np.pi * (np.cos(turns) * x + np.sin(turns) * y) / period).sum(axis=0))


def _dots(x: Field, y: Field, rng: np.random.Generator) -> Field:
    return np.asarray(_nearest(x, y, rng, rng.uniform(6, 9), 0.5)[0] < rng.uniform(0.2, 0.28)).astype(float)


def _cells(x: Field, y: Field, rng: np.random.Generator) -> Field:
    return np.asarray(_nearest(x, y, rng, rng.uniform(7, 11), 1.0)[0])


def _cracks(x: Field, y: Field, rng: np.random.Generator) -> Field:
    first, second = _nearest(x, y, rng, rng.uniform(7, 11), 1.0)
    return np.asarray(np.minimum(second - first, 0.25))


def _fibres(x: Field, y: Field, rng: np.random.Generator) -> Field:
    return _waves(x, y, rng, 3, 12, narrow=0.15)


def _veins(x: Field, y: Field, rng: np.random.Generator) -> Field:
    return np.asarray(1 - np.abs(np.sin(x / rng.uniform(3, 5) + 0.35 * _waves(x, y, rng, 12, 40))))


def _labyrinth(x: Field, y: Field, rng: np.random.Generator) -> Field:
    wavelength = rng.uniform(5, 8)
    return np.tanh(_waves(x, y, rng, wavelength, 1.15 * wavelength))


def _grain(x: Field, y: Field, rng: np.random.Generator) -> Field:
    return _waves(x, y, rng, 2.2, 4)


def _clouds(x: Field, y: Field, rng: np.random.Generator) -> Field:
    return np.asarray(_waves(x, y, rng, 14, 40) + 0.35 * _waves(x, y, rng, 5, 14))


GENERATORS: dict[str, Generator] = {
    "stripes": _stripes,
    "zigzag": _zigzag,
    "checks": _checks,
    "honeycomb": _honeycomb,
    "dots": _dots,
    "cells": _cells,
    "cracks": _cracks,
    "fibres": _fibres,
    "veins": _veins,
    "labyrinth": _labyrinth,
    "grain": _grain,
    "clouds": _clouds,
}
