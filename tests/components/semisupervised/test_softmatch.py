import math

import pytest
import torch

from components.semisupervised.softmatch import SoftmatchConfig, softmatch_loss, truncated
from tests.components.semisupervised.by_hand import Pixels, batch, logits, made


def test_defaults_are_the_published_ones_but_for_the_pace():
    config = SoftmatchConfig()
    assert (config.momentum, config.sharpness, config.align, config.weight) == (0.99, 2, True, 1)


def test_weights_of_known_confidences():
    confidence = torch.tensor([0.96, 0.6, 0.94, 0.79, 0.5])
    found = truncated(confidence, torch.tensor(0.7), torch.tensor(0.04), 2.0)
    torch.testing.assert_close(found, torch.tensor([1, 0.6065306597, 1, 1, math.exp(-2)]))
    assert truncated(torch.tensor([0.2]), torch.tensor(0.7), torch.tensor(0.0), 2.0) == 0  # never a nan


def test_the_mean_is_over_all_rows_and_gradient_on_the_strong_side():
    weak, strong = torch.tensor([[3.0, 0, 0], [0, 1, 0]]), torch.zeros(2, 3)
    weak.requires_grad_(), strong.requires_grad_()
    weights = torch.tensor([1.0, 0.5], requires_grad=True)
    loss = softmatch_loss(weak, strong, weights)
    assert loss.item() == pytest.approx(1.5 * math.log(3) / 2)
    loss.backward()
    torch.testing.assert_close(strong.grad[1], torch.tensor([1 / 3, -2 / 3, 1 / 3]) * 0.5 / 2)
    assert weak.grad is None
    assert weights.grad is None


@pytest.mark.parametrize("align", [True, False])
def test_running_figures_and_the_loss_by_hand(align):
    weak, strong = logits(8, 8)
    method = made(SoftmatchConfig(momentum=0.5, align=align))
    given = batch([torch.cat([logits(2)[0], weak]), strong], 2, [0, 1] + [-1] * 8)
    losses = method(Pixels(), given)
    p = weak.softmax(1)
    mean = (1 / 3 + p.mean(0)) / 2
    if align:
        p = p / 3 / mean
        p = p / p.sum(1, keepdim=True)
        torch.testing.assert_close(method.mean, mean)
    confidence = p.amax(1)
    centre, variance = (1 / 3 + confidence.mean()) / 2, (1 + confidence.var()) / 2
    torch.testing.assert_close(method.centre, centre)
    torch.testing.assert_close(method.variance, variance)
    weights = torch.exp(-((confidence - centre).clamp(max=0) ** 2) * 4 / (2 * variance))
    log_p = strong.log_softmax(1)[torch.arange(8), weak.argmax(1)]  # the class before alignment
    torch.testing.assert_close(losses.parts["consistency"], -(weights * log_p).mean())
    method.eval()(Pixels(), given)
    torch.testing.assert_close(method.centre, centre)
