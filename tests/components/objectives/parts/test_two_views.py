import math

import pytest
import torch
from torch import nn

from components.errors import UserError
from components.objectives.parts.two_views import projector, same_shape, two_views, unit
from tests.components.objectives.toys import batch, noise


def test_rows_get_length_one_in_float32_or_wider():
    assert unit(torch.tensor([[3.0, 4.0]])).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]]
    assert unit(noise().bfloat16()).dtype == torch.float32
    assert unit(noise()).dtype == torch.float64
    torch.testing.assert_close(unit(noise()).norm(dim=1), torch.ones(5, dtype=torch.float64))


def test_a_row_of_zeros_stays_and_its_gradient_is_finite():
    x = torch.zeros(1, 3, requires_grad=True)
    unit(x).sum().backward()
    assert unit(x).tolist() == [[0, 0, 0]]
    assert x.grad.abs().max() <= 1.01e6


def test_two_views_of_enough_samples_or_a_message():
    assert len(two_views(batch(), "this")) == 2
    with pytest.raises(UserError, match="this needs 2 views of each sample, got 3"):
        two_views(batch(3), "this")
    with pytest.raises(UserError, match="this needs a batch of 2 samples or more, got 1; raise batch_size"):
        two_views(batch(samples=1), "this", samples=2)
    for a, b in (((2, 3), (2, 4)), ((3,), (3,))):
        with pytest.raises(UserError, match="this needs two equal"):
            same_shape(torch.ones(a), torch.ones(b), "this")


@pytest.mark.parametrize("norm", [False, True])
def test_a_projector_ends_without_bias_and_in_a_norm_that_does_not_learn(norm):
    made = projector(4, 8, 3, layers=3, norm=norm)
    assert [m.out_features for m in made if isinstance(m, nn.Linear)] == [8, 8, 3]
    assert all(m.bias is None for m in made if isinstance(m, nn.Linear))
    out = made(noise(50).float())
    if norm:
        assert not any(p.requires_grad for p in made[-1].parameters())
        torch.testing.assert_close(out.mean(0), torch.zeros(3), atol=1e-6, rtol=0)
        torch.testing.assert_close(out.var(0, unbiased=False), torch.ones(3), atol=1e-2, rtol=0)
    else:
        assert isinstance(made[-1], nn.Linear)
        assert all(p.requires_grad for p in made.parameters())


def test_one_layer_is_one_matrix():
    made = projector(4, 8, 3, layers=1, norm=False)
    assert [tuple(p.shape) for p in made.parameters()] == [(3, 4)]
    assert math.isclose(made(torch.eye(4))[2, 1].item(), made[0].weight[1, 2].item())
