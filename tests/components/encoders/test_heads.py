import pytest
import torch
from torch import nn

from components.encoders.heads import mlp_head, trunk
from components.encoders.norm import BatchNorm


@pytest.mark.parametrize(
    ("layers", "parameters"), [(1, 6 * 3 + 3), (2, 6 * 5 + 10 + 5 * 3 + 3), (3, 6 * 5 + 25 + 20 + 18)]
)
def test_a_head_has_the_layers_asked_for(layers, parameters):
    head = mlp_head(6, 5, 3, layers)
    assert sum(isinstance(m, nn.Linear) for m in head) == layers
    assert isinstance(head[-1], nn.Linear)
    assert sum(p.numel() for p in head.parameters()) == parameters
    assert head(torch.randn(4, 6)).shape == (4, 3)


def test_without_norm_there_is_none_and_the_bias_stays():
    head = mlp_head(6, 5, 3, norm=False)
    assert not any(isinstance(m, BatchNorm) for m in head)
    assert head[0].bias is not None
    assert head(torch.randn(1, 6)).shape == (1, 3)


def test_no_layer_is_refused():
    with pytest.raises(ValueError, match="layers >= 1"):
        mlp_head(6, 5, 3, 0)


def test_a_trunk_is_a_perceptron_that_ends_in_relu_or_nothing():
    kinds = [type(m).__name__ for m in trunk(6, 5).modules() if not list(m.children())]
    assert kinds == ["Linear", "BatchNorm", "ReLU", "Linear", "ReLU"]
    x = torch.randn(4, 6)
    assert trunk(6, 5)(x).shape == (4, 5)
    assert trunk(6, 0)(x) is x
