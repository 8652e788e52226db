import math

import pytest
import torch
import torch.nn.functional as F

from components.objectives.base import Batch
from components.semisupervised.base import take_apart, weighted_cross_entropy
from components.semisupervised.fixmatch import Fixmatch, FixmatchConfig, fixmatch_loss

GOLDEN = torch.tensor([[0.96, 0.03, 0.01], [0.6, 0.3, 0.1], [0.94, 0.05, 0.01], [0.2, 0.79, 0.01]])


def slow(weak, strong, threshold):
    total, mask = 0.0, []
    for w, s in zip(weak.double(), strong.double(), strict=True):
        p = w.exp() / w.exp().sum()
        mask.append(float(p.max()) >= threshold)
        if mask[-1]:
            total -= math.log(float(s.exp()[int(p.argmax())] / s.exp().sum()))
    return total / len(weak), mask


def test_the_mask_of_known_probabilities():
    _, mask = fixmatch_loss(GOLDEN.log(), torch.zeros(4, 3), 0.95)
    assert mask.tolist() == [True, False, False, False]


def test_the_mean_is_over_all_unlabelled_samples_not_over_the_kept():
    loss, _ = fixmatch_loss(GOLDEN.log(), torch.zeros(4, 3), 0.95)
    assert loss.item() == pytest.approx(math.log(3) / 4)


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.9])
def test_equals_the_equation_in_loops(threshold):
    g = torch.Generator().manual_seed(0)
    weak, strong = torch.randn(20, 4, generator=g) * 2, torch.randn(20, 4, generator=g)
    loss, mask = fixmatch_loss(weak, strong, threshold)
    expected, kept = slow(weak, strong, threshold)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert mask.tolist() == kept


def test_gradient_goes_to_the_strong_side_of_kept_samples_and_nowhere_else():
    weak, strong = GOLDEN.log().requires_grad_(), torch.zeros(4, 3, requires_grad=True)
    fixmatch_loss(weak, strong, 0.95)[0].backward()
    assert weak.grad is None
    torch.testing.assert_close(strong.grad[0], torch.tensor([1 / 3 - 1, 1 / 3, 1 / 3]) / 4)
    assert strong.grad[1:].abs().sum() == 0


def test_refuses_unequal_shapes():
    with pytest.raises(ValueError, match="two equal"):
        fixmatch_loss(torch.zeros(3, 2), torch.zeros(4, 2), 0.9)


def test_weighted_cross_entropy_is_a_mean_over_all_rows():
    logits, targets, weights = (
        torch.zeros(4, 5),
        torch.tensor([1, -1, 2, 0]),
        torch.tensor([1.0, 1.0, 0.5, 0.0]),
    )
    assert weighted_cross_entropy(logits, targets, weights).item() == pytest.approx(1.5 * math.log(5) / 4)


class Pixels(torch.nn.Module):
    """An encoder that hands the pixels on, so that the logits can be worked out by hand."""

    feature_dim = 3

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.gain * x.flatten(1)


def batch(weak, strong, targets, weights=None):
    views = [weak.reshape(len(weak), 3, 1, 1), strong.reshape(len(strong), 3, 1, 1)]
    w = torch.ones(len(weak)) if weights is None else torch.tensor(weights)
    return Batch(views, torch.arange(len(weak)), torch.tensor(targets), w, len(weak) - len(strong))


def method(**options):
    made = Fixmatch(FixmatchConfig(**{"align": False, **options}), Pixels(), 3)
    with torch.no_grad():
        made.head.weight.copy_(torch.eye(3))
        made.head.bias.zero_()
    return made


@pytest.mark.parametrize("together", [True, False])
def test_the_whole_loss_by_hand(together):
    g = torch.Generator().manual_seed(1)
    weak, strong = torch.randn(6, 3, generator=g) * 3, torch.randn(4, 3, generator=g)
    m = method(threshold=0.8, weight=2.0, pseudo_weight=0.5, together=together)
    m.after_step(Pixels(), 0.25)
    losses = m(Pixels(), batch(weak, strong, [0, 2, 1, -1, 0, -1], [1.0, 1.0, 0.9, 0.0, 0.4, 0.0]))
    supervised = F.cross_entropy(weak[:2], torch.tensor([0, 2]))
    consistency, kept = slow(weak[2:], strong, 0.8)
    log_p = strong.log_softmax(1)
    pseudo = -(0.9 * log_p[0, 1] + 0.4 * log_p[2, 0]) / 4
    assert losses.total.item() == pytest.approx(
        float(supervised + 2 * consistency + 0.5 * 0.75 * pseudo), rel=1e-5
    )
    assert losses.parts["mask"].item() == pytest.approx(sum(kept) / 4)


def test_alignment_multiplies_by_prior_over_running_mean():
    m = Fixmatch(FixmatchConfig(momentum=0.5), Pixels(), 3, prior=torch.tensor([2.0, 1.0, 1.0]))
    logits = GOLDEN.log()
    found = m.aligned(logits).softmax(1)
    mean = 0.5 * torch.tensor([0.5, 0.25, 0.25]) + 0.5 * GOLDEN.mean(0)
    torch.testing.assert_close(m.mean, mean)
    expected = GOLDEN * torch.tensor([0.5, 0.25, 0.25]) / mean
    torch.testing.assert_close(found, expected / expected.sum(1, keepdim=True))
    m.eval()
    m.aligned(logits)
    torch.testing.assert_close(m.mean, mean)


def test_a_class_that_no_label_has_is_aligned_away_without_a_nan():
    m = Fixmatch(FixmatchConfig(), Pixels(), 3, prior=torch.tensor([1.0, 1.0, 0.0]))
    for _ in range(3):
        p = m.aligned(GOLDEN.flip(1).log()).softmax(1)
    assert torch.isfinite(p).all()
    assert p[:, 2].max() < 1e-3


def test_weak_views_move_no_batch_norm_when_looked_at_apart():
    torch.manual_seed(0)
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(3))
    m, other = method(together=False), torch.randn(4, 3) * 100
    b = batch(torch.cat([torch.randn(2, 3), other]), torch.randn(4, 3), [0, 1, -1, -1, -1, -1])
    m(encoder, b)
    assert encoder[1].running_var.max() < 10
    assert encoder.training


def test_refuses_a_batch_that_is_not_laid_out():
    with pytest.raises(ValueError, match=r"views of \[2, 1\] rows, got .* views of \[2\] rows"):
        method()(Pixels(), Batch([torch.zeros(2, 3, 1, 1)], torch.arange(2), torch.tensor([0, 1]), None, 1))
    with pytest.raises(ValueError, match="0 labelled rows"):
        take_apart(batch(torch.zeros(2, 3), torch.zeros(2, 3), [0, 1]), 1, 1)
    with pytest.raises(ValueError, match="no targets"):
        take_apart(Batch([torch.zeros(2, 3, 1, 1)], torch.arange(2), labelled=2), 1, 0)
