import numpy as np
import pytest
import torch

from components.errors import UserError
from components.objectives.barlow import Barlow, BarlowConfig, barlow_twins, cross_correlation
from tests.components.objectives.toys import Z1, Z2, batch, make, noise

SMALL = BarlowConfig(hidden=5, embedding=4)


@pytest.mark.parametrize(("redundancy", "golden"), [(0.005, 0.0077000212), (0.0051, 0.0078288174)])
def test_golden_values(redundancy, golden):
    agreement, others = barlow_twins(cross_correlation(Z1, Z2, epsilon=0.0))
    assert (agreement + redundancy * others).item() == pytest.approx(golden, abs=1e-10)


def test_the_matrix_is_numpys_correlation_and_lies_between_the_views():
    a, b = noise(9, 4), noise(9, 4, seed=1)
    peer = np.corrcoef(a.T.numpy(), b.T.numpy())[:4, 4:]  # rows: dimensions of a, columns: of b
    np.testing.assert_allclose(cross_correlation(a, b, epsilon=0.0).numpy(), peer, atol=1e-12)
    np.testing.assert_allclose(cross_correlation(a, b).numpy(), peer, atol=1e-3)
    torch.testing.assert_close(cross_correlation(3 * a + 7, b - 2, epsilon=0.0), torch.from_numpy(peer))


def test_closed_forms():
    assert [t.item() for t in barlow_twins(torch.eye(5))] == [0, 0]
    assert [t.item() for t in barlow_twins(torch.zeros(5, 5))] == [5, 0]
    assert [t.item() for t in barlow_twins(torch.full((3, 3), 0.5))] == pytest.approx([0.75, 1.5])


def test_the_gradient_is_that_of_finite_differences_and_reaches_both_views():
    a, b = (noise(5, 3, seed=s).requires_grad_() for s in (0, 1))

    def loss(x, y):
        agreement, others = barlow_twins(cross_correlation(x, y))
        return agreement + 0.1 * others

    assert torch.autograd.gradcheck(loss, (a, b))


def test_a_dimension_that_does_not_vary_stays_finite():
    a = torch.ones(4, 3, requires_grad=True)
    agreement, others = barlow_twins(cross_correlation(a, a))
    (agreement + others).backward()
    assert agreement.item() == 3
    assert torch.isfinite(a.grad).all()


def test_the_objective_weighs_and_scales_the_terms():
    objective, encoder = make(Barlow, SMALL.model_copy(update={"redundancy": 0.3, "scale": 2.0}))
    a, b = (objective.head(encoder(v)).detach().double() for v in batch().views)
    c = cross_correlation(a, b).numpy()
    agreement = ((1 - np.diag(c)) ** 2).sum()
    others = (c**2).sum() - (np.diag(c) ** 2).sum()
    losses = objective(encoder, batch())
    assert losses.total.item() == pytest.approx(2 * (agreement + 0.3 * others), rel=1e-3)
    assert losses.parts["agreement"].item() == pytest.approx(agreement, rel=1e-3)
    assert losses.parts["others"].item() == pytest.approx(others, rel=1e-3)


def test_one_sample_alone_and_unequal_views_are_refused():
    objective, encoder = make(Barlow, SMALL)
    with pytest.raises(UserError, match="barlow needs a batch of 2 samples or more"):
        objective(encoder, batch(samples=1))
    with pytest.raises(UserError, match="no correlation"):
        cross_correlation(Z1[:1], Z2[:1])
    with pytest.raises(UserError, match="two equal"):
        cross_correlation(Z1, Z2[:3])


def test_defaults_and_published_values():
    assert (BarlowConfig().redundancy, BarlowConfig().scale, BarlowConfig().layers) == (0.0051, 1.0, 3)
    objective, encoder = make(Barlow, BarlowConfig(hidden=1024, embedding=8192, scale=0.024))
    assert 0 < objective(encoder, batch(samples=3)).total.item() < 0.024 * (4 * 8192 + 0.0051 * 8192**2)
