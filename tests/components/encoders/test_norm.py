import pytest
import torch
from torch import nn

from components.encoders.norm import BatchNorm


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 3, 5)])
def test_one_process_is_torch_s_batch_norm_bit_for_bit(shape):
    ours, theirs = BatchNorm(4), (nn.BatchNorm1d(4) if len(shape) == 2 else nn.BatchNorm2d(4))
    x = torch.randn(shape) * 3 + 2
    assert torch.equal(ours(x), theirs(x))
    assert torch.equal(ours.running_var, theirs.running_var)
    assert torch.equal(ours.eval()(x), theirs.eval()(x))
    theirs.load_state_dict(ours.state_dict())


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 3, 5)])
def test_the_arithmetic_across_processes_equals_torch_s_with_one(shape):
    """In one process the reductions are the identity: values, gradients and figures can be compared."""
    ours, theirs = (
        BatchNorm(4).double(),
        (nn.BatchNorm1d(4) if len(shape) == 2 else nn.BatchNorm2d(4)).double(),
    )
    for module in (ours, theirs):
        nn.init.uniform_(module.weight, generator=torch.Generator().manual_seed(0))
        nn.init.uniform_(module.bias, generator=torch.Generator().manual_seed(1))
    x = (torch.randn(shape, dtype=torch.float64) * 3 + 2).requires_grad_()
    y = x.detach().clone().requires_grad_()
    weight = torch.randn(shape, dtype=torch.float64)
    (ours._across(x) * weight).sum().backward()
    (theirs(y) * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name))
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)


def test_what_is_not_a_batch_of_channels_is_refused():
    with pytest.raises(ValueError, match=r"\[B, C\]"):
        BatchNorm(4)(torch.zeros(2, 4, 3))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        BatchNorm(4)(torch.zeros(1, 4))
