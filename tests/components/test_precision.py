import pytest
import torch

from components.precision import at_least_float32


@pytest.mark.parametrize(
    ("came", "becomes"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_nothing_is_narrower_than_float32_and_nothing_is_narrowed(came, becomes):
    x = torch.tensor([1 + 1 / 128], dtype=came, requires_grad=True)
    assert at_least_float32(x).dtype == becomes
    assert at_least_float32(x).item() == 1.0078125
    at_least_float32(x).sum().backward()
    assert x.grad.dtype == came
