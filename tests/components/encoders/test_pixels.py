import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from components.encoders import EncoderConfig, build_encoder
from components.encoders.pixels import PixelsConfig
from components.modalities.image.config import image_packing


def test_pixels_come_as_they_are_channel_by_channel_and_row_by_row():
    encoder = build_encoder(PixelsConfig(side=2), image_packing(2, [0.5, 0.25], [0.5, 0.25]))
    x = torch.arange(8.0).reshape(1, 2, 2, 2) / 8
    assert encoder(x)[0].tolist() == [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]
    assert encoder.feature_dim == 8
    assert not encoder.learnt


def test_larger_images_are_averaged_down():
    encoder = build_encoder(PixelsConfig(side=1), image_packing(1, [0.0], [1.0]))
    x = torch.tensor([[[[0.0, 1.0], [0.5, 0.5]]]])
    assert encoder(x).item() == pytest.approx(0.5)


def test_nobody_can_train_it():
    with pytest.raises(ValidationError):
        TypeAdapter(EncoderConfig).validate_python({"name": "pixels"})
