import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from components.encoders import EncoderConfig, build_encoder
from components.encoders.pixels import PixelsConfig
from components.modalities.image.config import image_packing


def test_pixels_come_standardised_channel_by_channel_and_row_by_row():
    encoder = build_encoder(PixelsConfig(side=2), image_packing(2, [0.5, 0.25], [0.5, 0.25]))
    x = torch.arange(8.0).reshape(1, 2, 2, 2) / 8
    expected = torch.cat([(x[0, 0].flatten() - 0.5) / 0.5, (x[0, 1].flatten() - 0.25) / 0.25])
    assert torch.allclose(encoder(x)[0], expected)
    assert encoder.feature_dim == 8


def test_larger_images_are_averaged_down():
    encoder = build_encoder(PixelsConfig(side=1), image_packing(1, [0.0], [1.0]))
    x = torch.tensor([[[[0.0, 1.0], [0.5, 0.5]]]])
    assert encoder(x).item() == pytest.approx(0.5)


def test_nobody_can_train_it():
    with pytest.raises(ValidationError):
        TypeAdapter(EncoderConfig).validate_python({"name": "pixels"})
