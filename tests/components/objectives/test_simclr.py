import math

import pytest
import torch
from torch import nn

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.simclr import Simclr, SimclrConfig, nt_xent

Z1 = torch.tensor([[1, 2, 3], [-1, 0.5, 2], [0.3, -2, 1], [2, 2, -1]], dtype=torch.float64)
Z2 = torch.tensor([[1.1, 1.8, 2.5], [-0.5, 1, 2], [0.1, -1.5, 1.5], [1.5, 2.5, -0.5]], dtype=torch.float64)


def embeddings(samples=5, size=4):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(samples, size, generator=generator, dtype=torch.float64) for _ in range(2)]


def slow_nt_xent(a, b, temperature):
    z = [v / v.norm() for v in torch.cat([a, b])]
    n, total = len(a), 0.0
    for i in range(2 * n):
        others = sum(math.exp(float(z[i] @ z[k]) / temperature) for k in range(2 * n) if k != i)
        total -= math.log(math.exp(float(z[i] @ z[(i + n) % (2 * n)]) / temperature) / others)
    return total / (2 * n)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
@pytest.mark.parametrize("samples", [2, 5])
def test_equals_algorithm_1_in_loops(samples, temperature):
    a, b = embeddings(samples)
    assert nt_xent(a, b, temperature=temperature).item() == pytest.approx(slow_nt_xent(a, b, temperature))


@pytest.mark.parametrize(
    ("temperature", "golden"),
    [
        (0.07, 0.0913116982),
        (0.1, 0.1542194981),
        (0.2, 0.3679835719),
        (0.5, 0.8989584830),
        (1.0, 1.3163384586),
    ],
)
def test_golden_values(temperature, golden):
    assert nt_xent(Z1, Z2, temperature=temperature).item() == pytest.approx(golden, abs=1e-10)


def test_closed_forms():
    eye, ones = torch.eye(2, dtype=torch.float64), torch.ones(4, 3, dtype=torch.float64)
    assert nt_xent(eye, eye, temperature=0.5).item() == pytest.approx(
        math.log(1 + 2 * math.exp(-2)), abs=1e-12
    )
    assert nt_xent(ones, ones, temperature=0.1).item() == pytest.approx(math.log(7), abs=1e-12)


def test_length_does_not_matter_and_both_views_are_treated_alike():
    a, b = embeddings()
    once = nt_xent(a, b, temperature=0.2)
    torch.testing.assert_close(nt_xent(3 * a, 0.1 * b, temperature=0.2), once)
    torch.testing.assert_close(nt_xent(b, a, temperature=0.2), once)


def test_the_gradient_is_that_of_finite_differences_and_reaches_both_views():
    a, b = (e.requires_grad_() for e in embeddings(3))
    assert torch.autograd.gradcheck(lambda x, y: nt_xent(x, y, temperature=0.5), (a, b))
    nt_xent(a, b, temperature=0.5).backward()
    assert a.grad.abs().sum() > 0
    assert b.grad.abs().sum() > 0


def test_small_temperatures_stay_finite_in_bfloat16():
    a, b = (e.bfloat16() for e in embeddings())
    loss = nt_xent(a, b, temperature=0.001)
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)


@pytest.mark.parametrize(("a", "b"), [((1, 4), (1, 4)), ((3, 4), (2, 4)), ((4,), (4,))])
def test_what_has_no_negatives_or_does_not_fit_is_refused(a, b):
    with pytest.raises(UserError, match="B >= 2"):
        nt_xent(torch.ones(a), torch.ones(b), temperature=0.1)


def test_temperature_must_be_above_zero():
    with pytest.raises(ValueError, match="greater than 0"):
        SimclrConfig(temperature=0)


def test_without_layers_features_themselves_are_compared():
    torch.manual_seed(0)
    encoder, index = nn.Linear(4, 3), torch.arange(5)
    encoder.feature_dim = 3
    objective = Simclr(SimclrConfig(layers=0, temperature=0.5), encoder)
    a, b = torch.rand(5, 4), torch.rand(5, 4)
    expected = nt_xent(encoder(a), encoder(b), temperature=0.5)
    torch.testing.assert_close(objective(encoder, Batch([a, b], index)).total, expected)
    assert not list(objective.parameters())
