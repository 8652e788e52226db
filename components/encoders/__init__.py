"""Every encoder, by the name its configuration carries. Adding one is a line here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.joined import Joined
from components.encoders.pixels import Pixels, PixelsConfig
from components.encoders.published import Published, PublishedConfig
from components.encoders.start import begin_from
from components.implementations import Implementations

__all__ = [
    "ENCODERS", "Encoder", "EncoderConfig", "JoinedConfig", "ServedConfig", "build_encoder", "start_encoder",
]  # fmt: skip

ENCODERS = Implementations[Encoder](
    "components.encoders",
    "selfsup.encoders",
    {
        "resnet": "resnet:Resnet",
        "resnet18": "resnet:Resnet",
        "resnet50": "resnet:Resnet",
        "convnext": "convnext:Convnext",
        "convnext_tiny": "convnext:Convnext",
        "vit": "vit:Vit",
        "vit_tiny": "vit:Vit",
        "vit_small": "vit:Vit",
        "vit_base": "vit:Vit",
        "timm": "adapters:Timm",
        "transformers": "adapters:Transformers",
    },
)
if TYPE_CHECKING:
    EncoderConfig = Config
    MemberConfig = Config
else:
    EncoderConfig = ENCODERS.config_type()
    MemberConfig = ENCODERS.config_type(PixelsConfig, PublishedConfig)  # nothing in these learns


class JoinedConfig(Config):
    """members: side by side, pixels last."""

    name: Literal["joined"] = "joined"
    members: tuple[MemberConfig, ...] = Field(min_length=2)


if TYPE_CHECKING:
    ServedConfig = Config
else:
    ServedConfig = ENCODERS.config_type(PixelsConfig, PublishedConfig, JoinedConfig)  # of a model


def build_encoder(
    config: ServedConfig, channels: int, mean: Sequence[float], std: Sequence[float]
) -> Encoder:
    """The encoder for samples of `channels` channels with pixels of the given mean and standard deviation.

    As chance begins it: `start` is not looked at, so that a trained encoder can be built without that file.

    Raises:
        ValueError: mean or std are not one a channel, or std is not above 0.
        UserError: it is of a library that is missing.
    """
    given = (channels, mean, std)
    match config:
        case PixelsConfig():
            return Pixels(config, *given)
        case PublishedConfig():
            return Published(config, *given)
        case JoinedConfig():
            return Joined([build_encoder(member, *given) for member in config.members], *given)
    return ENCODERS.build(config, *given)


def start_encoder(
    config: EncoderConfig, channels: int, mean: Sequence[float], std: Sequence[float]
) -> Encoder:
    """The same for a training that begins: with the weights of `start`, and what of them may change.

    Raises:
        UserError: as begin_from.
    """
    return begin_from(build_encoder(config, channels, mean, std), getattr(config, "start", None))
