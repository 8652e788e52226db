import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from components.clustering.sinkhorn import sinkhorn
from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.swav import Swav, SwavConfig, swapped_prediction

Z1 = torch.tensor([[1, 2, 3], [-1, 0.5, 2], [0.3, -2, 1], [2, 2, -1]], dtype=torch.float64)
Z2 = torch.tensor([[1.1, 1.8, 2.5], [-0.5, 1, 2], [0.1, -1.5, 1.5], [1.5, 2.5, -0.5]], dtype=torch.float64)
B, D, K = 6, 7, 5


class Flat(nn.Module):
    """An encoder without chance or norm: means over pieces of the view, so that views of every size fit."""

    feature_dim = D

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, D)

    def forward(self, x):
        return self.layer(F.adaptive_avg_pool2d(x, 2).flatten(1))


def make(**fields):
    torch.manual_seed(0)
    config = SwavConfig(**{"prototypes": K, "embedding": 4, "layers": 1, "freeze": 0.0, **fields})
    encoder = Flat()
    return Swav(config, encoder), encoder


def batch(views=2, samples=B, seed=0, sides=(8, 8, 4, 4, 4)):
    generator = torch.Generator().manual_seed(seed)
    made = [torch.rand(samples, 1, s, s, generator=generator) for s in sides[:views]]
    return Batch(made, torch.arange(samples))


def slow_swapped(scores, codes, temperature):
    terms = []
    for g, q in enumerate(codes):
        for v, s in enumerate(scores):
            if v != g:
                for b in range(len(s)):
                    low = math.log(sum(math.exp(float(x) / temperature) for x in s[b]))
                    row = zip(q[b].tolist(), s[b].tolist(), strict=True)
                    terms.append(-sum(c * (x / temperature - low) for c, x in row))
    return sum(terms) / len(terms)


@pytest.mark.parametrize(("views", "globals_"), [(2, 2), (4, 2), (3, 1)])
def test_swapped_prediction_equals_the_equation_in_loops(views, globals_):
    generator = torch.Generator().manual_seed(0)
    scores = [torch.rand(B, K, generator=generator, dtype=torch.float64) for _ in range(views)]
    codes = [sinkhorn(s, epsilon=0.05, iterations=3) for s in scores[:globals_]]
    got = swapped_prediction(scores, codes, temperature=0.1).item()
    assert got == pytest.approx(slow_swapped(scores, codes, 0.1))


def test_golden_value():
    scores = [F.normalize(z, dim=1) for z in (Z1, Z2)]
    codes = [sinkhorn(s, epsilon=0.05, iterations=3) for s in scores]
    assert swapped_prediction(scores, codes, temperature=0.1).item() == pytest.approx(1.5328211026, abs=1e-10)


def test_constant_scores_cost_the_collapse_value():
    objective, _ = make()
    scores, codes = [torch.zeros(B, K)] * 2, [torch.full((B, K), 1 / K)] * 2
    assert swapped_prediction(scores, codes, temperature=0.1).item() == pytest.approx(objective.collapse_loss)
    assert objective.collapse_loss == pytest.approx(math.log(K))


@pytest.mark.parametrize("views", [2, 4])
def test_the_objective_composes_head_prototypes_codes_and_loss(views):
    objective, encoder = make()
    seen = batch(views)
    prototypes = F.normalize(objective.prototypes, dim=1)
    embeddings = [F.normalize(objective.head(encoder(v)), dim=1) for v in seen.views]
    scores = [(e @ prototypes.T).detach().double() for e in embeddings]
    codes = [sinkhorn(s, epsilon=0.05, iterations=3) for s in scores[:2]]
    loss = objective(encoder, seen).total
    assert loss.item() == pytest.approx(slow_swapped(scores, codes, 0.1), rel=1e-5)


def test_views_are_two_global_ones_and_the_local_ones():
    assert Swav(SwavConfig(locals=4), Flat()).views == (("global", 2), ("local", 4))
    assert Swav(SwavConfig(), Flat()).views == (("global", 2),)


def test_frozen_prototypes_get_gradient_zero_and_then_more():
    objective, encoder = make(freeze=0.5)
    objective(encoder, batch()).total.backward()
    assert (objective.prototypes.grad == 0).all()
    assert objective.head[0].weight.grad.abs().sum() > 0
    objective.zero_grad()
    objective.after_step(encoder, 0.5)
    objective(encoder, batch()).total.backward()
    assert objective.prototypes.grad.abs().sum() > 0


