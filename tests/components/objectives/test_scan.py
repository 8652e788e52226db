import math

import pytest
import torch
from torch import nn

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.parts.neighbours import nearest
from components.objectives.scan import (
    NEIGHBOURS,
    PRETEXT,
    SELF_LABELS,
    Scan,
    ScanConfig,
    self_label_loss,
)
from components.objectives.simclr import SimclrConfig


class Flat(nn.Module):
    feature_dim = 4

    def forward(self, x):
        return x.flatten(1)


def points(rows=40, seed=0):
    return torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed))


def logits(rows=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(rows, 3, generator=generator, dtype=torch.float64)


def make(phase=NEIGHBOURS, rows=40, **kwargs):
    torch.manual_seed(0)
    until = {PRETEXT: (0.5, 0.5), NEIGHBOURS: (0.0, 1.0), SELF_LABELS: (0.0, 0.0)}[phase]
    settings = {
        "pretext": SimclrConfig(embedding=4), "clusters": 3, "neighbours": 2,
        "pretext_until": until[0], "neighbours_until": until[1], **kwargs,
    }  # fmt: skip
    return Scan(ScanConfig(**settings), Flat(), rows)


def batch(index, seeds=(0, 0)):
    return Batch([points(seed=s)[index].reshape(-1, 1, 2, 2) for s in seeds], index)


def softmax(row):
    e = [math.exp(float(s)) for s in row]
    return [x / sum(e) for x in e]


def test_defaults_are_the_published_ones():
    config = ScanConfig()
    assert (config.entropy_weight, config.confidence, config.neighbours) == (5, 0.99, 20)
    assert (config.pretext_until, config.neighbours_until) == (500 / 800, 600 / 800)


def test_the_gradient_of_self_labels_is_that_of_finite_differences():
    sure = torch.tensor([True, False, True])
    assert torch.autograd.gradcheck(
        lambda s: self_label_loss(s, torch.tensor([0, 1, 0]), sure), logits(3).requires_grad_()
    )


def test_self_labels_weigh_every_class_alike_and_equal_torchs_weighted_mean():
    s, targets = logits(), torch.tensor([0, 0, 0, 1, 1, 2])
    sure = torch.tensor([True, True, True, True, False, False])
    each = [-math.log(softmax(row)[t]) for row, t in zip(s, targets.tolist(), strict=True)]
    by_class = [sum(each[:3]) / 3, each[3]]  # nobody is sure of class 2
    got = self_label_loss(s, targets, sure)
    assert got.item() == pytest.approx(sum(by_class) / 2, rel=1e-12)
    published = torch.tensor([4 / 3, 4, 1], dtype=torch.float64)  # 1 / frequency among the sure
    peer = nn.functional.cross_entropy(s[sure], targets[sure], weight=published)
    torch.testing.assert_close(got, peer)


def test_where_none_is_sure_nothing_is_learned():
    s = logits().requires_grad_()
    loss = self_label_loss(s, torch.zeros(6, dtype=torch.int64), torch.zeros(6, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert not s.grad.any()


def test_the_phases_follow_the_share_of_training_at_the_beginning_of_an_epoch():
    objective = make(pretext_until=0.5, neighbours_until=0.75)
    phases = []
    for epoch in range(8):
        objective.before_epoch(epoch, points)
        phases.append(int(objective.phase))
        objective.after_step(Flat(), (epoch + 1) / 8)
    assert phases == [PRETEXT] * 4 + [NEIGHBOURS] * 2 + [SELF_LABELS] * 2


def test_the_pretext_is_simclr_and_the_classes_wait():
    objective = make(PRETEXT)
    objective.before_epoch(0, points)
    given = batch(torch.arange(8), (0, 1))
    loss = objective(Flat(), given).total
    torch.testing.assert_close(loss, objective.pretext(Flat(), given).total)
    loss.backward()
    assert all(not p.grad.any() for p in objective.top.parameters())
    assert objective.figures() == {}


def test_neighbours_are_mined_once_and_their_features_taken_every_epoch():
    objective = make()
    objective.before_epoch(0, points)
    assert torch.equal(objective.neighbours, nearest(points(), 2))
    assert torch.equal(objective.bank, points())
    objective.before_epoch(1, lambda: points(seed=1))
    assert torch.equal(objective.neighbours, nearest(points(), 2))
    assert torch.equal(objective.bank, points(seed=1))


def test_the_loss_of_the_neighbours_phase_equals_a_loop():
    objective, index = make(neighbours=1), torch.tensor([3, 17, 35, 8])  # one neighbour: nothing to draw
    objective.before_epoch(0, lambda: points(seed=2))
    head = lambda x: (x @ objective.top.weight.T + objective.top.bias).detach()  # noqa: E731
    costs, predictions = [], []
    for seed in (0, 1):
        for i in index.tolist():
            p = softmax(head(points(seed=seed)[i]))
            q = softmax(head(points(seed=2)[objective.neighbours[i, 0]]))
            costs.append(-math.log(sum(x * y for x, y in zip(p, q, strict=True))))
            predictions.append(p)
    means = [sum(p[k] for p in predictions) / 8 for k in range(3)]
    entropy = -sum(m * math.log(m) for m in means)
    losses = objective(Flat(), batch(index, (0, 1)))
    assert losses.total.item() == pytest.approx(sum(costs) / 8 - 5 * entropy, rel=1e-5)
    assert losses.parts["entropy"].item() == pytest.approx(entropy, rel=1e-5)


def test_all_neighbours_are_drawn_and_other_ones_in_other_steps():
    objective = make(neighbours=4)
    objective.before_epoch(0, points)
    drawn = []
    objective.top.register_forward_hook(lambda module, given, out: drawn.append(given[0]))
    for _ in range(20):
        objective(Flat(), batch(torch.tensor([5])))
        objective.after_step(Flat(), 0.1)
    theirs = torch.cat(drawn[1::2])  # the head sees views first, then neighbours
    rows = [int((objective.bank == x).all(dim=1).nonzero()) for x in theirs]
    assert set(rows) == set(objective.neighbours[5].tolist())


def test_the_neighbours_side_teaches_the_head_alone():
    objective, encoder = make(), nn.Sequential(nn.Flatten(), nn.Linear(4, 4))
    objective.before_epoch(0, points)
    objective(encoder, batch(torch.arange(8))).total.backward()
    assert encoder[1].weight.grad.abs().sum() > 0
    assert objective.top.weight.grad.abs().sum() > 0
    assert all(not p.grad.any() for p in objective.pretext.parameters())
    assert not objective.bank.requires_grad


def test_self_labels_come_from_the_first_view_and_only_from_sure_ones():
    objective, index = make(SELF_LABELS, confidence=0.5), torch.arange(12)
    objective.before_epoch(0, points)
    with torch.no_grad():
        objective.top.weight.copy_(torch.eye(4)[:3])
        objective.top.bias.zero_()
    given = batch(index, (0, 1))
    leaves = [v.requires_grad_() for v in given.views]
    loss = objective(Flat(), given).total
    first, second = points()[index, :3], points(seed=1)[index, :3]
    p = first.softmax(dim=1)
    sure = p.max(dim=1).values >= 0.5
    assert 0 < sure.sum() < 12
    torch.testing.assert_close(loss, self_label_loss(second, p.argmax(dim=1), sure))
    loss.backward()
    assert leaves[0].grad is None
    assert torch.equal(leaves[1].grad.flatten(1).abs().sum(dim=1) > 0, sure)


def test_figures_by_hand():
    objective = make(confidence=0.8)
    objective.before_epoch(0, points)
    with torch.no_grad():
        objective.top.weight.copy_(torch.eye(4)[:3] * 10)
        objective.top.bias.zero_()
    ones = torch.eye(4).reshape(4, 1, 2, 2)[[0, 1, 3]]  # sure of 0, sure of 1, and of nothing
    objective(Flat(), Batch([ones, ones], torch.arange(3)))
    objective.after_step(Flat(), 0.1)
    sure, low = math.exp(10) / (math.exp(10) + 2), 1 / (math.exp(10) + 2)
    means = [(sure + low + 1 / 3) / 3] * 2 + [(2 * low + 1 / 3) / 3]
    assert objective.figures()["sure_share"] == pytest.approx(2 / 3)
    expected = -sum(m * math.log(m) for m in means)
    assert objective.figures()["cluster_entropy"] == pytest.approx(expected, rel=1e-5)
    objective.before_epoch(1, points)
    assert objective.figures() == {}


def test_a_resumed_training_is_in_the_phase_it_was_in_and_a_warm_start_begins_again():
    objective = make(pretext_until=0.3, neighbours_until=0.6)
    objective.after_step(Flat(), 0.4)
    objective.before_epoch(4, points)
    resumed, warm = (make(pretext_until=0.3, neighbours_until=0.6) for _ in range(2))
    resumed.load_state_dict(objective.state_dict())
    assert (resumed.progress, resumed.phase) == (0.4, NEIGHBOURS)
    warm.carry_over(objective.state_dict())
    assert (warm.progress, warm.phase) == (0.0, PRETEXT)
    assert (warm.neighbours < 0).all()


def test_refuses_in_one_line():
    with pytest.raises(UserError, match="neighbours < samples, got 2 for 2"):
        make(rows=2)
    with pytest.raises(UserError, match=r"\[40, 4\], got \[39, 4\]"):
        make().before_epoch(0, lambda: points(39))
    with pytest.raises(UserError, match="lower the learning rate"):
        make().before_epoch(0, lambda: torch.full((40, 4), torch.nan))
    with pytest.raises(ValueError, match="pretext_until <= neighbours_until"):
        ScanConfig(pretext_until=0.8)
    objective = make()
    objective.before_epoch(0, points)
    with pytest.raises(UserError, match="2 views"):
        objective(Flat(), Batch(batch(torch.arange(3)).views[:1], torch.arange(3)))
