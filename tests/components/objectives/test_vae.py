"""VAE: the divergence against torch.distributions and Monte Carlo, the bound against a known likelihood."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from components.encoders.base import Encoder
from components.objectives.base import Batch
from components.objectives.vae import Vae, VaeConfig, divergence, negative_bound


def gaussians(samples=6, size=3):
    generator = torch.Generator().manual_seed(0)
    mu, log_variance = torch.randn(2, samples, size, generator=generator, dtype=torch.float64)
    return mu, log_variance


def test_the_divergence_is_that_of_torch_and_of_monte_carlo():
    mu, log_variance = gaussians()
    q, p = Normal(mu, (log_variance / 2).exp()), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    torch.testing.assert_close(divergence(mu, log_variance), kl_divergence(q, p).sum(dim=1))
    torch.manual_seed(0)
    drawn = q.sample((20000,))
    monte_carlo = (q.log_prob(drawn) - p.log_prob(drawn)).sum(dim=2).mean(dim=0)
    torch.testing.assert_close(divergence(mu, log_variance), monte_carlo, atol=0.08, rtol=0)
    assert divergence(torch.ones(1, 4), torch.zeros(1, 4)).item() == 2.0


def test_closed_forms():
    x, zero = torch.rand(4, 1, 3, 3), torch.zeros(4, 2)
    total, parts = negative_bound(x, x, zero, zero)
    assert total.item() == pytest.approx(0.9189385332)
    assert parts["divergence"].item() == 0
    total, parts = negative_bound(x, x + 1, zero + 1, zero, beta=5.0)
    assert parts["reconstruction"].item() == pytest.approx(0.9189385332 + 0.5)
    assert parts["divergence"].item() == pytest.approx(1 / 9)  # 2 numbers of .5 nats over 9 values
    assert total.item() == pytest.approx(0.9189385332 + 0.5 + 5 / 9)


def test_the_reconstruction_is_the_log_likelihood_of_a_gaussian():
    x, prediction = torch.rand(2, 4, 2, 3, 3, dtype=torch.float64)
    _, parts = negative_bound(x, prediction, torch.zeros(4, 2), torch.zeros(4, 2))
    expected = -Normal(prediction, torch.ones_like(prediction)).log_prob(x).mean()
    torch.testing.assert_close(parts["reconstruction"], expected)


def test_the_bound_is_met_by_the_true_posterior_of_a_linear_model_and_by_no_other():
    """x = W z + noise with orthogonal columns: p(x) is Gaussian, and so is the posterior, with no covariance."""
    torch.manual_seed(0)
    W = torch.linalg.qr(torch.randn(9, 2, dtype=torch.float64)).Q * torch.tensor([2.0, 0.7])
    x = torch.randn(1, 9, dtype=torch.float64)
    variance = 1 / (1 + (W * W).sum(dim=0))
    mu, log_variance = variance * (x @ W), variance.log().unsqueeze(0)
    evidence = -MultivariateNormal(torch.zeros(9).double(), W @ W.T + torch.eye(9)).log_prob(x)[0] / 9

    def bound(mu, log_variance, draws=40000):
        z = mu + (log_variance / 2).exp() * torch.randn(draws, 2, dtype=torch.float64)
        target = x.reshape(1, 1, 3, 3).expand(draws, 1, 3, 3)
        wide = (draws, 2)
        total, _ = negative_bound(
            target, (z @ W.T).reshape(-1, 1, 3, 3), mu.expand(wide), log_variance.expand(wide)
        )
        return total

    assert bound(mu, log_variance).item() == pytest.approx(evidence.item(), abs=0.005)
    assert bound(mu + 1, log_variance) > evidence + 0.1
    assert bound(mu, log_variance + 2) > evidence + 0.1


class Pixels(Encoder):
    feature_dim = 16

    def forward(self, x):
        return x.flatten(1)


def test_the_code_is_drawn_around_mu_with_the_deviation_that_the_encoder_says():
    torch.manual_seed(0)
    encoder = Pixels(1, [0.5], [0.3])
    objective = Vae(VaeConfig(code=2, width=4), encoder, rows=0, size=4)
    with torch.no_grad():
        objective.code.weight.zero_()
        objective.code.bias.copy_(torch.tensor([3.0, -1.0, math.log(4), math.log(0.25)]))
    objective.decoder.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    seen = []
    losses = objective(encoder, Batch([torch.rand(2000, 1, 4, 4)], torch.arange(2000)))
    (code,) = seen
    assert code.mean(dim=0).tolist() == pytest.approx([3, -1], abs=0.15)
    assert code.std(dim=0).tolist() == pytest.approx([2, 0.5], abs=0.1)
    expected = 0.5 * (9 + 4 - 1 - math.log(4) + 1 + 0.25 - 1 + math.log(4)) / 16
    assert losses.parts["divergence"].item() == pytest.approx(expected, rel=1e-5)
    assert VaeConfig().beta == 1
