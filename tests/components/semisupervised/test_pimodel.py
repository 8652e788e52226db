import pytest
import torch
import torch.nn.functional as F

from components.semisupervised.pimodel import PimodelConfig
from tests.components.semisupervised.by_hand import Pixels, batch, logits, made


def test_published_defaults():
    assert (PimodelConfig().weight, PimodelConfig().rampup) == (100, 0.27)


def test_the_loss_by_hand_over_labelled_and_unlabelled_rows():
    first, second = logits(5, 5)
    losses = made(PimodelConfig())(Pixels(), batch([first, second], 2, [0, 2, -1, -1, -1]))
    square = 0.0
    for a, b in zip(first.double().softmax(1), second.double().softmax(1), strict=True):
        square += sum(float(x - y) ** 2 for x, y in zip(a, b, strict=True)) / 3 / 5
    expected = F.cross_entropy(first[:2], torch.tensor([0, 2])).item() + 100 * 0.0067379470 * square
    assert losses.total.item() == pytest.approx(expected, rel=1e-5)


def test_gradient_reaches_both_views_with_opposite_signs():
    first, second = (v.requires_grad_() for v in (torch.zeros(2, 3), torch.tensor([[1.0, 0, 0]] * 2)))
    made(PimodelConfig(weight=1e4))(Pixels(), batch([first, second], 1, [0, -1])).total.backward()
    assert first.grad[1, 0] < 0 < second.grad[1, 0]  # a step against it: the first rises, the second falls
    assert second.grad[0].abs().sum() > 0
