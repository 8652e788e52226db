"""Every encoder, by the name its configuration carries. Adding one is a line here."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from components.config import Config
from components.encoders.adapters import Timm, TimmConfig, Transformers, TransformersConfig
from components.encoders.base import Encoder
from components.encoders.convnext import Convnext, ConvnextConfig, ConvnextTinyConfig, convnext_topology
from components.encoders.joined import Joined
from components.encoders.pixels import Pixels, PixelsConfig
from components.encoders.published import Published, PublishedConfig
from components.encoders.resnet import Resnet, Resnet18Config, Resnet50Config, ResnetConfig, topology
from components.encoders.start import begin_from
from components.encoders.vit import NamedVitConfig, Vit, VitConfig, vit_topology

EncoderConfig = Annotated[
    ResnetConfig
    | Resnet18Config
    | Resnet50Config
    | ConvnextConfig
    | ConvnextTinyConfig
    | VitConfig
    | NamedVitConfig
    | TimmConfig
    | TransformersConfig,
    Field(discriminator="name"),
]
Finished = PixelsConfig | PublishedConfig  # nothing in them learns


class JoinedConfig(Config):
    """members: side by side, pixels last."""

    name: Literal["joined"] = "joined"
    members: tuple[Annotated[EncoderConfig | Finished, Field(discriminator="name")], ...] = Field(
        min_length=2
    )


ServedConfig = Annotated[EncoderConfig | Finished | JoinedConfig, Field(discriminator="name")]  # of a model

__all__ = ["Encoder", "EncoderConfig", "JoinedConfig", "ServedConfig", "build_encoder", "start_encoder"]

# kind of configuration -> the network of one, its channels, means and stds
BUILD: dict[type, Callable[..., Encoder]] = {
    ResnetConfig: Resnet,
    Resnet18Config: lambda config, *given: Resnet(topology(config), *given),
    Resnet50Config: lambda config, *given: Resnet(topology(config), *given),
    ConvnextConfig: Convnext,
    ConvnextTinyConfig: lambda config, *given: Convnext(convnext_topology(config), *given),
    VitConfig: Vit,
    NamedVitConfig: lambda config, *given: Vit(vit_topology(config), *given),
    TimmConfig: Timm,
    TransformersConfig: Transformers,
    PixelsConfig: Pixels,
    PublishedConfig: Published,
    JoinedConfig: lambda config, *given: Joined([build_encoder(m, *given) for m in config.members], *given),
}


def build_encoder(
    config: ServedConfig, channels: int, mean: Sequence[float], std: Sequence[float]
) -> Encoder:
    """The encoder for samples of `channels` channels with pixels of the given mean and standard deviation.

    As chance begins it: `start` is not looked at, so that a trained encoder can be built without that file.

    Raises:
        ValueError: mean or std are not one a channel, or std is not above 0.
        UserError: it is of a library that is missing.
    """
    return BUILD[type(config)](config, channels, mean, std)


def start_encoder(
    config: EncoderConfig, channels: int, mean: Sequence[float], std: Sequence[float]
) -> Encoder:
    """The same for a training that begins: with the weights of `start`, and what of them may change.

    Raises:
        UserError: as begin_from.
    """
    return begin_from(build_encoder(config, channels, mean, std), config.start)
