"""The dense head: shapes, which pixels it looks at, and that it leaves the encoder alone."""

import pytest
import torch
import torch.nn.functional as F

from components.encoders import build_encoder
from components.encoders.base import MapEncoder
from components.encoders.convnext import ConvnextConfig
from components.encoders.decoder import mapping
from components.encoders.dense_head import dense_head, depths_of, scores_of, upsampled
from components.encoders.resnet import ResnetConfig
from components.modalities.image.config import image_packing

RESNET = ResnetConfig(widths=(4, 8, 12), blocks=(2, 1, 1))
CONVNEXT = ConvnextConfig(widths=(4, 8), blocks=(1, 1))


def encoder_of(config: object, side: int = 16) -> MapEncoder:
    torch.manual_seed(0)
    return mapping(build_encoder(config, image_packing(1, [0.5], [0.2], side)), "a test").eval()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "depths"), [(RESNET, [4, 8, 12]), (CONVNEXT, [4, 8])], ids=["resnet", "convnext"]
)
@torch.no_grad()
def test_the_pyramid_ends_in_the_maps(config: object, depths: list[int]) -> None:
    encoder = encoder_of(config)
    x = torch.rand(2, 1, 16, 16)
    found = encoder.pyramid(x)
    assert torch.equal(found[-1], encoder.maps(x))
    assert [part.shape[1] for part in found] == depths == depths_of(encoder)
    sides = [part.shape[-1] for part in found]
    assert sides == sorted(sides, reverse=True)
    assert sides[-1] == 16 // encoder.reduction


@torch.no_grad()
def test_an_encoder_without_steps_gives_its_one_map() -> None:
    encoder = encoder_of(RESNET)
    x = torch.rand(2, 1, 16, 16)
    assert [part.shape for part in MapEncoder.pyramid(encoder, x)] == [encoder.maps(x).shape]


@pytest.mark.parametrize("side", [16, 13, 9])
@pytest.mark.parametrize("config", [RESNET, CONVNEXT], ids=["resnet", "convnext"])
def test_scores_of_every_pixel(config: object, side: int) -> None:
    encoder = encoder_of(config, side)
    head = dense_head(encoder, 3, width=8).eval()
    scores, last = scores_of(encoder, head, torch.rand(2, 1, side, side))
    assert scores.shape == (2, 3, side, side)
    assert last.shape[1] == encoder.feature_dim


@torch.no_grad()
def test_scores_lie_where_their_pixels_do() -> None:
    """What changes when one corner of the image changes is near that corner."""
    encoder = encoder_of(ResnetConfig(widths=(4, 8), blocks=(1, 1)), 45)
    head = dense_head(encoder, 3, width=8).eval()
    x = torch.rand(1, 1, 45, 45)
    other = x.clone()
    other[..., 40:, 40:] = 0
    changed = (scores_of(encoder, head, x)[0] - scores_of(encoder, head, other)[0]).abs().sum(
        dim=(0, 1)
    ) > 1e-6
    assert changed[40:, 40:].all()
    assert not changed[:16, :].any()
    assert not changed[:, :16].any()


def test_trying_an_encoder_leaves_it_as_it_was() -> None:
    encoder = encoder_of(RESNET).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    dense_head(encoder, 3)
    assert encoder.training
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_a_frozen_encoder_gets_no_gradient() -> None:
    encoder = encoder_of(RESNET)
    head = dense_head(encoder, 3, width=8)
    x = torch.rand(2, 1, 16, 16)
    scores_of(encoder, head, x, frozen=True)[0].sum().backward()
    assert all(parameter.grad is None for parameter in encoder.parameters())
    assert all(parameter.grad is not None for parameter in head.parameters())
    scores_of(encoder, head, x)[0].sum().backward()
    assert any(parameter.grad is not None for parameter in encoder.parameters())


def test_enlarging_by_hand() -> None:
    assert (
        upsampled(torch.tensor([[[[0.0, 4.0], [0.0, 4.0]]]]), 4)[0, 0].tolist() == [[0.0, 1.0, 3.0, 4.0]] * 4
    )


@torch.no_grad()
def test_an_odd_side_is_continued_and_cut() -> None:
    encoder = encoder_of(CONVNEXT, 13)
    head = dense_head(encoder, 3, width=8).eval()
    x = torch.rand(2, 1, 13, 13)
    whole = scores_of(encoder, head, F.pad(x, (0, 3, 0, 3), mode="replicate"))[0]
    assert torch.equal(scores_of(encoder, head, x)[0], whole[..., :13, :13])