def test_prototypes_return_to_the_sphere_after_each_step():
    objective, encoder = make()
    torch.testing.assert_close(objective.prototypes.norm(dim=1), torch.ones(K))
    with torch.no_grad():
        objective.prototypes.mul_(3)
    loss = objective(encoder, batch()).total
    objective.after_step(encoder, 0.1)
    torch.testing.assert_close(objective.prototypes.norm(dim=1), torch.ones(K))
    torch.testing.assert_close(objective(encoder, batch()).total, loss)


def step(objective, encoder, progress, seed, samples=B):
    seen = batch(samples=samples, seed=seed)
    objective(encoder, seen)
    objective.after_step(encoder, progress)
    return torch.stack([F.normalize(objective.head(encoder(v)), dim=1) for v in seen.views], 1).detach()


def test_the_queue_starts_late_and_holds_the_newest_first():
    objective, encoder = make(queue=10, queue_from=0.5)
    step(objective, encoder, 0.4, seed=1)
    assert objective.queued == 0
    assert (objective.queue == 0).all()
    first, second = (step(objective, encoder, 0.5 + 0.1 * s, seed=s) for s in (1, 2))
    assert objective.queued == 10
    torch.testing.assert_close(objective.queue, torch.cat([second, first[:4]]))


def test_codes_are_balanced_over_batch_and_queue_and_the_batch_is_not_in_it_yet():
    objective, encoder = make(queue=10, queue_from=0.0)
    old = step(objective, encoder, 0.1, seed=1, samples=4)
    seen = batch(seed=2)
    embeddings = [F.normalize(objective.head(encoder(v)), dim=1) for v in seen.views]
    scores = [(e @ objective.prototypes.T).detach() for e in embeddings]
    codes = []
    for v in range(2):
        everything = torch.cat([scores[v], old[:, v] @ objective.prototypes.detach().T])
        codes.append(sinkhorn(everything, epsilon=0.05, iterations=3)[:B])
    expected = swapped_prediction(scores, codes, temperature=0.1)
    torch.testing.assert_close(objective(encoder, seen).total.detach(), expected)
    torch.testing.assert_close(objective(encoder, seen).total.detach(), expected)  # forward stores nothing
    plain = swapped_prediction(
        scores, [sinkhorn(s, epsilon=0.05, iterations=3) for s in scores], temperature=0.1
    )
    assert abs(float(plain - expected)) > 1e-4


def test_a_queue_shorter_than_the_batch_keeps_its_first_samples():
    objective, encoder = make(queue=4, queue_from=0.0)
    newest = step(objective, encoder, 0.1, seed=1)
    torch.testing.assert_close(objective.queue, newest[:4])
    assert objective.queued == 4


def test_the_queue_survives_saving_and_a_fresh_one_refuses_another_size():
    objective, encoder = make(queue=10, queue_from=0.0)
    step(objective, encoder, 0.3, seed=1)
    other, _ = make(queue=10, queue_from=0.0)
    other.load_state_dict(objective.state_dict())
    assert (other.queued, other.progress) == (B, 0.3)
    assert torch.equal(other.queue, objective.queue)
    assert all(isinstance(value, torch.Tensor) for value in objective.state_dict().values())


def test_figures_count_the_nearest_prototypes_of_this_epoch():
    objective, encoder = make()
    objective.use.copy_(torch.tensor([4.0, 4.0, 0.0, 0.0, 0.0]))
    assert objective.figures() == {"prototype_perplexity": pytest.approx(2.0), "dead_prototypes": 3.0}
    objective.before_epoch(1, None)
    step(objective, encoder, 0.1, seed=1)
    nearest = (
        F.normalize(objective.head(encoder(batch(seed=1).views[0])), dim=1) @ objective.prototypes.T
    ).argmax(1)
    assert objective.use.tolist() == torch.bincount(nearest, minlength=K).float().tolist()
    objective.eval()(encoder, batch())
    objective.after_step(encoder, 0.2)
    assert float(objective.use.sum()) == B


def test_one_view_is_refused():
    objective, encoder = make()
    with pytest.raises(UserError, match="2 views or more"):
        objective(encoder, batch(1))
