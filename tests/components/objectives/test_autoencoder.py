"""Autoencoder and the squared error that others share: by hand, with and without a mask, and the target's side."""

import pytest
import torch
from torch import nn

from components.encoders.base import ImageEncoder
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.objectives.autoencoder import Autoencoder, AutoencoderConfig, squared_error
from components.objectives.base import Batch


def test_by_hand():
    x = torch.zeros(2, 3, 4, 4)
    assert squared_error(x + 2, x).item() == 4
    x[0, 1, 2, 3] = 6  # 36 in one of 96 values
    assert squared_error(x, torch.zeros_like(x)).item() == pytest.approx(36 / 96)


def test_masked_pixels_alone_count_and_every_sample_the_same():
    target, prediction = (
        torch.zeros(2, 1, 2, 2),
        torch.tensor([1.0, 2, 3, 4]).reshape(1, 1, 2, 2).repeat(2, 1, 1, 1),
    )
    where = torch.tensor([[True, True, True, False], [False, False, False, True]]).reshape(2, 1, 2, 2)
    assert squared_error(prediction, target, where).item() == pytest.approx(((1 + 4 + 9) / 3 + 16) / 2)
    other = torch.where(where, prediction, 99.0)
    assert torch.equal(squared_error(other, target, where), squared_error(prediction, target, where))


def test_another_size_is_refused_by_name():
    with pytest.raises(UserError, match="`size` has to be the side of its views"):
        squared_error(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 8, 8))


class Pixels(ImageEncoder):
    feature_dim = 16

    def forward(self, x):
        return x.flatten(1)


class Told(nn.Module):
    """A decoder that says what it is given, standardised and then `off` by so much."""

    def __init__(self, off=0.0):
        super().__init__()
        self.off = off

    def forward(self, feature):
        return (feature.reshape(-1, 1, 4, 4) - 0.4) / 0.2 + self.off


@pytest.mark.parametrize("off", [0.0, 3.0])
def test_the_target_is_the_image_as_the_encoder_standardises_it(off):
    encoder = Pixels(image_packing(1, [0.4], [0.2]))
    objective = Autoencoder(AutoencoderConfig(width=4), encoder, rows=0, size=4)
    objective.decoder = Told(off)
    batch = Batch([torch.rand(5, 1, 4, 4)], torch.arange(5))
    assert objective(encoder, batch).total.item() == pytest.approx(off**2, abs=1e-9)


def test_the_target_takes_no_gradient():
    encoder = Pixels(image_packing(1, [0.4], [0.2]))
    objective = Autoencoder(AutoencoderConfig(width=4), encoder, rows=0, size=4)
    x = torch.rand(5, 1, 4, 4, requires_grad=True)
    objective.decoder = nn.Sequential(nn.Flatten(0), nn.Unflatten(0, (5, 1, 4, 4)))
    objective(encoder, Batch([x], torch.arange(5))).total.backward()
    expected = 2 * (x - (x - 0.4) / 0.2) / x.numel()  # through the prediction alone
    torch.testing.assert_close(x.grad, expected.detach())
