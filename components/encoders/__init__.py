"""Every encoder, by the name its configuration carries. Adding one is a line here."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from components.encoders.base import Encoder
from components.encoders.resnet import Resnet, Resnet18Config, Resnet50Config, ResnetConfig, topology

EncoderConfig = Annotated[ResnetConfig | Resnet18Config | Resnet50Config, Field(discriminator="name")]

__all__ = ["Encoder", "EncoderConfig", "build_encoder"]


def build_encoder(
    config: EncoderConfig, channels: int, mean: Sequence[float], std: Sequence[float]
) -> Encoder:
    """The encoder for samples of `channels` channels with pixels of the given mean and standard deviation.

    Raises:
        ValueError: mean or std are not one a channel, or std is not above 0.
    """
    return Resnet(topology(config), channels, mean, std)
