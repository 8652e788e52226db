import math

import pytest
import torch
import torch.nn.functional as F

from components.semisupervised.parts import robust
from components.semisupervised.parts.adjustment import adjusted, unadjusted
from components.semisupervised.parts.entropy import mean_entropy
from components.semisupervised.parts.loss import LossConfig, supervised_loss
from components.semisupervised.parts.smoothing import shares, smoothed


def inputs(rows=6, classes=4):
    g = torch.Generator().manual_seed(0)
    return (
        torch.randn(rows, classes, generator=g) * 2,
        torch.tensor([0, 1, 2, 3, 1, -1]),
        torch.rand(rows, generator=g),
    )


def slow(logits, targets, weights, each):
    """each: (probabilities of a row as a list, its class) -> its loss."""
    total = 0.0
    for row, y, w in zip(logits.double(), targets.tolist(), weights.tolist(), strict=True):
        p = (row.exp() / row.exp().sum()).tolist()
        total += w * each(p, y) if y >= 0 else 0.0
    return total / len(logits)


LOSSES = {
    "ce": (LossConfig(), lambda p, y: -math.log(p[y])),
    "gce": (LossConfig(name="gce"), lambda p, y: (1 - p[y] ** 0.7) / 0.7),
    "sce": (LossConfig(name="sce"), lambda p, y: -0.1 * math.log(p[y]) + 4 * (1 - p[y])),
    "smoothed": (
        LossConfig(smoothing=0.1),
        lambda p, y: -sum((0.9 * (k == y) + 0.1 / len(p)) * math.log(q) for k, q in enumerate(p)),
    ),
}


@pytest.mark.parametrize(("config", "each"), LOSSES.values(), ids=LOSSES)
def test_equals_the_equation_in_loops(config, each):
    logits, targets, weights = inputs()
    expected = slow(logits, targets, weights, each)
    assert supervised_loss(logits, targets, weights, config).item() == pytest.approx(expected, rel=1e-5)


def test_a_head_without_the_margin_becomes_one_with_it():
    """Then the margin gives its logits back; a class that no label has is not lifted."""
    bias, prior = torch.tensor([0.5, -0.2, 0.1]), torch.tensor([0.7, 0.2, 0.1])
    torch.testing.assert_close(adjusted(unadjusted(bias, prior, 1.5)[None], prior, 1.5)[0], bias)
    by_hand = torch.tensor([0.1053605, 2.3025851, 0.0])
    torch.testing.assert_close(unadjusted(torch.zeros(3), torch.tensor([0.9, 0.1, 0.0]), 1.0), by_hand)
    assert torch.equal(unadjusted(bias, prior, 0.0), bias)


def test_published_figures_are_the_defaults():
    config = LossConfig()
    assert (config.q, config.alpha, config.beta, config.floor) == (0.7, 0.1, 1.0, -4.0)
    assert (config.memory, config.momentum) == (3.0, 0.7)


def test_plain_loss_is_torch_s_cross_entropy_over_all_rows():
    logits, targets, weights = inputs()
    each = F.cross_entropy(logits, targets, reduction="none", ignore_index=-1)
    torch.testing.assert_close(supervised_loss(logits, targets, weights), (weights * each).sum() / 6)


def test_smoothed_targets_of_ten_classes():
    row = smoothed(shares(torch.tensor([3, -1]), 10), 0.1)
    assert row[0].tolist() == pytest.approx([0.01] * 3 + [0.91] + [0.01] * 6)
    assert row[1].abs().sum() == 0


def test_smoothing_agrees_with_torch():
    logits, targets, _ = inputs()
    mine = supervised_loss(logits[:5], targets[:5], torch.ones(5), LossConfig(smoothing=0.2))
    torch.testing.assert_close(mine, F.cross_entropy(logits[:5], targets[:5], label_smoothing=0.2))


def test_generalised_is_between_cross_entropy_and_absolute_error():
    logits, y = torch.tensor([[0.0, 0.0, 0.0, 0.0]]), shares(torch.tensor([1]), 4)
    assert robust.generalised(logits, y, 0.5).item() == pytest.approx(1.0)
    assert robust.generalised(logits, y, 1.0).item() == pytest.approx(0.75)
    assert robust.generalised(logits, y, 1e-4).item() == pytest.approx(math.log(4), rel=1e-3)


def test_a_wrong_label_pulls_less_under_gce_and_is_bounded_under_sce():
    wrong, y = torch.tensor([[9.0, 0.0]], requires_grad=True), shares(torch.tensor([1]), 2)
    pull = {}
    for name, loss in (
        ("ce", robust.cross_entropy(wrong, y)),
        ("gce", robust.generalised(wrong, y, 0.7)),
        ("sce", robust.symmetric(wrong, y, 0.1, 1.0, -4.0)),
    ):
        pull[name] = float(torch.autograd.grad(loss.sum(), wrong)[0].abs().max())
    assert pull["gce"] < 0.01 * pull["ce"]
    assert pull["sce"] < 0.15 * pull["ce"]


def test_adjustment_shifts_by_the_log_prior_and_a_rare_class_needs_a_margin():
    logits, prior = torch.zeros(1, 2), torch.tensor([0.9, 0.1])
    assert adjusted(logits, prior, 1.0).softmax(1).tolist()[0] == pytest.approx([0.9, 0.1])
    loss = supervised_loss(logits, torch.tensor([1]), torch.ones(1), LossConfig(adjustment=1.0), prior)
    assert loss.item() == pytest.approx(-math.log(0.1))
    half = adjusted(logits, prior, 0.5).softmax(1)[0]
    assert (half[0] / half[1]).item() == pytest.approx(3.0)
    assert torch.isfinite(adjusted(logits, torch.tensor([1.0, 0.0]), 1.0)).all()


def test_entropy_of_constant_logits_is_log_k_and_descending_it_sharpens():
    assert mean_entropy(torch.zeros(3, 10)).item() == pytest.approx(2.3025850930, rel=1e-6)
    logits = torch.tensor([[1.0, 0.0]], requires_grad=True)
    mean_entropy(logits).backward()
    assert logits.grad[0, 0] < 0 < logits.grad[0, 1]


def test_early_learning_by_hand_and_where_its_gradient_goes():
    logits = torch.tensor([[math.log(3.0), 0.0]], requires_grad=True)
    memory = torch.tensor([[0.8, 0.1]], requires_grad=True)
    loss = robust.early(logits, memory)
    assert loss.item() == pytest.approx(math.log(1 - (0.75 * 0.8 + 0.25 * 0.1)))
    loss.backward()
    assert memory.grad is None
    assert logits.grad[0, 0] < 0  # what the sample was held to be is strengthened
    assert robust.early(logits, torch.zeros(1, 2)).item() == 0


def test_the_whole_elr_loss():
    logits, targets, weights = inputs()
    memory = torch.full((6, 4), 0.2)
    config = LossConfig(name="elr")
    expected = supervised_loss(logits, targets, weights) + 3 * (weights * math.log(1 - 0.2)).sum() / 6
    torch.testing.assert_close(supervised_loss(logits, targets, weights, config, None, memory), expected)


def test_memory_moves_once_for_a_row_that_comes_twice():
    memory = torch.zeros(3, 2)
    logits = torch.tensor([[0.6, 0.4], [0.2, 0.8], [0.9, 0.1]]).log()
    robust.remember(memory, torch.tensor([2, 2, 0]), logits, 0.7)
    torch.testing.assert_close(memory, 0.3 * torch.tensor([[0.9, 0.1], [0.0, 0.0], [0.4, 0.6]]))
