import math

import pytest
import torch

from components.semisupervised.vat import VatConfig, adversarial, divergence, unit
from tests.components.semisupervised.by_hand import Pixels, batch, logits, made
from tests.components.semisupervised.cases import CASES, encoder, make
from tests.components.semisupervised.cases import batch as images


def test_defaults_are_the_published_ones_for_a_pixel():
    assert VatConfig().epsilon == pytest.approx(6 / math.sqrt(3 * 32 * 32) / 4, rel=0.01)
    assert (VatConfig().iterations, VatConfig().weight, VatConfig().probe) == (1, 1, 1e-3)


def test_divergence_of_known_rows():
    p, q = torch.tensor([[0.5, 0.5], [0.9, 0.1]]), torch.tensor([[0.25, 0.75], [0.9, 0.1]])
    expected = [0.5 * math.log(2) + 0.5 * math.log(2 / 3), 0.0]
    torch.testing.assert_close(divergence(p.log(), q.log()), torch.tensor(expected))


def test_two_linear_classes_are_told_apart_along_the_difference_of_their_weights():
    g = torch.Generator().manual_seed(0)
    w, x, start = (
        torch.randn(6, 2, generator=g),
        torch.randn(5, 6, generator=g),
        torch.randn(5, 6, generator=g),
    )
    for iterations in (1, 3):
        d = adversarial(lambda v: v @ w, x, (x @ w).log_softmax(1), start, 1e-3, iterations)
        along = torch.nn.functional.normalize(w[:, 0] - w[:, 1], dim=0)
        torch.testing.assert_close((d @ along).abs(), torch.ones(5), rtol=1e-3, atol=0)


def test_the_power_method_finds_the_largest_eigenvector():
    """With three classes the curvature is W (diag p - p p^T) W^T, of rank two."""
    g = torch.Generator().manual_seed(1)
    w, x, start = (torch.randn(*s, generator=g, dtype=torch.float64) for s in ((6, 3), (4, 6), (4, 6)))
    p = (x @ w).softmax(1)
    d = adversarial(lambda v: v @ w, x, p.log(), start, 1e-4, 60)
    for row, direction in zip(p, d, strict=True):
        top = torch.linalg.eigh(w @ (row.diag() - row.outer(row)) @ w.T).eigenvectors[:, -1]
        assert abs(float(top @ direction)) == pytest.approx(1, abs=1e-3)


def test_the_perturbation_is_worse_than_a_random_one_of_its_length():
    torch.manual_seed(2)
    w, x = torch.randn(20, 4), torch.randn(50, 20)
    log_p = (x @ w).log_softmax(1)
    start = torch.randn(50, 20)
    d = adversarial(lambda v: v @ w, x, log_p, start, 1e-3, 1)
    worst, chance = (divergence(log_p, ((x + r) @ w).log_softmax(1)).mean() for r in (d, unit(start)))
    assert worst > 3 * chance


def test_the_loss_by_hand():
    """Pixels are logits: the divergence of p and of p with the logits moved by epsilon sqrt(K) d."""
    (x,) = logits(4)
    method, encoder = made(VatConfig(epsilon=0.5, probe=1e-3)), Pixels()
    losses = method(encoder, batch([x], 2, [0, 2, -1, -1]))
    start = method.chance.normal(torch.arange(4), 3, 1, 1)
    log_p = x.log_softmax(1)
    d = adversarial(lambda v: v.flatten(1), x.reshape(4, 3, 1, 1), log_p, start, 1e-3, 1).flatten(1)
    expected = divergence(log_p, (x + 0.5 * math.sqrt(3) * d).log_softmax(1)).mean()
    torch.testing.assert_close(losses.parts["consistency"], expected, rtol=1e-3, atol=1e-6)
    losses.total.backward()
    assert encoder.gain.grad.abs() > 0


def test_the_target_takes_no_gradient():
    """The gradient of KL(p || q) for the logits of q is q - p; that of p would add to it."""
    (x,) = logits(4)
    method = made(VatConfig(epsilon=0.5))
    method(Pixels(), batch([x], 2, [0, 2, -1, -1], [0.0] * 4)).total.backward()
    start, log_p = method.chance.normal(torch.arange(4), 3, 1, 1), x.log_softmax(1)
    d = adversarial(lambda v: v.flatten(1), x.reshape(4, 3, 1, 1), log_p, start, 1e-3, 1).flatten(1)
    q = (x + 0.5 * math.sqrt(3) * d).softmax(1)
    torch.testing.assert_close(method.head.bias.grad, (q - log_p.exp()).mean(0), rtol=1e-3, atol=1e-6)


def test_perturbed_passes_leave_the_running_figures_and_steps_draw_anew():
    case = CASES["vat"]
    e, m = encoder(), make(case)
    plain = encoder()
    b = images(m)
    m(e, b)
    plain(b.views[0])
    torch.testing.assert_close(e.state_dict(), plain.state_dict())
    first = m.chance.normal(b.index, 3)
    m.after_step(e, 0.1)
    assert not torch.equal(first, m.chance.normal(b.index, 3))
