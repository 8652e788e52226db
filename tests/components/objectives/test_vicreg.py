import numpy as np
import pytest
import torch

from components.errors import UserError
from components.objectives.vicreg import Vicreg, VicregConfig, vicreg_terms
from tests.components.objectives.toys import Z1, Z2, batch, make, noise

SMALL = VicregConfig(hidden=5, embedding=4)


def weighted(terms):
    return (25 * terms[0] + 25 * terms[1] + terms[2]).item()


def slow(a, b):
    variance = covariance = 0.0
    for z in (a, b):
        c = np.cov(z.T)
        variance += np.maximum(0, 1 - np.sqrt(np.diag(c) + 1e-4)).mean() / 2
        covariance += ((c**2).sum() - (np.diag(c) ** 2).sum()) / len(c)
    return ((a - b) ** 2).mean(), variance, covariance


def test_golden_values():
    terms = vicreg_terms(Z1, Z2)
    golden = [0.1741666667, 0.0142084149, 3.1252967593]
    assert [t.item() for t in terms] == pytest.approx(golden, abs=1e-10)
    assert weighted(terms) == pytest.approx(7.8346737995, abs=1e-10)
    assert weighted(vicreg_terms(0.1 * Z1, 0.1 * Z2)) == pytest.approx(21.3556307186, abs=1e-10)


def test_equals_the_equations_on_numpys_covariance():
    a, b = noise(9, 4), 0.3 * noise(9, 4, seed=1)
    assert [t.item() for t in vicreg_terms(a, b)] == pytest.approx(slow(a.numpy(), b.numpy()))
    shifted = vicreg_terms(a + 5, b + 5)
    assert [t.item() for t in shifted] == pytest.approx(slow(a.numpy(), b.numpy()))


def test_constant_embeddings_cost_the_whole_variance_term():
    ones = torch.ones(4, 3, requires_grad=True)
    terms = vicreg_terms(ones, ones)
    assert [t.item() for t in terms] == pytest.approx([0, 0.99, 0])
    sum(terms).backward()
    assert torch.isfinite(ones.grad).all()


def test_the_gradient_is_that_of_finite_differences_and_reaches_both_views():
    a, b = (0.5 * noise(5, 3, seed=s) for s in (0, 1))
    inputs = (a.requires_grad_(), b.requires_grad_())
    assert torch.autograd.gradcheck(lambda x, y: vicreg_terms(x, y), inputs)


def test_the_objective_weighs_the_terms():
    weights = {"invariance": 2.0, "variance": 3.0, "covariance": 5.0}
    objective, encoder = make(Vicreg, SMALL.model_copy(update=weights))
    a, b = (objective.head(encoder(v)).detach().double().numpy() for v in batch().views)
    losses, terms = objective(encoder, batch()), slow(a, b)
    expected = sum(w * t for w, t in zip(weights.values(), terms, strict=True))
    assert losses.total.item() == pytest.approx(expected, rel=1e-4)
    assert [losses.parts[n].item() for n in weights] == pytest.approx(list(terms), rel=1e-3, abs=1e-6)


def test_one_sample_alone_and_unequal_views_are_refused():
    objective, encoder = make(Vicreg, SMALL)
    with pytest.raises(UserError, match="vicreg needs a batch of 2 samples or more"):
        objective(encoder, batch(samples=1))
    with pytest.raises(UserError, match="no variance"):
        vicreg_terms(Z1[:1], Z2[:1])
    with pytest.raises(UserError, match="two equal"):
        vicreg_terms(Z1, Z2[:3])


def test_defaults_and_published_values():
    config = VicregConfig()
    assert (config.invariance, config.variance, config.covariance) == (25, 25, 1)
    objective, encoder = make(Vicreg, VicregConfig(hidden=1024, embedding=4096))
    assert 0 < objective(encoder, batch(samples=3)).total.item() < 1000
