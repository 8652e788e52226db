"""Label-free figures: golden values, closed forms, slow loops; the verdict on dead and live features."""

import math

import pytest
import torch
from torch import Tensor

from components.evaluation.representation.collapse import symptoms
from components.evaluation.representation.diagnostics import (
    alignment,
    diagnose,
    effective_rank,
    feature_std,
    uniformity,
)

Z1 = torch.tensor([[1, 2, 3], [-1, 0.5, 2], [0.3, -2, 1], [2, 2, -1]], dtype=torch.float64)
Z2 = torch.tensor([[1.1, 1.8, 2.5], [-0.5, 1, 2], [0.1, -1.5, 1.5], [1.5, 2.5, -0.5]], dtype=torch.float64)


def gaussian(rows: int, size: int) -> Tensor:
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_golden_values() -> None:
    assert effective_rank(torch.eye(8)) == pytest.approx(8.0000069, abs=5e-7)
    assert effective_rank(torch.ones(8, 8)) == pytest.approx(1.0000112, abs=2e-6)
    assert effective_rank(Z1) == pytest.approx(2.8282764723, abs=1e-9)
    assert alignment(Z1, Z2) == pytest.approx(0.0737549130, abs=1e-10)
    assert uniformity(Z1) == pytest.approx(-2.6992195287, abs=1e-9)
    assert feature_std(gaussian(4000, 128)) == pytest.approx(1 / math.sqrt(128), abs=2e-4)
    assert uniformity(gaussian(2000, 128)) == pytest.approx(-3.9376, abs=5e-3)
    assert effective_rank(gaussian(1000, 64)) == pytest.approx(63.48, abs=0.1)


def test_one_point_for_all_samples() -> None:
    same = torch.ones(16, 8)
    assert feature_std(same) == pytest.approx(0, abs=1e-7)
    assert uniformity(same) == pytest.approx(0, abs=1e-12)
    assert alignment(same, -same) == pytest.approx(4)
    assert effective_rank(torch.zeros(4, 4)) < 1.01


def test_uniformity_in_loops() -> None:
    z = [v / v.norm() for v in Z1]
    terms = [math.exp(-2 * float((a - b).square().sum())) for i, a in enumerate(z) for b in z[i + 1 :]]
    assert uniformity(Z1) == pytest.approx(math.log(sum(terms) / len(terms)))


def looked_at(features: Tensor) -> dict[str, float]:
    return diagnose(features, (features, features))


def test_scale_does_not_matter_to_spread() -> None:
    assert looked_at(gaussian(500, 32) * 1e-3)["spread"] == pytest.approx(1, abs=0.02)


def test_the_centred_rank_looks_past_a_common_offset() -> None:
    line = 3 + gaussian(256, 1) @ torch.rand(1, 32, dtype=torch.float64)
    found = looked_at(line)
    assert found["centred_rank"] == pytest.approx(1, abs=1e-3)
    assert found["rank"] > 1.1
    spread = gaussian(512, 16)
    centred = effective_rank(spread - spread.mean(dim=0))
    assert looked_at(spread + 50)["centred_rank"] == pytest.approx(centred)


@pytest.mark.parametrize(
    ("features", "word"),
    [
        (torch.ones(256, 32) + 1e-4 * gaussian(256, 32), "nearly equal"),
        (3 + gaussian(256, 1) @ torch.rand(1, 32, dtype=torch.float64), "along one line"),
    ],
    ids=["point", "line"],
)
def test_dead_features_are_called_dead(features: Tensor, word: str) -> None:
    assert word in " ".join(symptoms(looked_at(features), loss=1.0, collapse_loss=None))


@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_live_features_are_not_even_far_from_the_origin(offset: float) -> None:
    assert symptoms(looked_at(gaussian(512, 64) + offset), loss=1.0, collapse_loss=None) == []


@pytest.mark.parametrize(("loss", "dead"), [(6.2383, True), (6.20, True), (6.0, False), (6.6, False)])
def test_a_clustering_loss_that_stays_at_ln_k(loss: float, dead: bool) -> None:
    found = symptoms(looked_at(gaussian(512, 64)), loss=loss, collapse_loss=math.log(512))
    assert bool(found) is dead
    assert symptoms(looked_at(gaussian(512, 64)), loss=loss, collapse_loss=None) == []
