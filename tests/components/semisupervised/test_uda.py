import math

import pytest
import torch
import torch.nn.functional as F

from components.semisupervised.uda import UdaConfig, ceiling, uda_loss
from tests.components.semisupervised.by_hand import Pixels, batch, logits, made


def test_published_defaults():
    config = UdaConfig()
    assert (config.threshold, config.temperature, config.weight, config.annealing) == (0.8, 0.4, 1, "none")


def slow(weak, strong, threshold, temperature):
    total = 0.0
    for w, s in zip(weak.double(), strong.double(), strict=True):
        p, q = w.exp() / w.exp().sum(), s.exp() / s.exp().sum()
        if float(p.max()) >= threshold:
            target = p ** (1 / temperature) / (p ** (1 / temperature)).sum()
            total -= sum(float(t) * math.log(float(x)) for t, x in zip(target, q, strict=True))
    return total / len(weak)


@pytest.mark.parametrize("threshold", [0.0, 0.6, 0.9])
def test_equals_the_equation_in_loops(threshold):
    weak, strong = logits(20, 20)
    loss, mask = uda_loss(weak, strong, threshold, 0.4)
    assert loss.item() == pytest.approx(slow(weak, strong, threshold, 0.4), rel=1e-5)
    assert 0 < mask.sum() <= 20


def test_gradient_is_of_the_strong_side_alone_over_all_rows():
    weak, strong = torch.tensor([[0.6, 0.3, 0.1], [0.4, 0.3, 0.3]]).log(), torch.zeros(2, 3)
    weak.requires_grad_(), strong.requires_grad_()
    uda_loss(weak, strong, 0.5, 0.5)[0].backward()
    target = torch.tensor([0.7826086957, 0.1956521739, 0.0217391304])
    torch.testing.assert_close(strong.grad, torch.stack([(1 / 3 - target) / 2, torch.zeros(3)]))
    assert weak.grad is None


def test_labels_are_let_in_as_published():
    x = torch.tensor([0.0, 0.5, 1.0])
    for annealing, a in (
        ("linear", [0.0, 0.5, 1.0]),
        ("log", [0.0, 1 - math.exp(-2.5), 1 - math.exp(-5)]),
        ("exp", [math.exp(-5), math.exp(-2.5), 1.0]),
        ("none", [1.0, 1.0, 1.0]),
    ):
        torch.testing.assert_close(ceiling(x, 10, annealing), torch.tensor(a) * 0.9 + 0.1)


def test_annealing_is_a_mean_over_the_labels_that_still_count():
    own, weak, strong = logits(4, 3, 3)
    own[0] = torch.tensor([9.0, 0, 0])  # known by heart
    method = made(UdaConfig(annealing="linear"))
    method.after_step(Pixels(), 0.6)  # a label counts below .6 * 2/3 + 1/3
    targets = torch.tensor([0, 1, 2, 0])
    p = own.softmax(1)[torch.arange(4), targets]
    kept = p < 0.6 * 2 / 3 + 1 / 3
    assert 0 < kept.sum() < 4
    losses = method(Pixels(), batch([torch.cat([own, weak]), strong], 4, [0, 1, 2, 0, -1, -1, -1]))
    torch.testing.assert_close(losses.parts["supervised"], F.cross_entropy(own[kept], targets[kept]))


def test_no_label_left_costs_nothing():
    own = torch.tensor([[9.0, 0, 0]])
    losses = made(UdaConfig(annealing="exp"))(Pixels(), batch([torch.cat([own, own]), own], 1, [0, -1]))
    assert losses.parts["supervised"] == 0
