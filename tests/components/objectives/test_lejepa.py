import pytest
import torch

from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.objectives.base import Batch
from components.objectives.lejepa import Lejepa, LejepaConfig, lejepa_loss, prediction_error
from components.objectives.parts.sigreg import directions
from tests.components.objectives.parts.test_sigreg import slow

CONFIG = LejepaConfig(hidden=8, embedding=4, directions=3, knots=9, locals=1, weight=0.2)


def make(config=CONFIG):
    torch.manual_seed(0)
    encoder = build_encoder(ResnetConfig(widths=(4, 8), blocks=(1, 1)), image_packing(1, [0.4], [0.25]))
    return encoder, Lejepa(config, encoder).double()


def given(samples=6):
    generator = torch.Generator().manual_seed(0)
    sides = (8, 8, 4)
    views = [torch.rand(samples, 1, s, s, generator=generator, dtype=torch.float64) for s in sides]
    return Batch(views, torch.arange(samples))


def by_hand(views, along, weight, knots):
    """views: V lists of rows. The prediction and SIGReg as loops."""
    error, count = 0.0, 0
    for rows in views:
        for b, row in enumerate(rows):
            for e, value in enumerate(row):
                error += (value - (views[0][b][e] + views[1][b][e]) / 2) ** 2
                count += 1
    far = [
        slow([sum(x * a for x, a in zip(row, direction, strict=True)) for row in rows], knots)
        for rows in views
        for direction in along
    ]
    prediction, normality = error / count, sum(far) / len(far)
    return (1 - weight) * prediction + weight * normality, prediction, normality


def test_the_loss_equals_loops_over_views_samples_and_directions():
    torch.manual_seed(1)
    views, along = torch.randn(3, 5, 4, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)
    expected = by_hand(views.tolist(), along.T.tolist(), 0.2, 9)
    found = lejepa_loss(views, along, weight=0.2, knots=9)
    assert [float(f) for f in found] == pytest.approx(expected)


def test_two_views_differ_from_their_mean_by_a_quarter_of_their_squared_difference():
    torch.manual_seed(2)
    a, b = torch.randn(2, 5, 3)
    torch.testing.assert_close(prediction_error(torch.stack([a, b])), (a - b).square().mean() / 4)


def test_the_objective_is_put_together_by_hand():
    encoder, objective = make()
    encoder.double()
    batch = given()
    along = directions(objective.chance, 4, 3)
    with torch.no_grad():
        losses = objective(encoder, batch)
        features = [*encoder(torch.cat(batch.views[:2])).chunk(2), encoder(batch.views[2])]
        views = objective.head(torch.cat(features)).chunk(3)
    expected = by_hand([v.tolist() for v in views], along.T.tolist(), 0.2, 9)
    assert float(losses.total) == pytest.approx(expected[0], rel=1e-6)
    assert float(losses.parts["prediction"]) == pytest.approx(expected[1], rel=1e-6)
    assert float(losses.parts["sigreg"]) == pytest.approx(expected[2], rel=1e-6)


def test_no_gradient_is_stopped_not_even_at_the_mean_that_is_predicted():
    """For two views the prediction's gradient is (a - b) / 2 of their quarter, where a held mean would give as much of
    (a - mean) alone: the sum over both views is 0 only where the mean moves along."""
    views = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    prediction_error(views).backward()
    torch.testing.assert_close(views.grad.sum(dim=0), torch.zeros(4, 2, dtype=torch.float64))
    assert torch.autograd.gradcheck(prediction_error, views)
    along = torch.randn(2, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: lejepa_loss(v, along, weight=0.5, knots=9)[0], views)


def test_descent_on_the_loss_makes_embeddings_standard_normal():
    torch.manual_seed(3)
    free = (0.3 * torch.randn(64, 2) + 1).requires_grad_()
    optimiser = torch.optim.Adam([free], 0.1)
    for _ in range(200):
        along = torch.nn.functional.normalize(torch.randn(2, 16), dim=0)
        optimiser.zero_grad()
        lejepa_loss(torch.stack([free, free]), along, weight=0.5, knots=17)[0].backward()
        optimiser.step()
    torch.testing.assert_close(free.mean(dim=0), torch.zeros(2), atol=0.1, rtol=0)
    torch.testing.assert_close(free.T.cov(), torch.eye(2), atol=0.2, rtol=0)


def test_the_views_and_a_mistake():
    assert make()[1].views == (("global", 2), ("local", 1))
    encoder, objective = make()
    with pytest.raises(UserError, match="lejepa needs 2 views or more"):
        objective(encoder, Batch(given().views[:1], torch.arange(6)))
