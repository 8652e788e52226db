import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from components.encoders import EncoderConfig, build_encoder
from components.encoders.resnet import Resnet18Config, Resnet50Config, ResnetConfig
from components.modalities.image.config import image_packing

SMALL = ResnetConfig(widths=(8, 16), blocks=(1, 1))


def build(config=SMALL, channels=3, mean=None, std=None):
    torch.manual_seed(0)
    return build_encoder(config, image_packing(channels, mean or [0.5] * channels, std or [0.25] * channels))


@pytest.mark.parametrize(
    ("config", "parameters", "features"),
    [(Resnet18Config(stem="large"), 11_176_512, 512), (Resnet50Config(stem="large"), 23_508_032, 2048)],
)
def test_parameter_counts_are_the_published_ones_without_the_classifier(config, parameters, features):
    encoder = build(config)
    assert sum(p.numel() for p in encoder.parameters()) == parameters
    assert encoder.feature_dim == features
    depth = sum(isinstance(m, torch.nn.Conv2d) and m.kernel_size[0] > 1 for m in encoder.modules())
    assert depth == 17  # both: stem + 16; a bottleneck adds its 1x1 ones


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (ResnetConfig(), (128, 8)),
        (ResnetConfig(stem_stride=2), (128, 4)),
        (ResnetConfig(stem="large"), (128, 2)),
        (ResnetConfig(block="bottleneck", widths=(8, 16), blocks=(1, 2)), (64, 16)),
    ],
)
def test_the_shape_of_the_last_maps_follows_from_the_config(config, shape):
    encoder = build(config, channels=1)
    x = torch.rand(2, 1, 32, 32)
    assert encoder.blocks(encoder.stem(x)).shape == (2, shape[0], shape[1], shape[1])
    assert encoder(x).shape == (2, encoder.feature_dim) == (2, shape[0])


def test_features_are_the_mean_of_the_last_maps_of_the_normalised_sample():
    encoder = build(mean=[0.1, 0.2, 0.3], std=[0.5, 1.0, 2.0]).eval()
    x = torch.rand(2, 3, 8, 8)
    normal = torch.stack(
        [(x[:, c] - m) / s for c, (m, s) in enumerate(((0.1, 0.5), (0.2, 1.0), (0.3, 2.0)))], 1
    )
    maps = encoder.blocks(encoder.stem(normal))
    torch.testing.assert_close(encoder(x), maps.flatten(2).sum(2) / maps[0, 0].numel())


def test_the_pixel_statistics_travel_with_the_weights():
    one, other = build(mean=[0.1] * 3), build(mean=[0.9] * 3)
    other.load_state_dict(one.state_dict())
    x = torch.rand(4, 3, 8, 8)
    assert torch.equal(one.eval()(x), other.eval()(x))


def test_zero_last_makes_every_block_its_way_round():
    encoder = build(ResnetConfig(widths=(8,), blocks=(2,), zero_last=True))
    maps = torch.rand(2, 8, 4, 4)
    assert torch.equal(encoder.blocks(maps), maps)
    assert not torch.equal(build(ResnetConfig(widths=(8,), blocks=(2,))).blocks(maps), maps)


@pytest.mark.parametrize("config", [SMALL, ResnetConfig(widths=(8, 8), blocks=(1, 1), block="bottleneck")])
def test_gradient_reaches_every_parameter(config):
    encoder = build(config)
    encoder(torch.rand(4, 3, 16, 16)).square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_channels_last_gives_the_same_features():
    encoder, x = build().eval(), torch.rand(4, 3, 16, 16)
    plain = encoder(x)
    torch.testing.assert_close(encoder.to(memory_format=torch.channels_last)(x), plain, atol=1e-5, rtol=1e-5)


def test_same_seed_same_weights():
    assert all(torch.equal(a, b) for a, b in zip(build().parameters(), build().parameters(), strict=True))


@pytest.mark.parametrize(
    ("mean", "std"), [([0.5], [0.5] * 3), ([0.5] * 3, [0.5]), ([0.5] * 3, [0.5, 0.0, 0.5])]
)
def test_statistics_that_do_not_fit_are_refused(mean, std):
    with pytest.raises(ValueError, match="3 means and 3 stds above 0"):
        build(mean=mean, std=std)


def test_configs_are_told_apart_by_name_and_refuse_what_does_not_fit():
    read = TypeAdapter(EncoderConfig).validate_python
    assert isinstance(read({"name": "resnet50"}), Resnet50Config)
    assert read({"name": "resnet", "widths": [8], "blocks": [1]}) == ResnetConfig(widths=(8,), blocks=(1,))
    with pytest.raises(ValidationError, match="one entry a group"):
        ResnetConfig(widths=(8, 8), blocks=(1,))
    with pytest.raises(ValidationError, match="resnet18"):
        read({"name": "resnet19"})
