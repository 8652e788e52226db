import math

import pytest
import torch

from components.errors import UserError
from components.objectives.nnclr import Nnclr, NnclrConfig, nearest, neighbour_loss
from components.objectives.parts.two_views import unit
from tests.components.objectives.toys import Z1, Z2, B, Flat, batch, make, noise

SMALL = NnclrConfig(hidden=16, embedding=4, queue=10)


def slow(neighbours, predictions, temperature):
    predictions = predictions.detach()
    total = 0.0
    for i, n in enumerate(neighbours):
        row = [math.exp(float(n @ p / n.norm() / p.norm()) / temperature) for p in predictions]
        total -= math.log(row[i] / sum(row))
    return total / len(neighbours)


def test_the_nearest_is_that_of_the_largest_cosine():
    support = torch.tensor([[10.0, 0.0], [0.0, 0.1], [-1.0, -1.0]])
    asked = torch.tensor([[1.0, 2.0], [-5.0, -4.0], [3.0, 1.0]])
    assert torch.equal(nearest(asked, support), support[[1, 2, 0]])
    q, s = noise(20), noise(30, seed=1)
    cosines = torch.nn.functional.cosine_similarity(q[:, None], s[None], dim=2)
    assert torch.equal(nearest(q, s), s[cosines.argmax(1)])


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_equals_algorithm_1_in_loops(temperature):
    for n, p in ((Z1, Z2), (noise(), noise(seed=1))):
        assert neighbour_loss(n, p, temperature=temperature).item() == pytest.approx(slow(n, p, temperature))


def test_closed_form_and_direction_of_the_softmax():
    eye = torch.eye(2, dtype=torch.float64)
    assert neighbour_loss(eye, eye, temperature=0.5).item() == pytest.approx(math.log(1 + math.exp(-2)))
    # both neighbours the same: each prediction is compared with the other one, not with the neighbours
    same = eye[[0, 0]]
    assert neighbour_loss(same, eye, temperature=1.0).item() == pytest.approx(
        (math.log(1 + math.exp(-1)) + math.log(1 + math.e)) / 2
    )
    assert neighbour_loss(eye, same, temperature=1.0).item() == pytest.approx(math.log(2))


def test_only_predictions_take_gradient_and_the_right_one():
    n, p = (noise(3, seed=s).requires_grad_() for s in (0, 1))
    neighbour_loss(n, p, temperature=0.5).backward()
    assert n.grad is None
    assert torch.autograd.gradcheck(lambda x: neighbour_loss(n, x, temperature=0.5), (p,))


def test_the_neighbour_of_one_view_belongs_to_the_prediction_of_the_other():
    objective, encoder = make(Nnclr, SMALL)
    objective.queue.rows.copy_(unit(objective.head(encoder(batch(samples=10, seed=5).views[0])).detach()))
    embeddings = [objective.head(encoder(v)) for v in batch().views]
    found = [nearest(e, objective.queue.rows) for e in embeddings]
    assert not torch.equal(*found)
    predicted = [objective.predictor(e) for e in embeddings]
    expected = (slow(found[0], predicted[1], 0.1) + slow(found[1], predicted[0], 0.1)) / 2
    assert objective(encoder, batch()).total.item() == pytest.approx(expected, rel=1e-4)


def test_first_views_enter_the_queue_after_the_step():
    objective, encoder = make(Nnclr, SMALL)
    first = unit(objective.head(encoder(batch().views[0])))
    start = objective.queue.rows.clone()
    objective(encoder, batch())
    objective.after_step(encoder, 0.1)
    assert torch.equal(objective.queue.rows, start)  # nothing is learnt in eval mode
    objective.training = True  # its norms stay in eval mode
    objective(encoder, batch())
    assert torch.equal(objective.queue.rows, start)
    objective.after_step(encoder, 0.1)
    torch.testing.assert_close(objective.queue.rows, torch.cat([first, start[: 10 - B]]))


def test_a_neighbour_is_a_sample_as_soon_as_there_is_one():
    objective, encoder = make(Nnclr, NnclrConfig())
    objective.train()(encoder, batch(samples=32))
    objective.after_step(encoder, 0.0)
    asked = unit(objective.head(encoder(batch(samples=32, seed=1).views[0])))
    assert ((asked @ objective.queue.rows.T).argmax(dim=1) < 32).all()


def test_one_sample_alone_is_refused():
    objective, encoder = make(Nnclr, SMALL)
    with pytest.raises(UserError, match="2 samples or more"):
        objective(encoder, batch(samples=1))
    with pytest.raises(UserError, match="no negatives"):
        neighbour_loss(torch.ones(1, 3), torch.ones(1, 3), temperature=1.0)


def test_defaults_and_published_values():
    assert (NnclrConfig().temperature, NnclrConfig().queue) == (0.1, None)
    config = NnclrConfig(hidden=2048, embedding=256, queue=98304)
    objective, encoder = make(Nnclr, config)
    assert 0 < objective(encoder, batch()).total.item() < math.log(6) + 20


def test_a_warm_start_on_more_samples_takes_the_queue_over_and_makes_it_longer():
    config = NnclrConfig(hidden=16, embedding=4)
    parent, child = (Nnclr(config, Flat(), rows) for rows in (64, 128))
    own = child.queue.rows.clone()
    child.carry_over(parent.state_dict())
    assert torch.equal(child.queue.rows, torch.cat([parent.queue.rows, own[16:]]))
    assert len(own) == 32
