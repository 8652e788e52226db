import pytest
import torch

from components.encoders.norm import BatchNorm
from components.semisupervised.parts.batchnorm import frozen_bn_stats


@pytest.mark.parametrize("norm", [BatchNorm, torch.nn.BatchNorm2d])
def test_batch_norm_normalises_by_the_batch_and_remembers_nothing(norm):
    layer = norm(2)
    network = torch.nn.Sequential(layer)
    x = torch.randn(5, 2, 3, 3) * 4 + 7
    before = {key: (value, value.clone()) for key, value in network.named_buffers()}
    with frozen_bn_stats(network):
        out = network(x)
    torch.testing.assert_close(out.mean((0, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    after = dict(network.named_buffers())
    for key, (buffer, value) in before.items():
        assert after[key] is buffer
        assert torch.equal(buffer, value)
    network(x)
    assert layer.running_mean.abs().max() > 0.1


def test_an_error_inside_leaves_it_as_it_was():
    network = torch.nn.Sequential(BatchNorm(2))
    kept = network[0].running_mean
    with pytest.raises(ValueError), frozen_bn_stats(network):
        network(torch.zeros(1, 2, 1))
    assert network[0].running_mean is kept
