import math

import pytest
import torch
from pydantic import ValidationError

from components.encoders import build_encoder
from components.encoders.vit import VitConfig, positions
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.objectives.base import Batch
from components.objectives.capi import Capi, CapiConfig, assigned, cross_entropy

VIT = VitConfig(width=16, depth=1, heads=2, patch=2)
CONFIG = CapiConfig(width=8, depth=1, heads=2, clusters=5)
GRID = (4, 6)


def make(config=CONFIG):
    torch.manual_seed(0)
    encoder = build_encoder(VIT, image_packing(1, [0.4], [0.25]))
    objective = Capi(config, encoder)
    with torch.no_grad():  # a teacher that is not the student
        for parameter in objective.teacher.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        objective.clusters.layer.bias.copy_(torch.randn(5))
    return encoder, objective


def given(samples=6):
    generator = torch.Generator().manual_seed(0)
    return Batch([torch.rand(samples, 1, 8, 12, generator=generator)], torch.arange(samples))


def balanced(scores, epsilon, iterations):
    """Sinkhorn-Knopp of one place, [B][K], as the authors' code has it: sums by loops, no logarithms."""
    q = [[math.exp(s / epsilon) for s in row] for row in scores]
    for _ in range(iterations):
        columns = [sum(row[k] for row in q) for k in range(len(q[0]))]
        q = [[v / columns[k] for k, v in enumerate(row)] for row in q]
        q = [[v / sum(row) for v in row] for row in q]
    return q


def nats(target, scores, temperature):
    norm = math.log(sum(math.exp(s / temperature) for s in scores))
    return -sum(q * (s / temperature - norm) for q, s in zip(target, scores, strict=True))


def test_assignments_are_balanced_for_each_place_by_itself():
    torch.manual_seed(0)
    scores = torch.randn(7, 3, 5, dtype=torch.float64)
    found = assigned(scores, epsilon=0.5, iterations=3)
    for t in range(3):
        expected = torch.tensor(balanced(scores[:, t].tolist(), 0.5, 3), dtype=torch.float64)
        torch.testing.assert_close(found[:, t], expected)
    many = assigned(scores, epsilon=0.5, iterations=300)
    torch.testing.assert_close(many.sum(dim=0), torch.full((3, 5), 7 / 5, dtype=torch.float64))


def test_a_place_tells_nothing_of_the_cluster():
    """Tokens that are only their place: each cluster is as likely everywhere, so nothing can be learnt of them."""
    scores = torch.randn(1, 4, 5).expand(6, 4, 5)
    torch.testing.assert_close(assigned(scores, epsilon=0.06, iterations=3), torch.full((6, 4, 5), 0.2))


def test_the_cross_entropy_equals_a_loop_and_is_ln_k_where_nothing_is_told_apart():
    torch.manual_seed(1)
    scores, targets = torch.randn(2, 3, 5), torch.rand(2, 3, 5).softmax(dim=2)
    pairs = zip(targets.flatten(0, 1).tolist(), scores.flatten(0, 1).tolist(), strict=True)
    expected = sum(nats(q, s, 0.5) for q, s in pairs) / 6
    assert float(cross_entropy(targets, scores, 0.5)) == pytest.approx(expected, rel=1e-5)
    assert float(cross_entropy(targets, torch.ones(2, 3, 5), 0.1)) == pytest.approx(math.log(5))


def by_hand(encoder, objective, batch):
    """(prediction, clustering): one sample and one place at a time."""
    config, x, p = objective.config, batch.views[0], objective.predictor
    hidden = objective.hidden(batch.index, GRID)
    told = objective.teacher.tokens(x)
    lengths = told / told.norm(dim=2, keepdim=True)
    layer = objective.clusters.layer
    scores = (lengths @ layer.weight.T + layer.bias).tolist()
    codes = [
        balanced([scores[b][t] for b in range(len(x))], config.assignment_temperature, config.iterations)
        for t in range(24)
    ]
    clustering = [
        nats(codes[t][b], scores[b][t], config.temperature) for b in range(len(x)) for t in range(24)
    ]
    where, prediction = positions(*GRID, 8), []
    for b in range(len(x)):
        kept = [t for t in range(24) if not hidden[b, t]]
        known = p.enter(encoder.tokens(x[b : b + 1], kept=torch.tensor([kept]))) + where[kept]
        for t in range(24):
            if hidden[b, t]:  # asked alone, since no query sees another
                answer = p.norm(p.blocks[0]((p.token + where[t])[None, None], known))[0, 0]
                cosines = torch.nn.functional.cosine_similarity(answer[None], p.directions, dim=1)
                prediction.append(nats(codes[t][b], cosines.tolist(), config.temperature))
    return sum(prediction) / len(prediction), sum(clustering) / len(clustering)


