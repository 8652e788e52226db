"""Figures of the spectrum: golden values, closed forms, slow loops."""

import math

import pytest
import torch
from torch import Tensor

from components.evaluation.representation.diagnostics import effective_rank
from components.evaluation.representation.spectrum import correlation, decay, lidar, spectrum


def gaussian(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_spectrum(values: Tensor, rows: int) -> Tensor:
    """[rows, D] whose covariance has exactly these eigenvalues."""
    basis, _ = torch.linalg.qr(
        torch.cat([torch.ones(rows, 1, dtype=torch.float64), gaussian(rows, len(values))], 1)
    )
    turn, _ = torch.linalg.qr(gaussian(len(values), len(values), seed=1))
    return basis[:, 1:] * (values * rows).sqrt() @ turn


def test_the_spectrum_is_that_of_the_covariance() -> None:
    x = gaussian(40, 5) + 3
    expected = torch.linalg.eigvalsh(torch.cov(x.T, correction=0)).flip(0)
    torch.testing.assert_close(spectrum(x), expected)


@pytest.mark.parametrize(("alpha", "size"), [(1.5, 64), (1.0, 128), (0.0, 64), (2.0, 8)])
def test_a_power_law_gives_its_own_power(alpha: float, size: int) -> None:
    values = torch.arange(1, size + 1, dtype=torch.float64) ** -alpha
    assert decay(values) == pytest.approx(alpha, abs=1e-9)
    assert decay(spectrum(7 + 1e-3 * with_spectrum(values, 200))) == pytest.approx(alpha, abs=1e-6)


def test_a_sample_of_a_power_law_gives_the_golden_value() -> None:
    values = torch.arange(1, 129, dtype=torch.float64) ** -1.5
    assert decay(spectrum(gaussian(20000, 128) * values.sqrt())) == pytest.approx(1.4997, abs=0.02)


def test_only_the_published_range_counts() -> None:
    """j = 11 to 50: what the ten largest and those beyond the fiftieth are does not matter."""
    values = torch.arange(1, 129, dtype=torch.float64) ** -1.0
    changed = values.clone()
    changed[:10] *= 50
    changed[50:] *= 0.01
    assert decay(changed) == pytest.approx(1.0)
    changed[10] *= 2
    assert decay(changed) != pytest.approx(1.0, abs=0.01)


def test_features_that_are_all_equal_have_no_decay() -> None:
    assert decay(spectrum(torch.ones(32, 16))) == 0.0
    assert decay(torch.ones(2)) == 0.0


def slow_lidar(views: Tensor, ridge: float = 1e-4) -> float:
    n, q, size = views.shape
    mean = sum(views[i, j] for i in range(n) for j in range(q)) / (n * q)
    within, between = torch.zeros(size, size).double(), torch.zeros(size, size).double()
    for i in range(n):
        centre = sum(views[i, j] for j in range(q)) / q
        between += torch.outer(centre - mean, centre - mean) / (n - 1)
        for j in range(q):
            within += torch.outer(views[i, j] - centre, views[i, j] - centre) / (n * (q - 1))
    between -= within / q
    unit = (within.trace() + between.trace()) / size
    inverse = torch.linalg.inv(torch.linalg.cholesky(within + ridge * unit * torch.eye(size).double()))
    values = torch.linalg.eigvalsh(inverse @ between @ inverse.T).clamp_min(0)
    p = values / values.sum() + 1e-8
    return math.exp(-float((p * p.log()).sum()))


def test_lidar_in_loops() -> None:
    views = gaussian(20, 1, 6) @ torch.diag(torch.arange(1.0, 7).double()) + 0.5 * gaussian(20, 3, 6, seed=1)
    assert lidar(views) == pytest.approx(slow_lidar(views), rel=1e-9)


def test_lidar_counts_what_tells_samples_apart_and_rankme_the_noise_too() -> None:
    """16 directions of the sample, 16 of the view: the setting of the golden value 15.84 (RankMe 21.66)."""
    signal = torch.cat([gaussian(500, 1, 16).expand(500, 10, 16), torch.zeros(500, 10, 16)], dim=2)
    noise = torch.cat([torch.zeros(500, 10, 16), 0.2 * gaussian(500, 10, 16, seed=1)], dim=2)
    views = signal + noise
    assert lidar(views) == pytest.approx(15.84, abs=0.25)
    assert lidar(views[:, :2]) == pytest.approx(15.84, abs=0.25)  # two views are enough
    assert effective_rank(views.reshape(5000, 32)) > 20


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_lidar_of_unit_vectors(scale: float) -> None:
    views = scale * torch.eye(8, dtype=torch.float64).unsqueeze(1).expand(8, 3, 8)
    assert lidar(views) == pytest.approx(7.0, abs=1e-4)


def test_lidar_of_the_dead() -> None:
    assert lidar(torch.ones(16, 2, 8)) == 1.0
    line = gaussian(64, 1, 1) * torch.ones(64, 2, 8).double()
    assert lidar(line) == pytest.approx(1.0, abs=1e-4)
    same = gaussian(1, 2, 8).expand(64, 2, 8)  # views differ, samples do not
    assert lidar(same) == 1.0


def test_correlation_in_loops() -> None:
    x = gaussian(30, 4) @ gaussian(4, 4, seed=2)
    each = [abs(float(torch.corrcoef(x[:, [i, j]].T)[0, 1])) for i in range(4) for j in range(4) if i != j]
    assert correlation(5 + x) == pytest.approx(sum(each) / len(each))


def test_correlation_at_its_ends() -> None:
    hadamard = torch.tensor([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    assert correlation(hadamard) == pytest.approx(0.0, abs=1e-12)
    assert correlation(gaussian(32, 1) @ torch.ones(1, 5).double()) == pytest.approx(1.0)
    assert correlation(torch.ones(32, 5)) == 1.0
    dead = torch.cat([hadamard, torch.zeros(4, 3)], dim=1)  # units that never fire say nothing
    assert correlation(dead) == pytest.approx(0.0, abs=1e-12)
