import math

import pytest
import torch
from torch import nn

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.parts.clusters import UNKNOWN
from components.objectives.sela import Sela, SelaConfig, balanced_labels


class Flat(nn.Module):
    feature_dim = 4

    def forward(self, x):
        return x.flatten(1)


def points(rows=40, seed=0):
    return torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed))


def make(rows=40, **kwargs):
    torch.manual_seed(0)
    return Sela(SelaConfig(**{"clusters": 4, "hidden": 0, **kwargs}), Flat(), rows)


def best_even_split(log_p):
    """Of all ways to give half of the samples each label, the one with the largest sum of log p."""
    gain = (log_p[:, 1] - log_p[:, 0]).tolist()
    ones = sorted(range(len(gain)), key=lambda i: -gain[i])[: len(gain) // 2]
    return [int(i in ones) for i in range(len(gain))]


def test_the_default_sharpness_is_the_published_one_and_a_perceptron_stands_before_the_heads():
    assert (SelaConfig().sharpness, SelaConfig().hidden) == (25, 256)


def test_the_example_of_the_docstring():
    labels = balanced_labels(torch.tensor([[4.0, 0.0], [3.0, 0.0]]), sharpness=25, iterations=100)
    assert labels.tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(3))
def test_two_clusters_are_the_best_even_split(seed):
    scores = torch.randn(12, 2, generator=torch.Generator().manual_seed(seed)) + torch.tensor([2.0, 0.0])
    labels = balanced_labels(scores, sharpness=25, iterations=500)
    assert labels.tolist() == best_even_split(scores.log_softmax(dim=1))


def test_labels_are_even_where_predictions_are_not():
    scores = points(400) + torch.tensor([6.0, 0, 0, 0])
    assert torch.bincount(scores.argmax(dim=1), minlength=4)[0] > 390
    sizes = torch.bincount(balanced_labels(scores, sharpness=25, iterations=100), minlength=4)
    assert sizes.min() >= 90
    assert sizes.max() <= 110


def test_labels_follow_the_predictions_where_these_are_even():
    truth = torch.arange(4).repeat(10)
    scores = 5 * torch.eye(4)[truth] + points()
    assert torch.equal(balanced_labels(scores, sharpness=25, iterations=100), scores.argmax(dim=1))


def test_before_an_epoch_each_head_labels_the_whole_set_by_its_own_scores():
    objective, given = make(heads=2), points()
    objective.before_epoch(0, lambda: given)
    weights, biases = objective.top.weight.split(4), objective.top.bias.split(4)
    for labels, weight, bias in zip(objective.labels, weights, biases, strict=True):
        expected = balanced_labels(given @ weight.T + bias, sharpness=25, iterations=100)
        assert torch.equal(labels, expected)
    assert not torch.equal(*objective.labels)


def test_the_loss_equals_loops_over_heads_views_and_samples():
    objective, given = make(heads=2, views=2), points()
    objective.before_epoch(0, lambda: given)
    index, other = torch.tensor([3, 17, 35]), points(seed=1)
    costs = []
    for view in (given, other):
        scores = (view @ objective.top.weight.T + objective.top.bias).detach()
        for head, labels in enumerate(objective.labels):
            for i in index.tolist():
                e = [math.exp(float(s)) for s in scores[i, 4 * head : 4 * head + 4]]
                costs.append(-math.log(e[labels[i]] / sum(e)))
    batch = Batch([given[index].reshape(-1, 1, 2, 2), other[index].reshape(-1, 1, 2, 2)], index)
    assert objective(Flat(), batch).total.item() == pytest.approx(sum(costs) / 12, rel=1e-5)


def test_equal_scores_cost_log_k():
    objective = make()
    objective.before_epoch(0, points)
    nn.init.zeros_(objective.top.weight)
    nn.init.zeros_(objective.top.bias)
    loss = objective(Flat(), Batch([points()[:5].reshape(-1, 1, 2, 2)], torch.arange(5))).total
    assert loss.item() == pytest.approx(math.log(4))
    assert objective.collapse_loss == math.log(4)


def test_gradient_reaches_encoder_and_head():
    objective, encoder = make(), nn.Sequential(nn.Flatten(), nn.Linear(4, 4))
    objective.before_epoch(0, points)
    objective(encoder, Batch([points()[:8].reshape(-1, 1, 2, 2)], torch.arange(8))).total.backward()
    for name, p in [*encoder.named_parameters(), *objective.named_parameters()]:
        assert p.grad.abs().sum() > 0, name


def test_labels_are_found_every_reassign_epochs():
    objective, calls = make(reassign=2), []

    def features():
        calls.append(1)
        return points(seed=len(calls))

    for epoch in range(4):
        objective.before_epoch(epoch, features)
    assert len(calls) == 2


def test_figures_by_hand():
    objective = make()
    assert (objective.labels == UNKNOWN).all()
    assert objective.figures() == {}
    objective.before_epoch(0, points)
    assert objective.figures().keys() == {"imbalance"}
    found = objective.labels.clone()
    objective.labels[0, :10] = (objective.labels[0, :10] + 1) % 4
    objective.before_epoch(1, points)
    assert torch.equal(objective.labels, found)
    assert objective.figures()["changed"] == 10 / 40
    objective.labels.copy_(torch.tensor([[0] * 20 + [1] * 20]))
    assert objective.figures()["imbalance"] == 4 * (20**2 + 20**2) / 40**2


def test_refuses_in_one_line():
    with pytest.raises(UserError, match="clusters <= samples, got 4 for 3"):
        make(rows=3)
    with pytest.raises(UserError, match=r"\[40, D\], got \[39, 4\]"):
        make().before_epoch(0, lambda: points(39))
    with pytest.raises(UserError, match="lower the learning rate"):
        make().before_epoch(0, lambda: torch.full((40, 4), torch.nan))


def test_with_a_perceptron_a_label_is_of_the_sample_alone_and_the_mode_stays():
    objective = make(rows=40, hidden=8, iterations=500).train()
    objective(Flat(), Batch([points()], torch.arange(40)))  # running figures that are not the first ones
    before = {name: value.clone() for name, value in objective.body.state_dict().items()}
    objective.before_epoch(0, points)
    assert all(torch.equal(value, before[name]) for name, value in objective.body.state_dict().items())
    assert all(m.training for m in objective.modules())
    linear, norm, _, last = objective.body[0]
    x = linear(points())
    x = (x - norm.running_mean) / torch.sqrt(norm.running_var + norm.eps) * norm.weight + norm.bias
    scores = objective.top(last(x.relu()).relu())
    expected = balanced_labels(scores, sharpness=25, iterations=500)
    assert torch.equal(objective.labels[0], expected)
    assert len(expected.unique()) == 4
