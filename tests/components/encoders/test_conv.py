"""Convolution whose weights' gradient is summed place by place, against torch's own."""

import pytest
import torch
from torch import Tensor, nn

from components.encoders.base import pooled
from components.encoders.conv import CHANNELS, POSITIONS, Conv2d, weight_gradient

# H, W, kernel, stride, padding
GEOMETRIES = [
    (4, 4, (3, 3), (1, 1), (1, 1)),
    (5, 4, (3, 3), (2, 2), (1, 1)),
    (1, 2, (3, 3), (2, 2), (1, 1)),  # most places see padding alone
    (7, 6, (1, 3), (2, 3), (0, 1)),
    (5, 5, (1, 1), (2, 2), (0, 0)),
    (3, 3, (5, 5), (1, 1), (2, 2)),
    (9, 8, (7, 7), (3, 3), (4, 4)),  # a row of padding more than the kernel needs
]


@pytest.mark.parametrize(("high", "wide", "kernel", "stride", "padding"), GEOMETRIES)
def test_the_gradient_is_torchs(high, wide, kernel, stride, padding):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 2, high, wide, dtype=torch.float64, generator=generator)
    weight = torch.randn(4, 2, *kernel, dtype=torch.float64, generator=generator).requires_grad_()
    y = torch.conv2d(x, weight, None, stride, padding)
    grad = torch.randn(y.shape, dtype=torch.float64, generator=generator)
    y.backward(grad)
    torch.testing.assert_close(weight_gradient(x, grad, kernel, stride, padding), weight.grad)


def learned(layer: nn.Conv2d, x: Tensor) -> list[Tensor]:
    """Output and gradients under autocast."""
    layer.zero_grad()
    x = x.clone(memory_format=torch.channels_last).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x)
    y.float().square().sum().backward()
    return [y.detach(), x.grad, layer.weight.grad]


@pytest.mark.parametrize("stride", [1, 2])
def test_under_autocast_only_the_order_of_sums_differs(stride, monkeypatch):
    torch.manual_seed(0)
    own = Conv2d(CHANNELS, 48, 3, stride, 1, bias=False).to(memory_format=torch.channels_last)
    theirs = nn.Conv2d(CHANNELS, 48, 3, stride, 1, bias=False).to(memory_format=torch.channels_last)
    theirs.load_state_dict(own.state_dict())
    x = torch.randn(8, CHANNELS, 3, 4)
    for found, expected in zip(learned(own, x), learned(theirs, x), strict=True):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-2 * float(expected.abs().max()))


@pytest.mark.parametrize(
    ("taken", "change"),
    [
        (True, {}),
        (False, {"side": 5}),
        (False, {"inputs": CHANNELS - 1}),
        (False, {"outputs": CHANNELS - 1}),
        (False, {"bias": True}),
        (False, {"autocast": False}),
        (False, {"frozen": True}),
        (False, {"dilation": 2, "padding": 2}),
        (False, {"padding_mode": "reflect"}),
    ],
    ids=str,
)
def test_where_it_is_taken(taken, change, monkeypatch):
    assert POSITIONS == 16
    options = {"padding": 1, "bias": False, **change}
    side, frozen, autocast = (
        options.pop("side", 4),
        options.pop("frozen", False),
        options.pop("autocast", True),
    )
    inputs, outputs = options.pop("inputs", CHANNELS), options.pop("outputs", CHANNELS)
    layer = Conv2d(inputs, outputs, 3, **options).requires_grad_(not frozen)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        y = layer(torch.randn(2, inputs, side, side))
    assert (y.grad_fn is not None and "ByPlaces" in type(y.grad_fn).__name__) == taken
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        assert layer(torch.zeros(2, inputs, side, side)).grad_fn is None


@pytest.mark.parametrize("order", [torch.channels_last, torch.contiguous_format])
def test_pooling_and_its_gradients_memory_order(order):
    maps = torch.randn(2, 3, 4, 5).contiguous(memory_format=order).requires_grad_()
    seen: list[Tensor] = []
    between = maps * 1
    between.register_hook(seen.append)
    found = pooled(between)
    torch.testing.assert_close(found, maps.mean(dim=(2, 3)))
    (found * torch.arange(6.0).reshape(2, 3)).sum().backward()
    torch.testing.assert_close(maps.grad, (torch.arange(6.0).reshape(2, 3, 1, 1) / 20).expand(2, 3, 4, 5))
    assert seen[0].is_contiguous(memory_format=order)
