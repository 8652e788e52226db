import pytest
import torch
import torch.nn.functional as F

from components.encoders import build_encoder
from components.encoders.convnext import Block, ConvnextConfig, ConvnextTinyConfig, MapNorm
from components.modalities.image.config import image_packing

SMALL = ConvnextConfig(widths=(6, 10), blocks=(1, 2), patch=2)


def build(config=SMALL, channels=1):
    torch.manual_seed(0)
    return build_encoder(config, image_packing(channels, [0.4] * channels, [0.25] * channels))


def test_the_parameter_count_is_the_published_one_without_the_classifier():
    with torch.device("meta"):
        encoder = build_encoder(ConvnextTinyConfig(patch=4), image_packing(3, [0.5] * 3, [0.5] * 3))
    assert sum(p.numel() for p in encoder.parameters()) == 28_589_128 - 769_000
    assert (encoder.feature_dim, encoder.reduction) == (768, 32)


@pytest.mark.parametrize(("side", "patch", "h"), [(16, 2, 4), (28, 1, 14), (30, 4, 4), (8, 2, 2), (9, 2, 3)])
def test_maps_are_smaller_by_the_reduction_rounded_up(side, patch, h):
    encoder = build(ConvnextConfig(widths=(6, 10), blocks=(1, 1), patch=patch))
    maps = encoder.maps(torch.rand(2, 1, side, side))
    assert maps.shape == (2, 10, h, h)
    assert -(-side // encoder.reduction) == h


def test_the_feature_is_the_mean_of_the_normed_maps():
    encoder, x = build(), torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(encoder(x), encoder.maps(x).flatten(2).sum(2) / 4)
    places = encoder.maps(x).permute(0, 2, 3, 1)
    torch.testing.assert_close(places.mean(3), torch.zeros(2, 2, 2), atol=1e-6, rtol=0)
    torch.testing.assert_close(places.var(3, unbiased=False), torch.ones(2, 2, 2), atol=1e-3, rtol=0)


def test_the_norm_is_over_channels_at_each_place():
    norm, x = MapNorm(5), torch.randn(2, 5, 3, 4) * 3 + 1
    for b in range(2):
        for i in range(3):
            for j in range(4):
                torch.testing.assert_close(norm(x)[b, :, i, j], F.layer_norm(x[b, :, i, j], (5,), eps=1e-6))


def test_a_block_is_the_paper_s_written_with_convolutions():
    torch.manual_seed(0)
    block = Block(4, 0.0)
    with torch.no_grad():
        block.gamma.copy_(torch.randn(4))
    x = torch.randn(2, 4, 9, 9)
    inner = F.conv2d(x, block.dwconv.weight, block.dwconv.bias, padding=3, groups=4)
    inner = torch.stack([F.layer_norm(row, (4,), eps=1e-6) for row in inner.flatten(2).mT.flatten(0, 1)])
    inner = inner.reshape(2, 9, 9, 4).permute(0, 3, 1, 2)
    inner = F.conv2d(inner, block.pwconv1.weight[:, :, None, None], block.pwconv1.bias)
    inner = F.conv2d(F.gelu(inner), block.pwconv2.weight[:, :, None, None], block.pwconv2.bias)
    torch.testing.assert_close(block(x), x + block.gamma[:, None, None] * inner)


def test_blocks_begin_almost_as_the_identity():
    assert torch.equal(build().stages[0][0].gamma, torch.full((6,), 1e-6))


def test_gradient_reaches_every_parameter():
    encoder = build()
    (encoder(torch.rand(3, 1, 8, 8)) @ torch.randn(10)).square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_groups_without_blocks_are_refused():
    with pytest.raises(ValueError, match="one entry a group, got 2 and 1"):
        ConvnextConfig(widths=(4, 8), blocks=(1,))
