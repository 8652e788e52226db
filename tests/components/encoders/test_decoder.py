"""Decoders: the sides on the way, the shapes they give, that nothing of the input is lost, and what is refused."""

import pytest
import torch

from components.encoders import build_encoder
from components.encoders.base import Encoder
from components.encoders.decoder import FeatureDecoder, MapDecoder, mapping, sides
from components.encoders.resnet import ResnetConfig
from components.errors import UserError
from components.modalities.image.config import image_packing


@pytest.mark.parametrize(
    ("side", "start", "way"),
    [(28, 4, [7, 14, 28]), (32, 8, [16, 32]), (32, 32, []), (7, 1, [2, 4, 7]), (20, 3, [5, 10, 20])],
)
def test_the_way_is_that_of_convolutions_of_stride_2_backwards(side, start, way):
    assert sides(side, start) == way


@pytest.mark.parametrize("side", [8, 28, 33])
def test_the_maps_of_an_encoder_and_its_features_become_images_of_the_first_size(side):
    encoder = build_encoder(
        ResnetConfig(widths=(4, 6, 8), blocks=(1, 1, 1)), image_packing(2, [0.5, 0.4], [0.3, 0.2])
    )
    x = torch.rand(3, 2, side, side)
    maps = encoder.maps(x)
    assert MapDecoder(8, 2, side, maps.shape[2], width=8)(maps).shape == x.shape
    assert FeatureDecoder(8, 2, side, width=8)(encoder(x)).shape == x.shape


@pytest.mark.parametrize(("side", "start"), [(28, 4), (32, 4), (20, 3), (2, 2)])
def test_a_feature_is_spread_over_the_largest_map_of_side_4_or_less(side, start):
    decoder = FeatureDecoder(5, 1, side, width=8)
    assert decoder.start == start
    assert decoder.spread.out_features == 8 * start**2


def test_widths_halve_with_every_enlargement_after_the_first_down_to_16():
    decoder = MapDecoder(128, 3, 64, 4, width=64)
    assert [step[0].out_channels for step in decoder.steps] == [64, 32, 16, 16]
    assert decoder.last.out_channels == 3


def test_every_number_of_the_feature_reaches_every_pixel():
    torch.manual_seed(0)
    decoder = FeatureDecoder(5, 1, 8, width=8).double().eval()
    jacobian = torch.autograd.functional.jacobian(
        lambda z: decoder(z).flatten(), torch.randn(1, 5, dtype=torch.float64)
    )
    assert torch.linalg.matrix_rank(jacobian[:, 0]) == 5
    assert (jacobian[:, 0].abs().sum(dim=1) > 0).all()


def test_a_map_larger_than_the_image_and_an_encoder_without_maps_are_refused():
    with pytest.raises(UserError, match="no larger than 8 x 8, got 9"):
        MapDecoder(4, 1, 8, 9)
    with pytest.raises(UserError, match=r"inpainting needs an encoder that gives maps .* got Encoder"):
        mapping(Encoder(1, [0.5], [0.3]), "inpainting")
