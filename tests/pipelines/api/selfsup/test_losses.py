"""Losses on plain tensors: each is what the objective of the same name computes for the same embeddings."""

import math

import pytest
import torch
from torch import nn

from components.errors import UserError
from components.objectives import OBJECTIVES, build_objective
from components.objectives.base import Batch
from selfsup import losses

B, E = 8, 6


class Same(nn.Module):
    """An encoder whose features are the view."""

    feature_dim = E
    embedding_dim = E

    def forward(self, view):
        return view


def config_of(name, **options):
    from pydantic import TypeAdapter

    from components.objectives import ObjectiveConfig

    return TypeAdapter(ObjectiveConfig).validate_python({"name": name, **options})


def views(count=2, seed=0):
    torch.manual_seed(seed)
    return [torch.randn(B, E) for _ in range(count)]


def of_objective(name, given, prepare=lambda objective: None, **options):
    """The loss of an objective without a head, in training mode."""
    objective = build_objective(config_of(name, **options), Same(), B, E)
    objective.head = nn.Identity()
    prepare(objective)
    targets = torch.tensor([0, 0, 1, 1, -1, -1, 2, 2])
    return objective(Same(), Batch(given, torch.arange(B), targets=targets)).total, objective


PLAIN = {
    "simclr": (losses.NTXent(0.3), {"temperature": 0.3}),
    "barlow": (losses.Barlow(0.02, 2.0), {"redundancy": 0.02, "scale": 2.0}),
    "vicreg": (losses.VICReg(3.0, 5.0, 7.0), {"invariance": 3.0, "variance": 5.0, "covariance": 7.0}),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_loss_of_two_views_is_that_of_the_objective(name):
    loss, options = PLAIN[name]
    expected, _ = of_objective(name, views(), **options)
    torch.testing.assert_close(loss(*views()), expected, rtol=0, atol=0)


def test_supcon_is_the_objective_with_labels():
    targets = torch.tensor([0, 0, 1, 1, -1, -1, 2, 2])
    expected, _ = of_objective("supcon", views(), temperature=0.3)
    torch.testing.assert_close(losses.SupCon(0.3)(*views(), targets), expected, rtol=0, atol=0)


@pytest.mark.parametrize("local", [0, 2])
def test_swav_is_the_objective_with_the_same_prototypes(local):
    loss = losses.SwAV(E, prototypes=12, temperature=0.2, epsilon=0.1, iterations=4)

    def prepare(objective):
        objective.prototypes.data.copy_(loss.prototypes.data)

    given = views(2 + local)
    expected, _ = of_objective(
        "swav",
        given,
        prepare,
        prototypes=12,
        temperature=0.2,
        epsilon=0.1,
        iterations=4,
        embedding=E,
        locals=local,
    )
    torch.testing.assert_close(loss(*given), expected)
    loss(*given).backward()
    assert loss.prototypes.grad.abs().sum() > 0


def test_swav_that_tells_nothing_apart_is_log_k():
    loss = losses.SwAV(E, prototypes=12)
    loss.prototypes.data.copy_(torch.ones(12, E))
    assert loss(*views()).item() == pytest.approx(math.log(12), abs=1e-5)


def test_moco_is_the_objective_whose_queue_takes_the_keys_of_this_call():
    loss = losses.MoCo(E, queue=16, temperature=0.3)
    query, key = views()
    before = loss.queue.rows.clone()
    logits = (
        torch.nn.functional.normalize(query, dim=1)
        @ torch.cat([torch.nn.functional.normalize(key, dim=1), before]).T
        / 0.3
    )
    own = logits[torch.arange(B), torch.arange(B)]
    rest = torch.cat([own[:, None], logits[:, B:]], dim=1)
    torch.testing.assert_close(loss(query, key), (rest.logsumexp(1) - own).mean())
    torch.testing.assert_close(loss.queue.rows[:B], torch.nn.functional.normalize(key, dim=1))
    torch.testing.assert_close(loss.queue.rows[B:], before[:B])
    kept = loss.eval().queue.rows.clone()
    loss(query, key)
    assert torch.equal(loss.queue.rows, kept)


def test_byol_and_simsiam_by_hand():
    a, b = torch.tensor([[3.0, 4.0]]), torch.tensor([[4.0, 3.0]], requires_grad=True)
    assert float(losses.BYOL()(a, b)) == pytest.approx(2 - 2 * 0.96)
    assert float(losses.SimSiam()(a, b)) == pytest.approx(-0.96)
    with pytest.raises(RuntimeError, match="does not require grad"):
        losses.SimSiam()(a, b).backward()  # targets take no gradient


def test_dino_by_hand_and_its_centre_follows_the_teacher():
    loss = losses.DINO(4, temperature=0.5, teacher_temperature=0.25, centre_momentum=0.9)
    loss.centre.copy_(torch.tensor([0.1, 0.0, 0.0, -0.1]))
    student, teacher = [torch.randn(3, 4) for _ in range(3)], [torch.randn(3, 4) for _ in range(2)]
    centre, terms = loss.centre.clone(), []
    for g, t in enumerate(teacher):
        for v, s in enumerate(student):
            if v != g:
                code = ((t - centre) / 0.25).softmax(1)
                terms.append(-(code * (s / 0.5).log_softmax(1)).sum(1).mean())
    torch.testing.assert_close(loss(student, teacher), torch.stack(terms).mean())
    torch.testing.assert_close(loss.centre, 0.9 * centre + 0.1 * torch.cat(teacher).mean(0))
    still = loss.eval().centre.clone()
    loss(student, teacher)
    assert torch.equal(loss.centre, still)


def test_lejepa_is_the_objective_with_the_same_directions():
    loss = losses.LeJEPA(weight=0.2, directions=32, knots=9)

    def prepare(objective):
        objective.chance.load_state_dict(loss.chance.state_dict())

    expected, _ = of_objective("lejepa", views(), prepare, weight=0.2, directions=32, knots=9, embedding=E)
    first = loss(*views())
    torch.testing.assert_close(first, expected, rtol=0, atol=0)
    assert loss(*views()).item() != first.item()  # other directions at each call


def test_defaults_are_those_of_the_objectives():
    named = {
        "NTXent": "simclr", "SupCon": "supcon", "Barlow": "barlow", "VICReg": "vicreg", "SwAV": "swav",
        "LeJEPA": "lejepa", "MoCo": "moco",
    }  # fmt: skip
    for face, name in named.items():
        own, config = getattr(losses, face)(), config_of(name)
        shared = [key for key in type(config).model_fields if isinstance(vars(own).get(key), int | float)]
        assert shared, face
        assert {key: getattr(own, key) for key in shared} == {key: getattr(config, key) for key in shared}


def test_all_names_are_there_and_all_objectives_of_two_plain_views_have_a_face():
    assert all(issubclass(getattr(losses, name), nn.Module) for name in losses.__all__)
    assert {
        "simclr",
        "supcon",
        "barlow",
        "vicreg",
        "swav",
        "lejepa",
        "moco",
        "byol",
        "simsiam",
        "dino",
    } <= set(OBJECTIVES)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: losses.NTXent(0.0),
        lambda: losses.NTXent()(torch.zeros(1, 2), torch.zeros(1, 2)),
        lambda: losses.Barlow()(torch.zeros(4, 2), torch.zeros(4, 3)),
        lambda: losses.SwAV(E)(torch.zeros(4, E)),
        lambda: losses.DINO(4)([torch.zeros(2, 4)] * 2, []),
        lambda: losses.LeJEPA(weight=2.0),
        lambda: losses.LeJEPA(knots=1),
    ],
)
def test_a_mistake_is_one_sentence(wrong):
    with pytest.raises(UserError) as caught:
        wrong()
    assert caught.value.code
    assert "\n" not in str(caught.value)