def test_the_loss_is_put_together_by_hand():
    encoder, objective = make()
    batch = given()
    with torch.no_grad():
        prediction, clustering = by_hand(encoder, objective, batch)
        losses = objective(encoder, batch)
    assert float(losses.parts["prediction"]) == pytest.approx(prediction, rel=1e-4)
    assert float(losses.parts["clustering"]) == pytest.approx(clustering, rel=1e-4)
    assert float(losses.total) == pytest.approx(prediction + clustering, rel=1e-4)


def test_attention_by_hand():
    """One head, one query, two seen tokens: softmax of the scaled products."""
    torch.manual_seed(2)
    block = make(CapiConfig(width=4, depth=1, heads=1, clusters=5))[1].predictor.blocks[0]
    x, seen = torch.randn(1, 1, 4), torch.randn(1, 2, 4)
    q, (k, v) = block.query(block.norm1(x)), block.key_value(block.norm_seen(seen)).chunk(2, dim=2)
    weights = ((k[0] @ q[0, 0]) / 2).softmax(dim=0)
    middle = x[0, 0] + block.leave(weights @ v[0])
    expected = middle + block.mlp(block.norm2(middle))
    torch.testing.assert_close(block(x, seen)[0, 0], expected)


def test_65_in_100_patches_are_hidden_and_blocks_stay_visible():
    hidden = make()[1].hidden(torch.arange(40), (8, 8))
    assert hidden.sum(dim=1).tolist() == [64 - 22] * 40
    cells = hidden.view(40, 4, 2, 4, 2).sum(dim=(2, 4))
    assert ((cells == 0) | (cells == 4)).float().mean() > 0.9  # all but one cell of each sample


def test_each_loss_has_its_own_gradient():
    encoder, objective = make()
    losses, clusters = objective(encoder, given()), objective.clusters
    losses.total.backward()
    assert all(p.grad is None for p in objective.teacher.parameters())
    assert all(p.grad.any() for p in (*encoder.parameters(), *objective.predictor.parameters()))
    both = [p.grad.clone() for p in clusters.parameters()]
    told = objective.teacher.tokens(given().views[0]).detach()
    scores = clusters(told)
    targets = assigned(scores, epsilon=0.06, iterations=3)
    assert not targets.requires_grad
    alone = torch.autograd.grad(cross_entropy(targets, scores, 0.12), list(clusters.parameters()))
    for one, other in zip(both, alone, strict=True):  # what the predictor guesses pulls at no cluster
        torch.testing.assert_close(one, other)


def test_the_teacher_follows_and_is_what_is_kept():
    encoder, objective = make()
    before, mine = objective.teacher.norm.bias.clone(), encoder.norm.bias.detach().clone()
    objective.after_step(encoder, 0.5)
    tau = 1 - (1 - 0.99) / 2
    torch.testing.assert_close(objective.teacher.norm.bias, tau * before + (1 - tau) * mine)
    assert objective.exported(encoder) is objective.teacher


def test_figures_are_means_over_the_epoch():
    encoder, objective = make()
    assert objective.figures() == {}
    seen = []
    for _ in range(2):
        with torch.no_grad():
            losses = objective(encoder, given())
            scores = objective.clusters(objective.teacher.tokens(given().views[0]))
            q = assigned(scores, epsilon=0.06, iterations=3)[objective.hidden(torch.arange(6), GRID)]
        seen.append((float(-torch.xlogy(q, q).sum(dim=1).mean()), float(losses.parts["prediction"])))
        objective.after_step(encoder, 0.1)
    entropy, loss = (sum(values) / 2 for values in zip(*seen, strict=True))
    assert objective.figures() == pytest.approx(
        {"assignment_entropy": entropy, "divergence": loss - entropy}, rel=1e-4
    )
    objective.before_epoch(1, None)
    assert objective.figures() == {}


def test_mistakes():
    encoder, objective = make()
    with pytest.raises(UserError, match="2 samples or more"):
        objective(encoder, given(1))
    with pytest.raises(ValidationError, match="width must be a multiple of heads"):
        CapiConfig(width=8, heads=3)
