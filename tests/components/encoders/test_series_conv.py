"""Dilated convolutions: reach, pooling, gaps."""

import pytest
import torch

from components.encoders import build_encoder
from components.encoders.series_conv import Block, SeriesConvConfig
from tests.components.modalities.series.toys import packing


def built(seed=0, **options):
    torch.manual_seed(seed)
    return build_encoder(
        SeriesConvConfig(**{"hidden": 8, "width": 12, "depth": 2} | options), packing()
    ).eval()


def changed(encoder, place, steps=60):
    """Time steps whose token changes with the value at `place`."""
    view = torch.randn(1, 2, steps, generator=torch.Generator().manual_seed(1))
    other = view.clone()
    other[0, 0, place] += 1
    return (encoder.tokens(view) - encoder.tokens(other)).abs().amax(dim=2)[0].nonzero().flatten().tolist()


def test_a_token_reaches_as_far_as_two_convolutions_of_each_dilation():
    # dilations 1, 2, 4, each twice, one step to either side: 2 * (1 + 2 + 4) = 14
    found = changed(built(), 30)
    assert (found[0], found[-1]) == (16, 44)


def test_a_causal_token_sees_nothing_that_comes():
    found = changed(built(causal=True), 30)
    assert (found[0], found[-1]) == (30, 58)


def test_a_block_is_two_convolutions_after_gelus_added_to_what_came_in():
    torch.manual_seed(0)
    block, x = Block([4, 4], 3, 2, causal=False, last=False), torch.randn(1, 4, 10)
    gelu, conv = torch.nn.functional.gelu, torch.nn.functional.conv1d
    inner = conv(gelu(x), block.first.weight, block.first.bias, padding=2, dilation=2)
    outer = conv(gelu(inner), block.second.weight, block.second.bias, padding=2, dilation=2)
    torch.testing.assert_close(block(x, torch.ones(1, 1, 10)), x + outer)


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_the_feature_is_of_the_tokens_before_the_end(pool):
    encoder, view = built(pool=pool), torch.randn(1, 2, 9)
    view[..., 6:] = torch.nan
    tokens = encoder.tokens(view)[0]
    assert (tokens[6:] == 0).all()
    expected = tokens[:6].amax(dim=0) if pool == "max" else tokens[:6].mean(dim=0)
    torch.testing.assert_close(encoder(view)[0], expected)


def test_a_gap_is_marked_channel_by_channel():
    encoder = built()
    view, mean = torch.randn(1, 2, 9), torch.zeros(2)
    gap, filled = view.clone(), view.clone()
    gap[0, 1, 4], filled[0, 1, 4] = torch.nan, mean[1]
    assert (encoder(gap) - encoder(filled)).abs().max() > 1e-3
    with torch.no_grad():
        encoder.enter.weight[:, 2:] = 0  # the marks
    torch.testing.assert_close(encoder(gap), encoder(filled))


def test_gradients_are_finite_beside_gaps_and_padding():
    encoder, view = built(), torch.randn(3, 2, 9)
    view[0, 0, 2], view[1, :, 5:] = torch.nan, torch.nan
    encoder(view).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in encoder.parameters())
