import pytest
import torch
from torch import nn

from components.errors import UserError
from components.objectives.byol import regression
from components.objectives.simsiam import Simsiam, SimsiamConfig, negative_cosine
from tests.components.objectives.toys import Z1, Z2, batch, make, noise

SMALL = SimsiamConfig(embedding=5, bottleneck=3)


def slow(p, z):
    p, z = p.detach(), z.detach()
    return -float(sum(a @ b / a.norm() / b.norm() for a, b in zip(p, z, strict=True)) / len(p))


def test_golden_value_and_closed_forms():
    assert negative_cosine(Z1, Z2).item() == pytest.approx(-0.9631225435, abs=1e-10)
    eye = torch.eye(3, dtype=torch.float64)
    assert [negative_cosine(eye, e).item() for e in (eye, eye.roll(1, 0), -eye)] == pytest.approx([-1, 0, 1])


def test_it_is_byols_loss_on_another_scale():
    p, z = noise(), noise(seed=1)
    assert negative_cosine(p, z).item() == pytest.approx(slow(p, z))
    torch.testing.assert_close(2 + 2 * negative_cosine(p, z), regression(p, z))


def test_only_the_prediction_takes_gradient_and_the_right_one():
    p, z = (noise(3, seed=s).requires_grad_() for s in (0, 1))
    negative_cosine(p, z).backward()
    assert z.grad is None
    assert torch.autograd.gradcheck(lambda x: negative_cosine(x, z), (p,))


def test_each_view_predicts_the_embedding_of_the_other():
    objective, encoder = make(Simsiam, SMALL)
    embeddings = [objective.head(encoder(v)) for v in batch().views]
    predicted = [objective.predictor(e) for e in embeddings]
    expected = (slow(predicted[0], embeddings[1]) + slow(predicted[1], embeddings[0])) / 2
    assert abs(expected - (slow(predicted[0], embeddings[0]) + slow(predicted[1], embeddings[1])) / 2) > 1e-3
    assert objective(encoder, batch()).total.item() == pytest.approx(expected, rel=1e-4)


def test_the_gradient_of_the_encoder_is_that_with_the_targets_held_still():
    objective, encoder = make(Simsiam, SMALL)
    with torch.no_grad():
        still = [objective.head(encoder(v)) for v in batch().views]
    predicted = [objective.predictor(objective.head(encoder(v))) for v in batch().views]
    cosines = [
        torch.nn.functional.cosine_similarity(p, z).mean()
        for p, z in zip(predicted, reversed(still), strict=True)
    ]
    (expected,) = torch.autograd.grad(-sum(cosines) / 2, encoder.layer.weight)
    objective(encoder, batch()).total.backward()
    torch.testing.assert_close(encoder.layer.weight.grad, expected)


def test_what_does_not_fit_is_refused():
    objective, encoder = make(Simsiam, SMALL)
    with pytest.raises(UserError, match="simsiam needs 2 views"):
        objective(encoder, batch(1))
    with pytest.raises(UserError, match="two equal"):
        negative_cosine(Z1, Z2[:3])


def test_defaults_and_published_values():
    assert (SimsiamConfig().embedding, SimsiamConfig().bottleneck) == (512, 128)
    objective, encoder = make(Simsiam, SimsiamConfig(embedding=2048, bottleneck=512))
    assert -1 < objective(encoder, batch()).total.item() < 1
    widths = [m.out_features for m in objective.modules() if isinstance(m, nn.Linear)]
    assert widths == [2048, 2048, 2048, 512, 2048]
