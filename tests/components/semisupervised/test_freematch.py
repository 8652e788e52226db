import math

import pytest
import torch

from components.semisupervised.freematch import FreematchConfig, own_thresholds, unfairness
from tests.components.semisupervised.by_hand import Pixels, batch, logits, made

EVEN = torch.full((3,), 1 / 3)


def test_defaults_are_the_published_ones_but_for_the_pace():
    assert (FreematchConfig().momentum, FreematchConfig().fairness) == (0.99, 0.001)


def test_thresholds_of_known_shares():
    found = own_thresholds(torch.tensor(0.8), torch.tensor([0.5, 0.3, 0.2]))
    torch.testing.assert_close(found, torch.tensor([0.8, 0.48, 0.32]))


def slow(strong, mask, mean, histogram):
    p = [row.softmax(0) for row, kept in zip(strong.double(), mask, strict=True) if kept]
    counts = [sum(int(row.argmax()) == k for row in p) for k in range(3)]
    a = [float(mean[k] / histogram[k]) for k in range(3)]
    b = [sum(float(row[k]) for row in p) / counts[k] if counts[k] else 0.0 for k in range(3)]
    return sum(x / sum(a) * math.log(y / sum(b) + 1e-12) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("kept", [12, 2])
def test_unfairness_equals_the_equation_in_loops(kept):
    (strong,) = logits(12)
    mask = torch.arange(12) < kept
    mean, histogram = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.6, 0.3, 0.1])
    found = unfairness(strong, mask, mean, histogram)
    assert found.item() == pytest.approx(slow(strong, mask, mean, histogram), rel=1e-4)


def test_unfairness_where_all_is_even_or_nothing_is_kept():
    strong = (torch.eye(3) * 2).requires_grad_()
    assert unfairness(strong, torch.ones(3, dtype=torch.bool), EVEN, EVEN).item() == pytest.approx(
        -math.log(3)
    )
    nothing = unfairness(strong, torch.zeros(3, dtype=torch.bool), EVEN, EVEN)
    nothing.backward()
    assert nothing == 0
    assert strong.grad.abs().sum() == 0


def test_running_figures_follow_before_the_mask_is_made_and_in_training_alone():
    weak, strong = logits(6, 6)
    method = made(FreematchConfig(momentum=0.5, fairness=0.3))
    given = batch([torch.cat([logits(2)[0], weak]), strong], 2, [0, 1] + [-1] * 6)
    losses = method(Pixels(), given)
    p = weak.softmax(1)
    confidence = (1 / 3 + p.amax(1).mean()) / 2
    mean = (EVEN + p.mean(0)) / 2
    histogram = (EVEN + torch.bincount(p.argmax(1), minlength=3) / 6) / 2
    torch.testing.assert_close(method.confidence, confidence)
    torch.testing.assert_close(method.mean, mean)
    torch.testing.assert_close(method.histogram, histogram)
    limits = confidence * mean / mean.max()
    mask = p.amax(1) >= limits[p.argmax(1)]
    log_p = strong.log_softmax(1)
    consistency = -(mask * log_p[torch.arange(6), p.argmax(1)]).sum() / 6
    fair = unfairness(strong, mask, mean, histogram)
    torch.testing.assert_close(losses.parts["consistency"], consistency + 0.3 * fair)
    method.eval()(Pixels(), given)
    torch.testing.assert_close(method.confidence, confidence)


def test_gradient_of_unfairness_reaches_kept_strong_rows_alone():
    strong = logits(6)[0].requires_grad_()
    unfairness(strong, torch.arange(6) < 4, EVEN, EVEN).backward()
    assert strong.grad[:4].abs().sum() > 0
    assert strong.grad[4:].abs().sum() == 0
